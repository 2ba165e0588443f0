"""Places in a ledger ↔ positions of the plan. They are the same but for what is asked for once more, which has places
of its own: see `ledger.asks.asked`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from shareout.fields import dataclass
from shareout.ledger.asks.ask import Stretch
from shareout.ledger.asks.asked import Asked
from shareout.ranges import Range, common, union, without
from shareout.record.tallies.standing import ELSEWHERE, FAILED, NEW, SKIPPED, SPARED
from shareout.record.tallies.tally import Tally


class Piece(NamedTuple):
    """Positions that lie side by side, at places that do so too."""

    start: int
    stop: int
    shift: int
    """From a position to its place."""

    def places(self) -> Range:
        """Where they are in the ledger."""
        return self.start + self.shift, self.stop + self.shift


class Offer(NamedTuple):
    """What may be handed out now."""

    lane: str
    piece: Piece


@dataclass(slots=True)
class Finished:
    """Positions whose records end at a place of the journal."""

    size: int
    piece: Piece
    is_passed_on: bool = False
    """It is to be tried elsewhere."""


class Places:
    """Of one run."""

    def __init__(self, jobs: int, state: Callable[[], Asked], tally: Tally, skip: Callable[[list[int]], None]) -> None:
        """`skip`: records positions as skipped."""
        self._jobs = jobs
        self._state = state
        self._tally = tally
        self._skip = skip
        self._known = Asked()
        self._shifted: list[Piece] = []
        """In hand, and asked for once more."""

    def first(self, start: int, stop: int) -> Piece:
        """The first of what stands at these places."""
        if start < self._jobs:
            return Piece(start, stop, 0)
        one = next(part for part in self.real(start, stop))
        return Piece(*one, start - one[0])

    def real(self, start: int, stop: int) -> list[Range]:
        """All positions that stand there."""
        if start < self._jobs:
            return [(start, stop)]
        again = next(one for one in self._state().again if one.low <= start < one.hi)
        return [(one.start, one.stop) for one in again.real(start, stop)]

    def take(self, piece: Piece) -> None:
        """It is in hand."""
        if piece.shift:
            self._shifted.append(piece)

    def of(self, start: int, stop: int) -> list[Piece]:
        """Where these positions are, which are in hand."""
        found = [one for one in self._shifted if one.start < stop and start < one.stop]
        met = [Piece(max(start, one.start), min(stop, one.stop), one.shift) for one in found]
        return met + [Piece(*one, 0) for one in without([(start, stop)], [one[:2] for one in met])]

    def let_go(self, piece: Piece) -> None:
        """It is in hand no more."""
        if piece.shift:
            self._shifted = [
                Piece(*left, one.shift)
                for one in self._shifted
                for left in (without([one[:2]], [piece[:2]]) if one.shift == piece.shift else [one[:2]])
            ]

    def positions(self, handed: Iterable[Range]) -> list[Range]:
        """Of all places that were handed out."""
        return union([*(one for one in handed if one[0] < self._jobs), *(one[:2] for one in self._shifted)])

    def heed(self) -> list[Range]:
        """What was asked since the last time: an outcome that was cleared counts no more. Of which positions."""
        state = self._state()
        if state.n == self._known.n:
            return []
        stretches = [one for again in state.made_since(self._known) for one in again.stretches]
        for one in stretches:
            self._clear(one)
        self._known = state
        return [(one.start, one.stop) for one in stretches]

    def skip(self, piece: Piece) -> None:
        """What of it is not to run is recorded so."""
        tally = self._tally
        for start, stop in common(self._known.skipped, [piece[:2]]):
            at = tally.index(start)
            runs = tally.states.runs(NEW, start=at, stop=at + stop - start)
            if positions := [start + one - at for first, end in runs for one in range(first, end)]:
                self._skip(positions)

    def skipped(self) -> list[Range]:
        """What nobody is to run."""
        return list(self._known.skipped)

    def _clear(self, one: Stretch) -> None:
        start, stop, tries = one[:3]
        tally, at = self._tally, self._tally.index(start)
        # Where no failure is cleared it is a skip, or what was done and is lost: of that no journal has the record any
        # more that was seen here.
        cleared = (FAILED, SKIPPED, SPARED) if one.failed else (FAILED, SKIPPED, SPARED, ELSEWHERE)
        ended = list(tally.states.runs(*cleared, start=at, stop=at + stop - start))
        for place in (one for first, end in ended for one in range(first, end)):
            position = start + place - at
            if tally.attempts_of(position) <= tries:
                tally.set_state(place, NEW)
        # Numbers of tries go on, so that what comes after is told from what was before.
        for position in range(start, stop):
            if tally.states[at + position - start] == NEW:
                tally.tries[position] = max(tries, tally.tries.get(position, 0))
