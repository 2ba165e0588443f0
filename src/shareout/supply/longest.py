"""Which jobs of a stretch go first, where it is known how long they take: the longest, until what is left is so small
that its order says nothing any more.

What is left last is what slots end apart by. The others keep their order: ranges of positions that follow one another
are handed out in batches, at a tenth of what it takes to hand out each by itself.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from shareout.ranges import Range

SMALL = 500
"""A job is small that takes less than this part of the time that all take together, on all slots."""
AT_ONCE = 1 << 14

CostsBetween = Callable[[int, int], Iterable[int]]


def longest_first(costs: Iterable[int], total: int, slots: int) -> list[int]:
    """The places of those that are not small, the longest first; of equal ones the first. No more than 500 a slot."""
    limit = total // (SMALL * max(1, slots))
    found: list[tuple[int, int]] = []
    rest, place = iter(costs), 0
    while block := list(islice(rest, AT_ONCE)):
        # Most blocks have none, and `max` is one call for all of it.
        if max(block) > limit:
            found += [(-cost, place + at) for at, cost in enumerate(block) if cost > limit]
        place += len(block)
    return [place for _, place in sorted(found)]


class ShareCosts:
    """Of the positions of one machine's share, in the order in which its tally has them."""

    def __init__(self, ranges: Sequence[tuple[int, int]], costs_between: CostsBetween) -> None:
        self._values = array("q")
        for start, stop in ranges:
            self._values.extend(costs_between(start, stop))

    def __len__(self) -> int:
        return len(self._values)

    def sum_where(self, runs: Iterable[Range]) -> int:
        """Of those that lie there; of what an audit has it run beside its share, nothing."""
        return sum(self.sum(first, stop) for first, stop in runs)

    def sum(self, first: int, stop: int) -> int:
        """Of neighbours."""
        return sum(self._values[first:stop])

    def first(self, first: int, stop: int, slots: int) -> list[int]:
        """Which of these neighbours go first, in that order, counted from the first of them."""
        view = memoryview(self._values)[first:stop]
        return longest_first(view, sum(view), slots)
