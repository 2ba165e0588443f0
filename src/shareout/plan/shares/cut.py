"""Where shares end when it is known what jobs cost: each job is looked at once, and what was found is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, islice, pairwise
from typing import Protocol

from shareout.costs.boundaries import Cut, cut_by_cost, even_loads
from shareout.costs.kept import WORTH_KEEPING, keep_cut, kept_cut
from shareout.costs.source import Costs, Watch
from shareout.plan.split import split, whole_weights

AT_ONCE = 1 << 14
"""Costs that are looked at together."""


class Uncut(Protocol):
    """A plan, as far as it is made before its shares."""

    @property
    def hex(self) -> str:
        """Of its digest."""

    @property
    def costs(self) -> Costs | None:
        """None where no job's is given."""

    @property
    def watch(self) -> Watch:
        """Who waits."""

    def cost_of_phase(self, start: int, stop: int) -> int:
        """Of all its jobs."""

    def costs_between(self, start: int, stop: int) -> Iterator[int]:
        """In running order."""


def cut_of(plan: Uncut, sizes: Sequence[int], weights: Sequence[Fraction]) -> Cut:
    """`sizes`: of the phases. Nothing where there are no machines."""
    if not weights:
        return Cut([])
    # Small plans leave no trace on the host: a cache that saves less than half a second is one more thing that can be
    # wrong.
    if sum(sizes) < WORTH_KEEPING:
        return _made(plan, sizes, weights)
    cut = kept_cut(plan.hex, len(weights), len(sizes))
    if cut is None:
        cut = _made(plan, sizes, weights)
        keep_cut(plan.hex, cut)
    return cut


def _made(plan: Uncut, sizes: Sequence[int], weights: Sequence[Fraction]) -> Cut:
    costs, starts = plan.costs, [0, *accumulate(sizes)]
    # Where all cost the same the split by number is the better one: it keeps every machine within one job of its quota,
    # above and below, also over phases. The cut by costs promises that only above.
    if costs is None or costs.are_even:
        cut = Cut(split(sizes, weights))
        cut.loads += even_loads(cut.bounds, costs.values[0], starts[:-1]) if costs and costs.values else ()
        return cut
    totals = [plan.cost_of_phase(*phase) for phase in pairwise(starts)]

    def in_order(phase: int) -> Iterator[Sequence[int]]:
        left = plan.costs_between(starts[phase], starts[phase + 1])
        done = starts[phase]
        while block := list(islice(left, AT_ONCE)):
            yield block
            done += len(block)
            plan.watch("sharing out", done, starts[-1])

    return cut_by_cost(sizes, totals, whole_weights(weights), in_order)
