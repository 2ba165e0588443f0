"""What a pilot has measured, in lines for people, and the lines for a Slurm script."""

from __future__ import annotations

from collections.abc import Callable

from shareout.pilot.estimate import Interval
from shareout.pilot.reckon import Reckoned, spread_of
from shareout.show.pace import told_seconds
from shareout.show.tables import table
from shareout.units import counted, told_filesize

SHOWN = 8
"""Machines of the plan: the slowest, for they decide."""
WALL = ["takes", "at best", "at worst"]


def pilot_lines(found: Reckoned, each_runs: str, columns: int | None) -> list[str]:
    """In the order in which one asks; on a terminal of so many columns, None where it is none. `each_runs`: what an
    element of the array is to run."""
    batch = found.batch
    return [
        *_measured(found),
        "",
        _nodes_table(found, columns),
        *_planned(found, columns),
        "",
        f"for {counted(batch.nodes, 'node')} of {counted(batch.cores, 'core')}, with a margin of a fifth; {each_runs}:",
        *batch.lines(),
    ]


def _measured(found: Reckoned) -> list[str]:
    tenth, half, most, longest = map(told_seconds, spread_of(found.sample))
    count = len(found.sample)
    what = f"{count:,} of {counted(found.jobs, 'job')}" if count < found.jobs else f"all {counted(count, 'job')}"
    peak = told_filesize(found.most_memory)
    return [
        f"measured  {what}, {found.at_once:.3g} at once",
        f"a job     {_told(found.estimate.total.times(1 / found.jobs), told_seconds)}",
        f"          p10 {tenth}  p50 {half}  p90 {most}  longest {longest}",
        f"memory    {peak} of a job at most" if found.memory else f"memory    no job took more than {peak}",
        f"all       {_told(found.core_hours, '{:.3g}'.format)} core-hours",
    ]


def _nodes_table(found: Reckoned, columns: int | None) -> str:
    rows = [[f"{row.nodes:,}", f"{row.jobs:,}", *_wall(row.wall)] for row in found.rows]
    return table(["nodes", "jobs each", *WALL], rows, right={0, 1, 2, 3, 4}, columns=columns)


def _planned(found: Reckoned, columns: int | None) -> list[str]:
    if not found.planned:
        return []
    slowest = sorted(found.planned, key=lambda one: -one.wall.middle)[:SHOWN]
    rows = [[one.machine, f"{one.jobs:,}", *_wall(one.wall)] for one in slowest]
    return ["", table(["machine", "jobs", *WALL], rows, right={1, 2, 3, 4}, columns=columns)]


def _wall(wall: Interval) -> list[str]:
    return [told_seconds(one) for one in (wall.middle, wall.low, wall.high)]


def _told(interval: Interval, form: Callable[[float], str]) -> str:
    if interval.low == interval.high:
        return form(interval.middle)
    return f"{form(interval.middle)}, 19 times in 20 between {form(interval.low)} and {form(interval.high)}"
