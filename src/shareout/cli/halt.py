"""`halt`: all hosts of a shared run stop, and nobody starts anything until `resume`."""

from __future__ import annotations

import argparse
import json

from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, meant_place, visiting
from shareout.entry import Entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Of which run, and whether what runs is ended."""
    parser.epilog = "Also who joins later starts nothing, until `resume`.\n\nexample:\n  halt --join /nfs/experiment"
    parser.add_argument("--now", action="store_true", help="end what runs, too")
    add_ledger(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when it stands for all; each host sees it within seconds."""
    common = Common.of(arguments)
    place = meant_place(arguments.ledger, common)
    with visiting(place, None) as visit:
        before = visit.ask("halt", now=arguments.now)
    if common.json:
        print(json.dumps({"was_halted": before.halt is not None, "now": arguments.now}))
    elif not common.quiet:
        print(f"all hosts halt{' at once' if arguments.now else ' when what runs has ended'}; `resume` lets them go on")
    return 0
