"""Which of the positions that are reserved here are to run, and which of these goes next: not what is done already, nor
of groups that nobody asked for; and where it is known how long jobs take, the longest first."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence

from shareout.ranges import Range, union, without
from shareout.record.tallies.standing import NEW
from shareout.record.tallies.tally import Tally
from shareout.supply.longest import longest_first
from shareout.supply.static import LOOK_AHEAD, Wanted

KNOWN = 1 << 21
"""Of so many jobs at most it is kept which are wanted, to tell how far all are."""
FREE = 32
"""So many free stretches at a time are searched for the longest job."""
CostsBetween = Callable[[int, int], Iterator[int]]


class Picking:
    """Of one run."""

    def __init__(self, tally: Tally, wanted: Wanted | None, costs: CostsBetween | None, slots: int) -> None:
        self._tally, self._wanted, self._costs, self._slots = tally, wanted, costs, slots
        self._all: bytes | None = None
        self._seen = (0, b"")
        self._covered: list[Range] = []
        """Of which positions costs were looked at."""
        self._long: list[tuple[int, int]] = []
        """Those of them that are long and were not picked: minus the cost, and the position."""

    @property
    def most_grants(self) -> int:
        """So many stretches are looked at for the next one to run: where costs are known, the last one of a reservation
        may go first."""
        return 1 if self._costs is None else FREE

    def first(self, start: int, stop: int, limit: int) -> Range:
        """The first stretch in there that is to run, of so many at most; nothing of it, and at the end, where none
        is."""
        states = self._tally.states
        while start < stop:
            at = self._tally.index(start)
            last = at + stop - start
            found = states.find(NEW, at, last)
            if found < 0:
                break
            start += found - at
            end = start + states.alike(found, min(found + limit, last))
            if self._wanted is not None:
                start, end = self._first_wanted(start, end)
            if start < end:
                return start, end
        return stop, stop

    def longest(self, free: Sequence[Range]) -> int:
        """The longest of all that is to run there; -1 where none stands out."""
        if self._costs is None:
            return -1
        for start, stop in list(without(free, self._covered)):
            values = list(self._costs(start, stop))
            for place in longest_first(values, sum(values), self._slots):
                insort(self._long, (-values[place], start + place))
        self._covered = union([*self._covered, *free])
        inside = [one for one in self._long if any(start <= one[1] < stop for start, stop in free)]
        for one in inside:
            self._long.remove(one)
            if self._is_to_run(one[1]):
                return one[1]
        return -1

    def give_back(self, start: int, stop: int) -> None:
        """They may be picked again."""
        if self._costs is not None:
            self._covered = list(without(self._covered, [(start, stop)]))
            self._long = [one for one in self._long if not start <= one[1] < stop]

    def count(self, start: int, stop: int) -> int | None:
        """How many of these are wanted; None where that is not known."""
        if self._wanted is None:
            return stop - start
        if len(self._tally.states) > KNOWN:
            return None
        if self._all is None:
            self._all = self._wanted(0, len(self._tally.states))
        return self._all.count(1, start, stop)

    def _is_to_run(self, position: int) -> bool:
        index = self._tally.index(position)
        is_new = index >= 0 and self._tally.states[index] == NEW
        return is_new and (self._wanted is None or self._wanted(position, position + 1) == b"\1")

    def _first_wanted(self, start: int, stop: int) -> Range:
        """Empty, and as far on as was looked, where none is."""
        assert self._wanted is not None
        begin, answer = self._seen
        if not begin <= start < begin + len(answer):
            last = min(start + LOOK_AHEAD, len(self._tally.states))
            begin, answer = self._seen = start, self._wanted(start, last)
        stop = min(stop, begin + len(answer))
        first = answer.find(1, start - begin, stop - begin)
        if first < 0:
            return stop, stop
        end = answer.find(0, first, stop - begin)
        return begin + first, begin + end if end >= 0 else stop
