"""`resume`: a shared run that was halted may go on."""

from __future__ import annotations

import argparse
import json

from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, meant_place, visiting
from shareout.entry import Entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Of which run."""
    parser.epilog = (
        "Hosts that were halted have ended: `run --join` again.\n\nexample:\n  resume --join /nfs/experiment"
    )
    add_ledger(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0, also when nothing was halted: that is told."""
    common = Common.of(arguments)
    place = meant_place(arguments.ledger, common)
    with visiting(place, None) as visit:
        visit.read()
        halt = visit.state.halt
        if halt:
            visit.ask("resume")
    if common.json:
        print(json.dumps({"halted_by": halt.by if halt else None}))
    elif not common.quiet and halt:
        why = f" ({halt.why})" if halt.why else ""
        print(f"halted by {halt.by}{why}: hosts that join now go on")
    elif not common.quiet:
        print("nothing is halted here")
    return 0
