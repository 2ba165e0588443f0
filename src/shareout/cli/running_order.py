"""In which order a run begins the jobs of a share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from shareout.config import Settings
from shareout.plan.plan import Plan, Share


def in_running_order(plan: Plan, share: Share, settings: Settings) -> Iterator[int]:
    """The ids, streaming, of a run that has done none of them: by position, and where it is known how long jobs take,
    the longest first."""
    if plan.costs is None:
        for start, stop in share.ranges:
            yield from plan.jobs_between(start, stop)
        return
    from shareout.run.host.cores import granted_cores
    from shareout.run.make import slots_of
    from shareout.supply.longest import longest_first

    # How many are held for long depends on the slots, so these must be the run's.
    todo = sum(stop - start for start, stop in (*share.ranges, *share.audit))
    slots = slots_of(plan, settings, share.cores or granted_cores(), todo)
    for start, stop in share.ranges:
        costs = array("q", plan.costs_between(start, stop))
        first = longest_first(costs, sum(costs), slots)
        yield from (plan.job_at(start + place) for place in first)
        ahead = set(first)
        yield from (job for place, job in enumerate(plan.jobs_between(start, stop)) if place not in ahead)
