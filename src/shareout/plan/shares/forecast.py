"""When each machine is expected to be through with its share, where it is known what jobs cost."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.config import RunSettings
from shareout.costs.amount import UNIT
from shareout.fields import dataclass
from shareout.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one machine. Times are seconds where costs are, else in the costs' own unit."""

    machine: str
    cost: float
    finish: float
    """With all its slots busy to the end, or as long as its longest job takes alone."""
    longest: float
    job: int | None
    """The longest; None of a machine without jobs."""

    @property
    def is_bound(self) -> bool:
        """Whether a single job decides when it is through: more cores, or fewer other jobs, would change nothing."""
        return self.job is not None and self.longest >= self.finish


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of all machines of a plan."""

    machines: Sequence[Expected]
    is_seconds: bool
    even: float
    """When all would be through, if no job were too long and each could be cut anywhere."""

    @property
    def last(self) -> Expected:
        """Who decides when all is done."""
        return max(self.machines, key=lambda one: one.finish)


def forecast_of(plan: Plan, settings: RunSettings) -> Forecast | None:
    """None where costs are not known, or there is nothing to do."""
    loads = plan.loads
    if loads is None or not plan.jobs:
        return None
    found = []
    speeds = 0.0
    for machine in plan.machines:
        load, slots, perf = loads[machine.name], settings.slots_on(machine.cores), float(machine.perf)
        speeds += perf * slots
        # Not simulated job by job, which would look at every job each time that a plan is shown. The longest run first,
        # so that slots end apart by small jobs only, and the two bounds are near what happens.
        cost, longest = load.cost / UNIT, load.largest / UNIT / perf
        job = plan.job_at(load.position) if load.position >= 0 else None
        found.append(Expected(machine.name, cost, max(cost / (perf * slots), longest), longest, job))
    even = sum(one.cost for one in found) / speeds
    return Forecast(found, bool(plan.cost_source and plan.cost_source.is_seconds), even)
