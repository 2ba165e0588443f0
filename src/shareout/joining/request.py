"""What a call asks of a ledger, and what a ledger asks of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from shareout.fields import dataclass, field
from shareout.joining.inputs.parcel import Parcel
from shareout.joining.ways.folder import FolderWay
from shareout.joining.ways.network import Network, NetworkWay
from shareout.record.foreign.status_file import StatusFile
from shareout.record.outcome import Attempt
from shareout.stores.charter import Charter
from shareout.supply.static import Wanted


@dataclass(frozen=True, slots=True)
class Order:
    """To this run, from others."""

    reason: str
    sentence: str
    at_once: bool = False
    """What runs is ended."""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What `--join` asked for."""

    folder: Path
    dead_s: float
    leaves: bool = False
    """Goes when there is nothing to take, and does not wait for the others."""
    groups: tuple[str, ...] = ()
    """Only of jobs of these; none: of all."""
    parcel: Callable[[Path], Parcel] | None = None
    """The inputs of this run, for hosts that have none; drafts go into the folder that it is given."""

    patience_s: float = math.inf
    """So long a store is waited for that is away."""
    network: Network | None = None
    """Where it is not in that folder."""
    files: tuple[StatusFile, ...] = ()
    """What their tasks came to holds for all hosts."""
    taken_back: list[int] = field(default_factory=list)
    """Positions that have failed here and that somebody takes back while this runs: they are to run again."""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.network.address if self.network else self.folder)

    def way(self, charter: Charter, *, is_back: bool) -> FolderWay | NetworkWay:
        """To its stores. `is_back`: this machine has been there before."""
        if self.network:
            return NetworkWay(self.network, charter)
        return FolderWay(self.folder.absolute(), charter, is_back=is_back)


class Wishes(NamedTuple):
    """Which of the jobs that fall to a run it runs."""

    most: int | None
    wanted: Wanted | None
    in_place: bool
    """Each in its place, whatever it is known to take."""
    ended: Callable[[Sequence[int]], list[Attempt]] | None = None
    """Of positions, what the list of jobs says has ended."""
