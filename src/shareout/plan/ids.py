"""Positions → ids in bulk, for whoever checks what others have recorded: as a plan at hand knows them, or as far as
the header of a journal tells them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

from shareout.plan.permutation import Permutations

IdsAt = Callable[[Sequence[int]], list[int]]
"""The ids at some positions, in their order. They must be positions of the plan."""


class Told(Protocol):
    """What a journal's header says of its plan."""

    @property
    def origin(self) -> str:
        """Of the plan, as hex digits: the digest that keys its shuffle."""

    @property
    def jobs(self) -> int:
        """How many jobs the plan has."""

    @property
    def order(self) -> str:
        """Whether positions are shuffled: an `Order`."""

    @property
    def phases(self) -> Sequence[int]:
        """Where each phase begins; empty when there is one."""

    @property
    def ranges(self) -> Sequence[tuple[int, int]]:
        """What the machine runs: a range of positions for each phase."""

    @property
    def ancestors(self) -> Sequence[str]:
        """Digests of the plans that this one continues, oldest first."""


def places_at(permutations: Permutations, starts: Sequence[int], positions: Sequence[int]) -> list[int]:
    """The places in the pool at positions of a plan with these phases."""
    if len(permutations) == 1:
        return permutations[0].places_at(positions)
    made = []
    for position in positions:
        phase = bisect_right(starts, position) - 1
        made.append(starts[phase] + permutations[phase].at(position - starts[phase]))
    return made


def ids_as_told(told: Told) -> IdsAt | None:
    """Without the inputs; None for a plan of a rebalance, whose ids only its inputs know."""
    starts = tuple(told.phases) or (0,)
    if told.ancestors or len(starts) != len(told.ranges):
        return None
    sizes = [stop - start for start, stop in zip(starts, (*starts[1:], told.jobs), strict=True)]
    permutations = Permutations(bytes.fromhex(told.origin), sizes, told.order)
    return lambda positions: places_at(permutations, starts, positions)
