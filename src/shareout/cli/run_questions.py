"""What `run` asks on a terminal: which machine this is, and whether the digest is the same everywhere."""

from __future__ import annotations

import sys
from pathlib import Path

from shareout.errors import UsageError
from shareout.linux import host_name
from shareout.plan.plan import Plan
from shareout.show.fold import columns_of, folded
from shareout.units import counted

COLUMNS = 80
"""Of a terminal that does not say."""


def ask_machine(plan: Plan, machines: Path) -> str | None:
    """Which of the plan's this host is; None for who does not say."""
    names = [one.name for one in plan.machines]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        listed = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        raise UsageError(
            f"{machines} names {listed}, and there is no terminal to ask on which of them this is",
            # Refused at once, and not waited for: a batch job would wait for an answer until its time is over.
            way_out="Say --machine NAME --yes (all: this host runs every job), and --expect FINGERPRINT to be sure.",
        )
    # Asked, and never guessed from the host's name, although the one that matches is preselected: hosts that were
    # copied have the same name, and both would run its share without a word.
    from shareout.show import prompts

    width = max(map(len, names))
    described = [
        f"{one.name:<{width}}  {counted(one.cores, 'core')}, {counted(len(plan.share(one.name)), 'job')}"
        for one in plan.machines
    ]
    return prompts.ask_machine(names, described, host_name(), columns_of(sys.stdout) or COLUMNS)


def confirmed(plan: Plan, machine: str, *, named: bool) -> bool:
    """A machine that was only picked may be another's: Enter twice must not run its share a second time."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "there is no terminal to confirm on", way_out="Add --yes, and --expect FINGERPRINT to be sure of the plan."
        )
    from shareout.show import prompts

    share = plan.share(machine)
    columns = columns_of(sys.stdout) or COLUMNS
    # The words, for two people read them to each other; the hex beside them is what the folder is named by.
    print(folded(f"digest  {plan.fingerprint}  ·  {plan.short_hex}", columns))
    print(folded(f"share   {len(share):,} of {plan.jobs:,} jobs for {machine}", columns))
    return prompts.ask_same("Is the digest the same on every machine, and shall it run?", columns, default=named)
