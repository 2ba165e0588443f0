"""What workers have of each lane, and until when it may begin: that is written where they look before each job."""

from __future__ import annotations

from itertools import chain
from typing import Protocol

from shareout.joining.member import Member
from shareout.joining.pieces.places import Piece, Places
from shareout.ledger.times import LONG_AGO
from shareout.ranges import Range, common, size, union, without
from shareout.supply import Work


class Limits(Protocol):
    """Until when jobs of a lane may begin, where workers see it."""

    jump_s: float
    """How far the clock on the wall may run away from the other."""

    def number(self, lane: str) -> int:
        """By which workers know it."""

    def extend(self, lane: str, until: float) -> None:
        """From now on until then."""

    def close(self, lane: str) -> None:
        """Nothing of it is in a worker's hands."""

    def may_open(self) -> bool:
        """Whether there is room for one more."""


class Held:
    """By one run."""

    def __init__(self, member: Member, limits: Limits, places: Places) -> None:
        self._member = member
        self._host = member.host
        self._limits = limits
        self._places = places
        self._handed: dict[str, list[Range]] = {}
        """What was handed out under the limit of each lane, and is neither finished nor given back: in places."""

    def __bool__(self) -> bool:
        return bool(self._handed)

    def __len__(self) -> int:
        """How many positions."""
        return sum(map(size, self._handed.values()))

    def may_take(self, lane: str, piece: Piece) -> bool:
        """What was taken from us and has come back may run here all the while: its own end is waited for."""
        if common(self._places.positions(chain.from_iterable(self._handed.values())), [piece[:2]]):
            return False
        return lane in self._handed or self._limits.may_open()

    def take(self, lane: str, piece: Piece) -> None:
        """It is handed out."""
        self._places.take(piece)
        self._handed[lane] = union([*self._handed.get(lane, ()), piece.places()])
        self._extend(lane)

    def let_go(self, work: Work) -> list[Piece]:
        """No worker has it. Where it was in the ledger."""
        pieces = self._places.of(work.start, work.stop)
        for lane, ranges in list(self._handed.items()):
            left = list(without(ranges, [piece.places() for piece in pieces]))
            if left:
                self._handed[lane] = left
            elif ranges:
                del self._handed[lane]
                self._limits.close(lane)
        for piece in pieces:
            self._places.let_go(piece)
        return pieces

    def give_back(self) -> None:
        """All of it: nothing runs here any more."""
        for start, stop in chain.from_iterable(self._handed.values()):
            self._host.give_back(start, stop)
        self._handed.clear()

    def lane(self, position: int) -> str:
        """The lane under whose limit a position was handed out; empty when under none."""
        place = position + self._places.of(position, position + 1)[0].shift
        for lane, ranges in self._handed.items():
            if any(start <= place < stop for start, stop in ranges):
                return lane
        return ""

    def extend(self) -> None:
        """Limits are as the host has them now."""
        for lane in list(self._handed):
            self._extend(lane)

    def _extend(self, lane: str) -> None:
        """As long as all is ours that was handed out under it: a lane may have been parted since."""
        ranges = self._handed[lane]
        own = [one for one in self._host.lanes.values() if one.entry.owner == self._host.me]
        inside = [(one.name, one.entry.low, one.entry.hi) for one in own]
        held = union((max(low, a), min(hi, b)) for _, low, hi in inside for a, b in ranges if low < b and a < hi)
        if size(held) < size(ranges):
            self._limits.extend(lane, LONG_AGO)
            return
        lanes = {name for name, low, hi in inside for a, b in ranges if low < b and a < hi}
        self._limits.extend(lane, min(self._member.limit(one) for one in lanes))
