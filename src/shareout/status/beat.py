"""How a machine is that shares a folder, as it says there: for `status` of the folder itself, where no lock tells."""

from __future__ import annotations

import json
from typing import Any

from shareout.ledger.beat import BEATS, MACHINES, SIZE, unframed
from shareout.record.folder import RunFolder


def told_by_beat(folder: RunFolder) -> dict[str, Any]:
    """What would stand in the live file of a run directory that was shipped into the folder of a ledger; empty where
    this is none, or nothing was said."""
    if folder.path.parent.name != MACHINES:
        return {}
    try:
        with (folder.path.parent.parent / BEATS / folder.path.name).open("rb") as file:
            told = unframed(file.read(SIZE))
        found = json.loads(told)["live"] if told else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
