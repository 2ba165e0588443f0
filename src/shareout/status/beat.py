"""How a machine is that shares a folder, as it says there: for `status` of the folder itself, where no lock tells."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareout.ledger.beat import BEATS, MACHINES, SIZE, unframed
from shareout.record.folder import RunFolder
from shareout.record.reader import is_torn_header

if TYPE_CHECKING:
    from shareout.status.lanes import Lanes

LANES = "lanes"
FRESH_S = 15.0
"""What tells every few seconds how it is and was not heard of for so long is gone."""


def shared_lanes(folders: Sequence[RunFolder], group: str | None = None) -> Lanes | None:
    """Who has what in the ledgers in whose folders these run directories lie: in the one that is about this group of
    jobs, or in all together. None where they lie elsewhere."""
    ledgers = sorted({one.path.parent.parent for one in folders if is_shipped(one)})
    if not ledgers or not all(map(is_shipped, folders)) or not all((one / LANES).is_dir() for one in ledgers):
        return None
    # Only here: most who look share no folder, and need not load what reads one.
    from shareout.status.lanes import lanes_of

    return lanes_of(ledgers, group)


def told_by_beat(folder: RunFolder) -> dict[str, Any]:
    """What would stand in the live file of a run directory that was shipped into the folder of a ledger; empty where
    this is none, or nothing was said."""
    found = beat_in(_beat_of(folder)).get("live") if is_shipped(folder) else None
    return found if isinstance(found, dict) else {}


def is_shipped(folder: RunFolder) -> bool:
    """Whether it lies in the folder of a ledger."""
    return folder.path.parent.name == MACHINES


def newcomers(folders: Sequence[RunFolder]) -> bool:
    """Whether in the ledger where these lie hosts have begun that are not among them."""
    if not folders or not is_shipped(folders[0]):
        return False
    here = {one.path.resolve() for one in folders}
    there = {one.resolve() for folder in folders for one in folder.path.parent.iterdir()}
    return any(not all(map(is_torn_header, RunFolder(one).journals())) for one in there - here)


def has_fresh_beat(folder: RunFolder) -> bool:
    """Whether its host seems to live, as one look can tell."""
    return is_shipped(folder) and Pulse(folder).is_felt()


class Pulse:
    """Whether a host lives that shares a folder. At the first look by the folder's clock, which may not be ours; from
    then on by whether its beat moves, for which no two clocks are compared."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = _beat_of(folder)
        self._since = self._moved = time.monotonic()
        self._seen: object = None
        self._is_first = True
        self._was_fresh = self._has_moved = False

    def is_felt(self) -> bool:
        """By what was seen until now."""
        facts, now = beat_in(self._path), time.monotonic()
        if not facts or facts.get("leaves") is True:
            return False
        if self._is_first:
            self._was_fresh = abs(time.time() - self._told_at()) < FRESH_S
        elif self._seen != facts.get("count"):
            self._moved, self._was_fresh, self._has_moved = now, True, True
        self._is_first, self._seen = False, facts.get("count")
        return self._was_fresh and now - self._moved < FRESH_S

    def has_moved(self) -> bool:
        """Since it was looked at first."""
        return self.is_felt() and self._has_moved

    def is_unsure(self) -> bool:
        """It says nothing, has not said that it goes, and was not watched for long."""
        facts = beat_in(self._path)
        return bool(facts) and facts.get("leaves") is not True and time.monotonic() - self._since < FRESH_S

    def _told_at(self) -> float:
        try:
            return self._path.stat().st_mtime
        except OSError:
            return 0.0


def _beat_of(folder: RunFolder) -> Path:
    return folder.path.parent.parent / BEATS / folder.path.name


def beat_in(path: Path) -> dict[str, Any]:
    """What a host has said last of how it is; empty where that is nothing whole."""
    try:
        with path.open("rb") as file:
            told = unframed(file.read(SIZE))
        found = json.loads(told) if told else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
