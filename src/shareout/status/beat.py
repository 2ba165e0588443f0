"""How a machine is that shares a folder, as it says there: for `status` of the folder itself, where no lock tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shareout.ledger.beat import BEATS, MACHINES, SIZE, unframed
from shareout.record.folder import RunFolder

if TYPE_CHECKING:
    from shareout.status.lanes import Lanes

LANES = "lanes"


def shared_lanes(folders: Sequence[RunFolder]) -> Lanes | None:
    """Who has what in the ledger in whose folder these run directories lie; None where they lie elsewhere, or in
    several ones."""
    above = {one.path.parent for one in folders}
    if len(above) != 1:
        return None
    ledger = above.pop().parent
    if folders[0].path.parent != ledger / MACHINES or not (ledger / LANES).is_dir():
        return None
    # Only here: most who look share no folder, and need not load what reads one.
    from shareout.status.lanes import lanes_in

    return lanes_in(ledger)


def told_by_beat(folder: RunFolder) -> dict[str, Any]:
    """What would stand in the live file of a run directory that was shipped into the folder of a ledger; empty where
    this is none, or nothing was said."""
    if folder.path.parent.name != MACHINES:
        return {}
    try:
        with (folder.path.parent.parent / BEATS / folder.path.name).open("rb") as file:
            told = unframed(file.read(SIZE))
        found = json.loads(told)["live"] if told else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
