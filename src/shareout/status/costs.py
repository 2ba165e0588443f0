"""What machines were expected to take, by what jobs cost, against what they take."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from shareout.costs.amount import UNIT
from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.plan.shares.forecast import Forecast
from shareout.record.tallies.standing import DONE
from shareout.status.machine import Follower

MOST_JOBS = 1_000_000
"""Of a share. A look at the costs of more takes longer than anybody waits for it."""


@dataclass(frozen=True, slots=True)
class Against:
    """Of one machine."""

    machine: str
    expected: float | None
    """Seconds for its whole share, as `plan` tells them; None where costs are in no known unit."""
    took: float | None
    """What its jobs took so far, as a part of what they were expected to: against the other machines where costs are in
    no known unit. None of a machine that has done nothing."""


class Comparison:
    """Made once; asked again, only what is done since is looked up."""

    def __init__(self, plan: Plan, forecast: Forecast, followers: Sequence[Follower]) -> None:
        self._forecast = forecast
        self._perfs = {machine.name: float(machine.perf) for machine in plan.machines}
        self._followers = [
            one for one in followers if one.header.machine in self._perfs and len(one.tally.states) <= MOST_JOBS
        ]
        self._costs = [_costs_of(plan, one) for one in self._followers]

    def look(self) -> list[Against]:
        """Machine by machine, as they stand now."""
        found = []
        for one, costs in zip(self._followers, self._costs, strict=True):
            states = one.tally.states
            runs = states.runs(DONE, stop=len(costs))
            done = sum(sum(costs[first:stop]) for first, stop in runs) / UNIT / self._perfs[one.header.machine]
            took = one.tally.durations.mean * states.count(DONE, 0, len(costs))
            found.append((one.header.machine, done, took))
        scale = self._scale(sum(done for _, done, _ in found), sum(took for *_, took in found))
        expected = {one.machine: one.finish for one in self._forecast.machines}
        is_seconds = self._forecast.is_seconds
        return [
            Against(name, expected.get(name) if is_seconds else None, took / done / scale if done and took else None)
            for name, done, took in found
        ]

    def _scale(self, done: float, took: float) -> float:
        """Seconds that a cost of 1 takes."""
        return 1.0 if self._forecast.is_seconds or not done or not took else took / done


def _costs_of(plan: Plan, follower: Follower) -> array[int]:
    costs = array("q")
    for start, stop in follower.header.ranges:
        costs.extend(plan.costs_between(start, stop))
    return costs
