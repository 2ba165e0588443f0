"""How much of a share is left, by what its jobs cost, and how long that takes at the speed that was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from shareout.record.tallies.standing import NEW
from shareout.record.tallies.tally import Tally
from shareout.supply import Work
from shareout.supply.longest import ShareCosts


class Running(Protocol):
    """A job that runs now."""

    @property
    def job(self) -> int:
        """Its id."""

    @property
    def started(self) -> float:
        """When, by the clock on the wall."""


class Costed(Protocol):
    """A plan whose costs are known."""

    def cost_of(self, job: int) -> int:
        """By its id."""

    def costs_between(self, start: int, stop: int) -> Iterator[int]:
        """In running order."""


def costs_left(plan: Costed, ranges: Sequence[tuple[int, int]], tally: Tally, slots: int) -> CostsLeft:
    """Of a share as its tally has it now."""
    return CostsLeft(ShareCosts(ranges, plan.costs_between), tally, slots, plan)


class CostsLeft:
    """Kept while a run goes on: costs a microsecond a batch."""

    def __init__(self, costs: ShareCosts, tally: Tally, slots: int, plan: Costed) -> None:
        self._costs = costs
        self._plan = plan
        self._tally = tally
        self._slots = slots
        # The speed is this run's own: what ran before was measured under another load, and what was adopted on another
        # host.
        self._seconds_before = tally.durations.total
        self.left = costs.sum_where(tally.states.runs(NEW))
        self._done = 0

    def first(self, start: int, stop: int) -> list[int]:
        """Which of these positions go before the others, the longest first."""
        index = self._tally.index(start)
        # An audit's: its positions stand behind those of the share, and have no costs here.
        if index >= len(self._costs):
            return []
        return [start + place for place in self._costs.first(index, index + stop - start, self._slots)]

    def finished(self, work: Work) -> None:
        """These have their final outcome."""
        index = self._tally.index(work.start)
        cost = self._costs.sum(index, index + len(work))
        self.left -= cost
        self._done += cost

    def eta_s(self, now: float, running: Iterable[Running]) -> float | None:
        """Seconds until the share is done, if all goes on as fast. None before any job has ended."""
        seconds = self._tally.durations.total - self._seconds_before
        if not self._done or seconds <= 0:
            return None
        speed = self._done / seconds
        costs = ((self._plan.cost_of(one.job), max(0.0, now - one.started) * speed) for one in running)
        # What takes longer than its cost said is nearly over for all we know, and never less than nothing.
        behind = [(cost, min(float(cost), done)) for cost, done in costs]
        # Two times that cannot be undercut, and no simulation of which slot takes what: all that is left on all slots,
        # and the longest of what runs.
        all_s = (self.left - sum(done for _, done in behind)) / speed / self._slots
        longest_s = max((cost - done for cost, done in behind), default=0.0) / speed
        return max(0.0, all_s, longest_s)
