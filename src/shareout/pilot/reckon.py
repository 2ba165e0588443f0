"""A sample → what all jobs of the plan take: core-hours, memory, and the time on so many machines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, inf

from shareout.config import Settings
from shareout.costs.amount import UNIT
from shareout.fields import dataclass, replace
from shareout.pilot.estimate import Estimate, Interval, estimate, quantile
from shareout.pilot.nodes import Node, Work, even, numbers_of_nodes, wall
from shareout.pilot.sample import Sample
from shareout.pilot.sbatch import Batch
from shareout.plan.fitting import Demand, Host, demand_of, is_packed
from shareout.plan.plan import Plan

SHORTEST_S = 1e-6
DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Here:
    """The machine that was measured."""

    name: str
    host: Host
    cores: int
    slots: int
    own_memory: int
    """Bytes that the run itself takes."""
    untold_memory: int
    """Bytes up to which a job is not told apart from ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """So many machines like this one."""

    nodes: int
    jobs: int
    """Of the one that has the most."""
    wall: Interval


@dataclass(frozen=True, slots=True)
class Planned:
    """A machine of the plan, with its own share."""

    machine: str
    jobs: int
    at_once: float
    wall: Interval


@dataclass(frozen=True, slots=True)
class Reckoned:
    """All that a pilot tells."""

    jobs: int
    sample: Sequence[float]
    """Seconds, in ascending order."""
    estimate: Estimate
    core_hours: Interval
    at_once: float
    idle_s: float
    memory: int | None
    """Bytes of the largest job; None where none is larger than `most_memory`, below which it cannot be told."""
    most_memory: int
    rows: Sequence[Row]
    planned: Sequence[Planned]
    """Where they are several, not alike, and one of them was measured."""
    batch: Batch


def reckon(plan: Plan, settings: Settings, sample: Sample, here: Here, nodes: int | None) -> Reckoned:
    """From at least one job. `nodes`: for how many machines the lines for Slurm are, where that is said."""
    ids = [sample.ids[position] for position in sample.seconds]
    seconds = [max(SHORTEST_S, one) for one in sample.seconds.values()]
    costs, total = _costs(plan, ids)
    packed = is_packed(plan, settings)
    demands = [demand_of(settings.run, plan.pool.need(job, settings.run.needs) if packed else None) for job in ids]
    made = estimate(seconds, costs, total, plan.jobs)
    at_once = _at_once(seconds, demands, here) if packed else float(here.slots)
    # More slots than cores share these; a job then has less than it is counted with.
    most = inf if packed else here.cores / here.slots
    core_s = [one * min(float(demand.cores), most) for one, demand in zip(seconds, demands, strict=True)]
    ascending = sorted(seconds)
    work = Work(plan.jobs, made, ascending, sample.idle_s, _limit_s(settings))
    asked = nodes or (len(plan.machines) if len(plan.machines) > 1 else None)
    numbers = {*numbers_of_nodes(work, at_once), *([asked] if asked else [])}
    rows = [_row(work, at_once, number) for number in sorted(numbers)]
    planned = _planned(plan, settings, work, here, at_once)
    gpus = (here.host.gpus or 0) if any(demand.gpus for demand in demands) else 0
    peak = sample.peak_memory or here.untold_memory
    batch = replace(_batch(rows, planned, asked, at_once=at_once, peak=peak, here=here), gpus=gpus)
    return Reckoned(
        plan.jobs,
        ascending,
        made,
        core_hours=estimate(core_s, costs, total, plan.jobs).total.times(1 / 3600),
        at_once=at_once,
        idle_s=sample.idle_s,
        memory=sample.peak_memory,
        most_memory=peak,
        rows=rows,
        planned=planned,
        batch=batch,
    )


def _costs(plan: Plan, ids: Sequence[int]) -> tuple[list[float], float]:
    """Of these jobs, and of all; 1 each where they are not known."""
    if plan.costs is None:
        return [1.0] * len(ids), float(plan.jobs)
    total = sum(plan.cost_of_phase(phase.start, phase.stop) for phase in plan.pool.phases)
    return [plan.cost_of(job) / UNIT for job in ids], total / UNIT


def _at_once(seconds: Sequence[float], demands: Sequence[Demand], here: Here) -> float:
    """How many run at a time, on average over the time, until one of the things that they take is all taken."""
    all_s = sum(seconds)

    def room(has: Fraction | int | None, taken: Sequence[Fraction | int]) -> float:
        used = sum(one * float(amount) for one, amount in zip(seconds, taken, strict=True))
        return float(has) * all_s / used if has and used else inf

    host = here.host
    found = min(
        float(here.slots),
        room(host.cores, [one.cores for one in demands]),
        room(host.gpus, [one.gpus for one in demands]),
        room(host.memory, [one.memory for one in demands]),
    )
    return max(1.0, found)


def _row(work: Work, at_once: float, nodes: int) -> Row:
    return Row(nodes, ceil(work.jobs / nodes), even(work, at_once, nodes))


def _planned(plan: Plan, settings: Settings, work: Work, here: Here, at_once: float) -> list[Planned]:
    """By their performances, which say how they stand to the one that was measured."""
    perfs = {one.name: float(one.perf) for one in plan.machines}
    if here.name not in perfs or len({(one.perf, one.cores) for one in plan.machines}) == 1:
        return []
    loads, slots = plan.loads, settings.run.slots_on(here.cores)
    everything = sum(load.cost for load in loads.values()) if loads else plan.jobs
    found = []
    for machine in plan.machines:
        jobs = len(plan.share(machine.name))
        part = (loads[machine.name].cost if loads else jobs) / everything if everything else 0.0
        runs = max(1.0, at_once * settings.run.slots_on(machine.cores) / slots)
        one = wall(work, Node(runs, part, perfs[machine.name] / perfs[here.name]))
        found.append(Planned(machine.name, jobs, runs, one))
    return found


def _batch(
    rows: Sequence[Row], planned: Sequence[Planned], asked: int | None, *, at_once: float, peak: int, here: Here
) -> Batch:
    """For as many as are asked for, or as few as are through in a day; where these are the machines of the plan, for
    the slowest and the largest of them."""
    is_planned = len(planned) == asked
    row = next((row for row in rows if row.nodes == asked or (asked is None and row.wall.high <= DAY_S)), rows[-1])
    seconds = max(one.wall.high for one in planned) if is_planned else row.wall.high
    runs = max(one.at_once for one in planned) if is_planned else at_once
    return Batch(row.nodes, ceil(here.cores * runs / at_once), seconds, here.own_memory + ceil(runs) * peak)


def _limit_s(settings: Settings) -> float:
    limits = settings.limits
    if limits.timeout is None or limits.timeout.seconds is None:
        return inf
    return limits.timeout.seconds * (1 + limits.retries)


def spread_of(sample: Sequence[float]) -> tuple[float, float, float, float]:
    """The first tenth, half, nine tenths, and the longest."""
    return quantile(sample, 0.1), quantile(sample, 0.5), quantile(sample, 0.9), sample[-1]
