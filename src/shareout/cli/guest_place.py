"""Where a guest joins: a folder that hosts share, or an address that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.joining.member import CLOSED
from shareout.joining.ways.network import Network
from shareout.ledger.store import Away, Store
from shareout.stores.charter import Charter


class Place(Protocol):
    """One of them. As text it is what a person calls it."""

    def charters(self) -> Sequence[Charter]:
        """Of the ledgers there that nobody has gone on from by another plan. A UsageError where it cannot be used."""

    def opened(self, charter: Charter) -> AbstractContextManager[Store]:
        """One of them."""


@dataclass(frozen=True, slots=True)
class Folder:
    """That hosts mount."""

    path: Path
    only: Path | None = None
    """The one of its ledgers that was named."""

    def __str__(self) -> str:
        return str(self.path)

    def charters(self) -> Sequence[Charter]:
        """As many as there are plans."""
        from shareout.stores.folder.opening import all_ledgers

        found = [one for place, one in all_ledgers(self.path) if self.only in (None, place)]
        return [one for one in found if not one.is_probe and not _is_closed(self, one)]

    def opened(self, charter: Charter) -> AbstractContextManager[Store]:
        """It must not be made anew: the charter is one that was found there."""
        from shareout.stores.folder.opening import open_folder

        return open_folder(self.path, charter).closing()


@dataclass(frozen=True, slots=True)
class Server:
    """At an address. What speaks over a network is loaded here for once, before the process that will do so is forked:
    the inputs are needed before anything else can be."""

    network: Network

    def __str__(self) -> str:
        return str(self.network.address)

    def charters(self) -> Sequence[Charter]:
        """The one that is served."""
        with self.network.opened(None) as store:
            return [store.charter]

    def opened(self, charter: Charter) -> AbstractContextManager[Store]:
        """The same, if it still is."""
        return self.network.opened(charter)


def _is_closed(folder: Folder, charter: Charter) -> bool:
    with folder.opened(charter) as store:
        try:
            return store.get(CLOSED) is not None
        except Away as error:
            raise UsageError(f"{folder} cannot be joined: {error}", way_out="Mend it, then join again.") from error
