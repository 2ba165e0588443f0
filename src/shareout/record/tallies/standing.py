"""A byte for each position of some ranges, and how many there are in each state."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from shareout.fields import dataclass, field
from shareout.ranges import Range

NEW, DONE, FAILED, SKIPPED, ELSEWHERE, SPARED = range(6)
"""The last two are not this machine's own: done, or skipped, by the journals of another."""
STATES = SPARED + 1
_TO = {state: bytes.maketrans(bytes([NEW, FAILED]), bytes([state, state])) for state in (ELSEWHERE, SPARED)}


@dataclass(slots=True)
class Standing:
    """Where every position of some ranges stands."""

    ranges: Sequence[Range]
    # A byte each, not a set: ten million positions are 10 MB, and are counted, saved and restored as a whole.
    states: bytearray = field(init=False)
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
        self.states = bytearray(self._starts[-1])
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
        """Where a position's byte is, or -1 when it is not in the ranges."""
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
        """The range in which a position would be: start, stop, and what to subtract for the places of its bytes."""
        return self._lookup[max(0, bisect_right(self._lookup, (position, 1 << 200)) - 1)] if self._lookup else (0, 0, 0)

    def did(self, start: int, stop: int) -> None:
        """A stretch of positions is done at the first try, as the crew knows without reading its lines."""
        at = self.index(start)
        length = stop - start
        for state in (NEW, FAILED, SKIPPED, ELSEWHERE, SPARED):
            self.counts[state] -= self.states.count(state, at, at + length)
        self.counts[DONE] += length - self.states.count(DONE, at, at + length)
        self.states[at : at + length] = b"\1" * length

    def stretches(self, *states: int) -> Iterator[Range]:
        """The positions in any of these states."""
        # An expression over bytes finds stretches in C: a share may have a billion positions, and few of these.
        wanted = re.compile(b"[%b]+" % bytes(states))
        for (start, _), at, end in zip(self.ranges, self._starts, self._starts[1:], strict=False):
            for found in wanted.finditer(self.states, at, end):
                yield start + found.start() - at, start + found.end() - at

    def mark_elsewhere(self, start: int, stop: int, state: int) -> None:
        """What of a stretch of positions is here and not done is done by another machine, or skipped (SPARED)."""
        for low, high, back in self._lookup:
            first, end = max(low, start) - back, min(high, stop) - back
            if first < end:
                found = self.states[first:end]
                for was in (NEW, FAILED):
                    count = found.count(was)
                    self.counts[was] -= count
                    self.counts[state] += count
                self.states[first:end] = found.translate(_TO[state])

    def stand(self, states: bytearray, tries: Mapping[str, int]) -> None:
        """As it was saved. ValueError when it is of other ranges."""
        if len(states) != len(self.states):
            raise ValueError("it is of another share")
        self.states = states
        self.counts = [states.count(state) for state in range(STATES)]
        self.tries = {int(position): int(times) for position, times in tries.items()}

    def set_state(self, at: int, state: int) -> None:
        """Of one byte, and the counts with it."""
        self.counts[self.states[at]] -= 1
        self.counts[state] += 1
        self.states[at] = state
