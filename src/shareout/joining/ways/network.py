"""The network ledger that a call joins: where it is, and the token that is shown there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from shareout.fields import dataclass
from shareout.ledger.store import Store
from shareout.stores.charter import Charter
from shareout.stores.nats.address import Address
from shareout.stores.nats.token import Token

if TYPE_CHECKING:
    from shareout.stores.nats.store import NatsStore


@dataclass(frozen=True, slots=True)
class Network:
    """One."""

    address: Address
    token: Token

    def open(self, charter: Charter) -> Store:
        """In the process that talks to it: what speaks TLS is loaded there alone."""
        return self._store(charter)

    def opened(self, charter: Charter | None) -> AbstractContextManager[NatsStore]:
        """For a while, in this process; None: whichever is there."""
        return self._store(charter).closing()

    def _store(self, charter: Charter | None) -> NatsStore:
        from shareout.stores.nats.opening import open_nats, secured

        return open_nats(secured(self.address, self.token), charter, self.token.source)


class NetworkWay:
    """To the one ledger that is at an address."""

    def __init__(self, network: Network, charter: Charter) -> None:
        self._network, self._charter = network, charter
        self.is_open = False
        """It was opened once."""

    def open(self) -> Store:
        """The same each time, or none: a server says which one it serves."""
        return self._network.open(self._charter)

    def elders(self) -> Sequence[Store]:
        """There is but one."""
        return ()
