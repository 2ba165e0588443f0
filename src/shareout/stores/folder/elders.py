"""Ledgers of other plans for the same jobs, in the same folder: of other weights, or of groups that are these too.
Whoever worked from one and does not know of the other would run all of them again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from shareout.errors import UsageError
from shareout.stores.charter import Charter, read_charter
from shareout.stores.folder.opening import MARK, ledgers_in, open_folder
from shareout.stores.folder.store import FolderStore


def open_elders(folder: Path, charter: Charter) -> Sequence[FolderStore]:
    """Those that this charter's ledger takes the place of; who asks closes them."""
    found = []
    for place, text in sorted(ledgers_in(folder, charter.origin).items()):
        with suppress(UsageError):
            other = read_charter(text, place / os.fsdecode(MARK))
            if place.name != charter.folders[1] and other.origin == charter.origin and _meet(charter, other):
                found.append(open_folder(folder, other))
    return found


def _meet(one: Charter, other: Charter) -> bool:
    """Whether some jobs are of both."""
    return not one.groups or not other.groups or not set(one.groups).isdisjoint(other.groups)
