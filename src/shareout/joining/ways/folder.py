"""The way to ledgers that lie in a folder, as long as that is mounted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from shareout.errors import UsageError
from shareout.ledger.store import Away, Store
from shareout.stores.charter import Charter
from shareout.stores.folder.elders import open_elders
from shareout.stores.folder.opening import MARK, open_folder


class FolderWay:
    """One run's."""

    def __init__(self, folder: Path, charter: Charter, *, is_back: bool) -> None:
        """`is_back`: this machine has shared its work there before."""
        self._folder, self._charter, self._is_back = folder, charter, is_back
        self.is_open = False
        """It was opened once."""

    def open(self) -> Store:
        """A folder that is not mounted leaves an empty one in its place, in which a new ledger would be ours alone: all
        would run once more."""
        if (self._is_back or self.is_open) and not self.is_mounted():
            if self.is_open:
                raise Away(f"{self._folder} is empty: it is not mounted")
            raise self._not_mounted()
        if os.path.lexists(self._folder / os.fsdecode(MARK)):
            raise UsageError(
                f"{self._folder} is a ledger itself, which holds no others",
                way_out=f"Name the folder in which it lies: --join {self._folder.parents[1]}",
            )
        return open_folder(self._folder, self._charter)

    def elders(self) -> Sequence[Store]:
        """Those of earlier plans for the same jobs."""
        return open_elders(self._folder, self._charter)

    def is_mounted(self) -> bool:
        """There are ledgers of this pool, whatever the weights."""
        return (self._folder / self._charter.folders[0]).is_dir()

    def _not_mounted(self) -> UsageError:
        place = self._folder / self._charter.folders[0]
        return UsageError(
            f"{self._folder} has no ledger, and this machine has shared its work in one: it is not mounted, or another "
            "folder",
            way_out=f"Mount it. To begin a new ledger there all the same: mkdir {place}",
        )
