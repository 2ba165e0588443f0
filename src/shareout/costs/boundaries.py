"""Costs and weights → where shares end in each phase, in exact arithmetic, carried over the phases.

A phase is cut where the sums of costs, in running order, stand in the proportion of what each machine's quota of all
phases so far still lacks. So no machine ever has more than its quota and the largest cost; `docs/algorithm.md` proves
it. Without barriers that is: where the sums stand in the weights' proportion.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from operator import add

from shareout.fields import dataclass, field

InOrder = Callable[[int], Iterable[Sequence[int]]]
"""The costs of a phase in running order, many at a time."""


@dataclass(slots=True)
class Load:
    """What one machine has to do."""

    cost: int = 0
    largest: int = 0
    """The largest cost of one of its jobs."""
    position: int = -1
    """Where that job stands; the first of several."""

    def add(self, costs: Sequence[int], position: int) -> None:
        """Of jobs that follow one another from a position on."""
        self.cost += sum(costs)
        largest = max(costs, default=0)
        if largest > self.largest:
            self.largest, self.position = largest, position + costs.index(largest)


@dataclass(slots=True)
class Cut:
    """Where shares end, and what is in them."""

    bounds: list[array[int]]
    """As `plan.split` has them: machine k has the jobs [k][phase] … [k + 1][phase] - 1 of a phase."""
    loads: list[Load] = field(default_factory=list)


def cut_by_cost(sizes: Sequence[int], totals: Sequence[int], weights: Sequence[int], in_order: InOrder) -> Cut:
    """`totals`: of the costs of each phase; `weights`: whole numbers in the proportion of the machines'."""
    made = Cut([array("Q", bytes(8 * len(sizes))), *(array("Q") for _ in weights)], [Load() for _ in weights])
    whole, so_far, start = sum(weights), 0, 0
    for phase, (size, total) in enumerate(zip(sizes, totals, strict=True)):
        so_far += total
        # Who has more than its quota, from a job that was too long, gets nothing until the others have caught up.
        # Without the max it would owe jobs of phases that have run. The sum is never 0: all of them together lack what
        # this phase has.
        lacks = [max(0, so_far * weight - load.cost * whole) for weight, load in zip(weights, made.loads, strict=True)]
        ends = _ends(total, lacks) if size else []
        bounds = _cut_phase(in_order(phase), ends, made.loads, start) if size else [0] * len(weights)
        for bound, at in zip(made.bounds[1:], bounds, strict=True):
            bound.append(at)
        start += size
    return made


def _ends(total: int, weights: Sequence[int]) -> list[int]:
    """Twice the sum up to which each machine's part goes."""
    whole = sum(weights)
    # Twice, so that the middle of a job is a whole number too.
    return [2 * total * so_far // whole for so_far in accumulate(weights)]


def _cut_phase(blocks: Iterable[Sequence[int]], ends: Sequence[int], loads: Sequence[Load], start: int) -> list[int]:
    """How many jobs of the phase come before the end of each machine's share of it: those whose middle does. So no end
    is further off than half of a job."""
    bounds: list[int] = []
    so_far = at = 0
    for block in blocks:
        rest, left = block, sum(block)
        # A block is looked at by its sum alone, unless a share ends in it: most blocks lie within one share. The last
        # end is never passed, for it lies beyond the middle of the last job.
        while rest and 2 * (so_far + left) - rest[-1] > ends[len(bounds)]:
            sums = list(accumulate(rest, initial=so_far))
            taken = bisect_right(list(map(add, sums, islice(sums, 1, None))), ends[len(bounds)])
            loads[len(bounds)].add(rest[:taken], start + at)
            left -= sums[taken] - so_far
            so_far, at, rest = sums[taken], at + taken, rest[taken:]
            bounds.append(at)
        loads[len(bounds)].add(rest, start + at)
        so_far, at = so_far + left, at + len(rest)
    return bounds + [at] * (len(ends) - len(bounds))


def even_loads(bounds: Sequence[array[int]], cost: int, starts: Sequence[int]) -> Iterator[Load]:
    """Where all costs are the same."""
    for lower, upper in pairwise(bounds):
        stretches = [
            (start + low, high - low) for start, low, high in zip(starts, lower, upper, strict=True) if low < high
        ]
        jobs = sum(count for _, count in stretches)
        yield Load(cost * jobs, cost, stretches[0][0]) if jobs else Load()
