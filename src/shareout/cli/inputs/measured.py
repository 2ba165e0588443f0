"""Performances from runs: who takes twice as long for a job has half of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from shareout.errors import ShareoutError, UsageError
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header
from shareout.record.sources import find_sources
from shareout.report.timings import perfs_of, timings_of

DIGITS = 3


def measured_perfs(sources: Sequence[str], plan: Plan, said: Callable[[str], None]) -> dict[str, str]:
    """Machine → performance, for those that have run enough of these jobs. Positions are shuffled, so what one machine
    ran is as hard as what any other did, unless costs say how hard it was. Together the measured ones keep the weight
    that they had beside the others."""
    with find_sources(sources, lambda _: None) as here:
        timings = timings_of([one for one in here.folders if _is_readable(one)], plan)
    jobs = {one.name: one.jobs for one in timings.machines}
    measured = {one.name for one in timings.machines if one.speed is not None}
    for machine in plan.machines:
        if machine.name not in measured:
            count = jobs.get(machine.name, 0)
            said(f"{machine.name} keeps its performance: {count} of these jobs were measured on it")
    chosen = [machine.name for machine in plan.machines if machine.name in measured]
    if len(chosen) < 2:
        raise UsageError(
            "these runs measure fewer than two machines, and there is nothing to compare",
            way_out="Name the runs of several machines, of these very jobs.",
        )
    perfs = perfs_of(timings, plan)
    return {name: _written(perfs[name]) for name in chosen}


def _written(perf: float) -> str:
    """Three digits, and never as 1e-05: nobody knows more, and a person reads it."""
    return f"{Decimal(f'{perf:.{DIGITS}g}'):f}"


def _is_readable(folder: RunFolder) -> bool:
    try:
        newest_header(folder)
    except ShareoutError:
        return False
    return True
