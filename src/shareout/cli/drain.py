"""`drain NAME`: one host of a shared run lets finish what runs, gives back the rest, and goes."""

from __future__ import annotations

import argparse
import json

from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, meant_place, visiting
from shareout.entry import Entry
from shareout.errors import UsageError, nearest
from shareout.ledger.store import Away

MOST = 4096


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose part, of which run."""
    parser.epilog = (
        "The host ends by itself, and may join again.\nOne that is dead is released instead.\n\n"
        "example:\n  drain bob --join /nfs/experiment"
    )
    parser.add_argument("machine", metavar="NAME", help="the machine that is to go")
    add_ledger(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when it was asked. What runs there now is let finish, which may take as long as a job."""
    common = Common.of(arguments)
    place = meant_place(arguments.ledger, common)
    with visiting(place, None) as visit:
        try:
            beats = visit.store.beats(MOST)
        except Away as error:
            raise UsageError(str(error), way_out="Mend that, then give the same command again.") from error
        name, owner = arguments.machine, owner_of(beats.get(arguments.machine, b""))
        if not owner:
            known = sorted(one for one, beat in beats.items() if owner_of(beat))
            raise UsageError(
                f"no host of {place} works as {name}{nearest(name, known)}",
                way_out=f"Those that do: {', '.join(known)}." if known else "Nobody does now.",
            )
        visit.ask("drain", whom=owner)
    if common.json:
        print(json.dumps({"machine": name, "drained": owner}))
    elif not common.quiet:
        print(f"{name} is asked to go: it lets finish what runs, and gives back the rest")
    return 0


def owner_of(beat: bytes) -> str:
    """The incarnation that says so of itself; empty when it has gone, or says nothing."""
    try:
        told = json.loads(beat)
        return str(told["owner"]) if told["live"] else ""
    except (ValueError, KeyError, TypeError):
        return ""
