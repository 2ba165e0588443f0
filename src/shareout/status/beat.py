"""How a machine is that shares a folder, as it says there: for `status` of the folder itself, where no lock tells."""

from __future__ import annotations

import json
import zlib
from typing import Any

from shareout.record.folder import RunFolder

MACHINES, BEATS = "machines", "beats"
SIZE = 4096


def told_by_beat(folder: RunFolder) -> dict[str, Any]:
    """What would stand in the live file of a run directory that was shipped into the folder of a ledger; empty where
    this is none, or nothing was said."""
    if folder.path.parent.name != MACHINES:
        return {}
    try:
        with (folder.path.parent.parent / BEATS / folder.path.name).open("rb") as file:
            told = file.read(SIZE).rstrip(b"\n")
        # One that is just being written is half of one and half of another.
        found = json.loads(told[9:])["live"] if told[:9] == b"%08x " % zlib.crc32(told[9:]) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
