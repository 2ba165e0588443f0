"""The state of each position of some ranges, and how many there are in each state."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from shareout.fields import dataclass, field
from shareout.ranges import Range
from shareout.record.tallies.states import States

NEW, DONE, FAILED, SKIPPED, ELSEWHERE, SPARED = range(6)
"""The last two are not this machine's own: done, or skipped, by the journals of another."""
STATES = SPARED + 1


@dataclass(slots=True)
class Standing:
    """Where every position of some ranges stands."""

    ranges: Sequence[Range]
    states: States = field(init=False)
    """By places: those of the first range, then those of the next."""
    tries: dict[int, int] = field(init=False)
    """The highest attempt of positions that had more than a clean first one."""
    counts: list[int] = field(init=False)
    _starts: list[int] = field(init=False)
    _lookup: list[tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [0, *accumulate(stop - start for start, stop in self.ranges)]
        # Start, stop, and what to subtract: sorted, for a job file may have thousands of phases.
        self._lookup = sorted(
            (start, stop, start - at)
            for (start, stop), at in zip(self.ranges, self._starts, strict=False)
            if start < stop
        )
        self.clear()

    def clear(self) -> None:
        """All is new."""
        self.states = States(self._starts[-1])
        self.counts = [len(self.states), *bytes(STATES - 1)]
        self.tries = {}

    @property
    def done(self) -> int:
        """How many positions are done, whoever ran them and at whichever try."""
        return self.counts[DONE] + self.counts[ELSEWHERE]

    @property
    def failed(self) -> int:
        """How many have failed for good: a try that is followed by another does not count."""
        return self.counts[FAILED]

    @property
    def skipped(self) -> int:
        """How many a person said are not to run."""
        return self.counts[SKIPPED] + self.counts[SPARED]

    @property
    def todo(self) -> int:
        """How many have no final state: never tried, to be tried again, or requeued."""
        return self.counts[NEW]

    def index(self, position: int) -> int:
        """A position's place, or -1 when it is not in the ranges."""
        # Beyond any stop: so it is the last range that begins at or before the position, however long that is.
        at = bisect_right(self._lookup, (position, 1 << 200)) - 1
        if at < 0 or position >= self._lookup[at][1]:
            return -1
        return position - self._lookup[at][2]

    def position(self, index: int) -> int:
        """The inverse of `index`."""
        number = bisect_right(self._starts, index) - 1
        return self.ranges[number][0] + index - self._starts[number]

    def stretch_at(self, position: int) -> tuple[int, int, int]:
        """The range in which a position would be: start, stop, and what to subtract for its places."""
        return self._lookup[max(0, bisect_right(self._lookup, (position, 1 << 200)) - 1)] if self._lookup else (0, 0, 0)

    def did(self, start: int, stop: int) -> None:
        """A stretch of positions is done at the first try, as the crew knows without reading its lines."""
        at = self.index(start)
        length = stop - start
        # As a rule all of it was new: then it is looked at once.
        news = self.states.count(NEW, at, at + length)
        self.counts[NEW] -= news
        for state in (FAILED, SKIPPED, ELSEWHERE, SPARED) if news < length else ():
            self.counts[state] -= self.states.count(state, at, at + length)
        self.counts[DONE] += length - (self.states.count(DONE, at, at + length) if news < length else 0)
        self.states.fill(at, at + length, DONE)

    def stretches(self, *states: int) -> Iterator[Range]:
        """The positions in any of these states."""
        for (start, _), at, end in zip(self.ranges, self._starts, self._starts[1:], strict=False):
            for first, stop in self.states.runs(*states, start=at, stop=end):
                yield start + first - at, start + stop - at

    def mark_elsewhere(self, start: int, stop: int, state: int) -> None:
        """What of a stretch of positions is here and not done is done by another machine, or skipped (SPARED)."""
        for low, high, back in self._lookup:
            first, end = max(low, start) - back, min(high, stop) - back
            for was in (NEW, FAILED) if first < end else ():
                for at, until in self.states.runs(was, start=first, stop=end):
                    self.counts[was] -= until - at
                    self.counts[state] += until - at
                    self.states.fill(at, until, state)

    def stand(self, saved: bytearray, at: int, tries: Mapping[str, int]) -> int:
        """As it was saved; where what was saved of it ends. ValueError when it is of other ranges."""
        self.states, end = States.unpacked(len(self.states), saved, at)
        self.counts = [self.states.count(state) for state in range(STATES)]
        self.tries = {int(position): int(times) for position, times in tries.items()}
        return end

    def set_state(self, at: int, state: int) -> int:
        """Of one place, and the counts with it; what it was."""
        was = self.states.swap(at, state)
        self.counts[was] -= 1
        self.counts[state] += 1
        return was
