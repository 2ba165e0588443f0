"""The commands in one screen, and what is said to who names one that there is not."""

from __future__ import annotations

import sys

from shareout.cli import COMMANDS
from shareout.cli.options import program_name
from shareout.errors import UsageError, nearest


def overview() -> str:
    """What there is, in one screen."""
    name = program_name()
    width = max(map(len, COMMANDS))
    # An executable cannot make another one.
    known = [name for name in COMMANDS if name != "freeze" or not getattr(sys, "frozen", False)]
    listed = "\n".join(f"  {command:<{width}}  {COMMANDS[command]}" for command in known)
    return (
        f"usage: {name} [COMMAND] [FLAG …]\n\n"
        "Split a huge pile of independent jobs over machines that never talk to each other.\n\n"
        f"  {name} plan                        compare the digest on every machine\n"
        f"  {name} run --machine alice --yes   run one machine's share; run again to resume\n"
        f"  {name} merge-results runs/*        merge, and know that nothing is missing\n\n"
        f"{listed}\n\n"
        f"`{name} COMMAND --help` tells the flags of each, `{name} help WORD` what is about a word,\n"
        f"`{name} --version` the version."
    )


def unknown(word: str) -> UsageError:
    """For a word that is no command: what was perhaps meant."""
    name = program_name()
    way_out = f"`{name} --help` lists them."
    if word == "merge":
        way_out = f"`{name} merge-results` makes the table, `{name} merge-logs` one log."
    elif "." in word or "/" in word:
        way_out = f"To run a pool file: {name} run {word}"
    return UsageError(f'there is no command "{word}"{nearest(word, COMMANDS, cutoff=0.67)}', way_out=way_out)
