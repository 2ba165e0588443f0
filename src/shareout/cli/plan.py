"""`plan`: who runs what, as a table that a person checks at a glance, as JSON, or as a stream of job ids."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from shareout.choices import Barriers, words_of
from shareout.cli.inputs.recorded_call import call_of
from shareout.cli.options import Common, add_common
from shareout.cli.planning import check_fits, tell_oddities
from shareout.entry import Entry
from shareout.errors import CannotRead, InputError, PlanMismatch, UsageError, cannot_read
from shareout.names import ALL
from shareout.plan import fingerprint
from shareout.plan.fitting import hosts_of, refuse_unfit, unknown_of
from shareout.plan.plan import Plan, Share
from shareout.show.beside import say
from shareout.units import counted

AT_ONCE = 10_000
HEX = 16
WHOLE = 72
"""Columns of the line with the digest."""


@dataclass(frozen=True, slots=True)
class PlanArguments:
    """The flags of `plan`."""

    machine: str | None
    ids: bool
    card: bool
    compare: str | None
    expect: str | None
    pool: Path | None
    local_barriers: bool


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "examples:\n"
        "  shareout plan\n"
        "  shareout plan --machine alice --ids | head\n"
        "  shareout plan --card > card.txt     # here, and on the machine that disagrees:\n"
        "  shareout plan --compare card.txt"
    )
    parser.add_argument("named", nargs="?", metavar="POOL", help="a pool file (default: the configs')")
    parser.add_argument("--machine", metavar="NAME", help="this machine's share only (or all)")
    parser.add_argument("--ids", action="store_true", help="with --machine: its job ids in running order, one a line")
    parser.add_argument("--card", action="store_true", help="1 KB of text that tells this plan to another machine")
    parser.add_argument("--compare", metavar="CARD", help="say what differs from a card: a file, or -")
    parser.add_argument("--expect", metavar="FINGERPRINT", help="exit 2 when the plan is another one")
    parser.add_argument("--pool", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--barriers", choices=words_of(Barriers), help="let every machine keep barriers by itself")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    asked = PlanArguments(
        arguments.machine,
        arguments.ids,
        arguments.card,
        compare=arguments.compare,
        expect=arguments.expect,
        pool=Path(named) if (named := arguments.named or arguments.pool) else None,
        local_barriers=arguments.barriers == Barriers.LOCAL,
    )
    if asked.ids and not asked.machine:
        raise UsageError("--ids needs to know whose", way_out="Add --machine NAME.")
    call = call_of(common, asked.pool, {}, says_what=asked.pool is not None or asked.machine == ALL)
    plan, settings = call.plan(common, entry, local_barriers=asked.local_barriers)
    _check_fits(entry, plan)
    tell_oddities(plan)
    check_expected(plan, asked.expect)
    if asked.card:
        from shareout.plan.card import make_card

        sys.stdout.write(make_card(plan).text())
        return 0
    if asked.compare:
        return _compare(plan, asked.compare, common)
    shares = [plan.share(asked.machine)] if asked.machine else [plan.share(one.name) for one in plan.machines]
    if asked.ids:
        return _print_ids(plan, shares[0])
    hosts = hosts_of(plan, settings)
    for sentence in unknown_of(refuse_unfit(plan, settings, hosts), hosts):
        if not common.quiet:
            say(f"shareout: {sentence}")
    if common.json:
        print(json.dumps(plan_facts(plan, shares), ensure_ascii=True))
    elif not common.quiet:
        from shareout.show.fold import columns_of, folded

        columns = columns_of(sys.stdout)
        print(folded(_table(plan, shares, columns), columns))
    return 0


def _check_fits(entry: Entry | None, plan: Plan) -> None:
    """Who only plans may not have the program that the rows are for: that no command comes of them is told, and
    refused by `run`."""
    try:
        check_fits(entry, plan.pool)
    except InputError as error:
        if entry is not None:
            raise
        for line in error.lines():
            say(f"shareout: {line}")


def check_expected(plan: Plan, expected: str | None) -> None:
    """`--expect`: refuse any other plan."""
    if expected and not fingerprint.matches(expected, plan.digest):
        raise PlanMismatch(
            f"this is the plan {plan.fingerprint} ({plan.short_hex}), not the expected {expected}",
            way_out="`plan --card` there and `plan --compare CARD` here say which input differs.",
        )


def plan_facts(plan: Plan, shares: list[Share]) -> dict[str, Any]:
    """The document of `plan --json`; `docs/formats.md` describes it."""
    weights = {one.name: one for one in plan.machines}
    return {
        "digest": plan.hex,
        "fingerprint": plan.fingerprint,
        "jobs": plan.jobs,
        "inputs": [
            {"role": one.role, "path": one.path, "bytes": one.size, "blake3": one.blake3.hex()} for one in plan.inputs
        ],
        "machines": [
            {
                "name": share.machine,
                "weight": number(weights[share.machine].weight) if share.machine in weights else None,
                "cores": weights[share.machine].cores if share.machine in weights else None,
                "jobs": len(share),
                "ranges": [list(one) for one in share.ranges],
                **({"audit": [list(one) for one in share.audit]} if share.audit else {}),
            }
            for share in shares
        ],
    }


def number(value: Fraction) -> int | float:
    """For eyes and JSON only: nothing is decided by it."""
    return int(value) if value.denominator == 1 else float(value)


def _print_ids(plan: Plan, share: Share) -> int:
    for start, stop in share.ranges:
        ids = plan.jobs_between(start, stop)
        while block := list(islice(ids, AT_ONCE)):
            sys.stdout.write("\n".join(map(str, block)) + "\n")
    return 0


def _compare(plan: Plan, where: str, common: Common) -> int:
    from shareout.plan.card import compare, read_card

    try:
        text = sys.stdin.read() if where == "-" else Path(where).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and isinstance(refused := cannot_read(where, error), CannotRead):
            raise refused from error
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no text"
        way_out = "`plan --card > FILE` on the other machine makes one."
        raise UsageError(f"the card {where} cannot be read: {why}", way_out=way_out) from error
    said = compare(plan, read_card(text, where))
    if common.json:
        print(json.dumps({"same": not said, "differs": said}))
    elif not said:
        print(f"the same plan: {plan.fingerprint}")
    else:
        print("\n".join(said))
    return 2 if said else 0


def _table(plan: Plan, shares: list[Share], columns: int | None) -> str:
    """On a terminal that is too narrow for a whole hash, what a person compares of it."""
    from shareout.show.tables import table

    head = ["input", "file", "bytes", "BLAKE3"]
    inputs = [[one.role, one.path or "-", f"{one.size:,}", one.blake3.hex()] for one in plan.inputs]
    if columns is not None and columns < max(map(len, table(head, inputs).split("\n"))):
        inputs = [[*cells, f"{blake3[:HEX]}…"] for *cells, blake3 in inputs]
    total = sum((one.weight for one in plan.machines), Fraction(0))
    by_name = {one.name: one for one in plan.machines}
    rows = []
    for share in shares:
        machine = by_name.get(share.machine)
        weight, cores = (number(machine.weight), machine.cores) if machine else ("-", "-")
        percent = f"{float(100 * machine.weight / total):.2f}%" if machine and total else "100%"
        rows.append([share.machine, str(weight), str(cores), percent, f"{len(share):,}", _ranges(share)])
    halves = f"{plan.hex[:32]}\n        {plan.hex[32:]}"
    phases = f" in {len(plan.pool.phases)} phases" if len(plan.pool.phases) > 1 else ""
    lines = [
        table(head, inputs, right={2}, columns=columns),
        "",
        f"digest  {plan.hex if columns is None or columns >= WHOLE else halves}",
        f"        {plan.fingerprint}  ·  {plan.short_hex}",
        "",
        table(["machine", "weight", "cores", "share", "jobs", "positions"], rows, right={1, 2, 3, 4}, columns=columns),
        "",
        f"{counted(plan.jobs, 'job')}{phases}; compare the digest on every machine before you start",
    ]
    audited = sum(stop - start for share in shares for start, stop in share.audit)
    if audited:
        lines.append(f"audit: {audited:,} jobs are run by a second machine too, to compare results")
    idle = [share.machine for share in shares if not len(share)]
    if idle:
        shown = ", ".join(idle[:8]) + (" …" if len(idle) > 8 else "")
        lines.append(f"no job for {shown}: there are fewer jobs than it takes to give {_pronoun(idle)} one")
    return "\n".join(lines)


def _pronoun(idle: list[str]) -> str:
    return "it" if len(idle) == 1 else "them"


def _ranges(share: Share) -> str:
    shown = [f"{start}…{stop - 1}" for start, stop in share.ranges if start < stop]
    return " ".join(shown[:4]) + (" …" if len(shown) > 4 else "") or "-"
