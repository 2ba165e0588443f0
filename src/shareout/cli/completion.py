"""`completion bash|zsh|fish`: the script that lets a shell complete the words of a call, under this file's own name;
with `-- WORD…`, what may stand where the last of these words does."""

from __future__ import annotations

import argparse
import sys

from shareout.cli.completing.shells import SHELLS, script
from shareout.cli.options import program_name
from shareout.entry import Entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose, and what is typed so far."""
    name = parser.prog
    parser.epilog = (
        f"examples:\n  source <({name} bash)\n  {name} fish > ~/.config/fish/completions/{name.split()[0]}.fish"
    )
    parser.add_argument("shell", choices=list(SHELLS), metavar="SHELL", help="bash, zsh or fish")
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="after --: a call as far as it is typed; prints what may follow",
    )


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0: a shell that asks in the middle of a line has no use for an error."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not arguments.words:
        name = program_name()
        own = name == "shareout" and not getattr(sys, "frozen", False)
        print(script(arguments.shell, [name, "merge-results", "merge-logs"] if own else [name]), end="")
        return 0
    from shareout.cli.completing.offers import offer

    found, current = offer(words or [""])
    # bash takes what it is given as it is; the others choose by what a user has set, not by the beginning alone.
    for line in found.lines(current if arguments.shell == "bash" else ""):
        print(line)
    return 0
