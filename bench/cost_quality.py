"""What it is worth to know what jobs cost: simulated farms, the program's own boundaries and running order.

bench/cost_quality.py     writes docs/cost-quality.svg and the table in docs/peers.md

Twenty machines, twenty jobs a core. The machines are equal, of 8 cores; or of 1 to 8 cores, some four times as fast as
others. Costs are off by a factor f up or down (one standard deviation of
the logarithm). Weights are right, or off by up to a fifth; or they are right, and the largest machine dies when
half of the time has gone: what it had not done is then shared out by hand when all the others are through, while a
queue just goes on. The best possible time is what no scheduler is below, whatever it knows.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heapreplace
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import mean, quantiles

from plot import Curve, Panel, figure
from shareout.costs.amount import rounded
from shareout.costs.boundaries import cut_by_cost
from shareout.plan.split import split, whole_weights
from shareout.supply.longest import longest_first
from split_quality import Host, best, host, queue, told_ratio
from written import put_between

ROOT = Path(__file__).parents[1]
MACHINES, PER_CORE, TRIALS = 20, 20, 60
OFF_BY = (1.0, 1.2, 1.65, 2.5, 4.0)
KNOWN = 1.65
WITHOUT, WITH, QUEUE = "alone, without costs", "alone, with costs", "a central queue"
WAYS = (WITHOUT, WITH, QUEUE)
KINDS: dict[str, Callable[[random.Random], float]] = {
    "exponential": lambda dice: dice.expovariate(1),
    "Pareto, α = 2": lambda dice: 0.5 * dice.paretovariate(2),
    "one in ten × 30": lambda dice: (30.0 if dice.random() < 0.1 else 1.0) / 3.9,
}
EQUAL, UNEQUAL, WRONG, DEAD = "equal machines", "unequal machines", "weights off by up to 20%", "one machine dies"
CASES = (EQUAL, UNEQUAL, WRONG, DEAD)
Results = dict[tuple[str, str, float], dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Farm:
    """Machines, what machines.json says of them, and the jobs in shuffled order."""

    hosts: Sequence[Host]
    weights: Sequence[Fraction]
    jobs: Sequence[float]
    costs: Sequence[int] | None


def main() -> int:
    results: Results = {
        (kind, case, off_by): trials(kind, case, off_by) for kind in KINDS for case in CASES for off_by in OFF_BY
    }
    (ROOT / "docs" / "cost-quality.svg").write_text(drawn(results))
    put_between(ROOT / "docs" / "peers.md", "cost quality", table(results))
    print(table(results))
    return 0


def trials(kind: str, case: str, off_by: float) -> dict[str, list[float]]:
    """Ratios to the best possible, by way of sharing out."""
    made: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(TRIALS):
        # The same farms and jobs for all cases and errors.
        dice = random.Random(f"{kind} {number}")
        hosts = [host(dice, one) for one in range(MACHINES)]
        if case == EQUAL:
            hosts = [Host(one.name, 8, 1.0, Fraction(1)) for one in hosts]
        jobs = [KINDS[kind](dice) for _ in range(PER_CORE * sum(one.cores for one in hosts))]
        for way, ratio in trial(dice, hosts, jobs, case, off_by).items():
            made[way].append(ratio)
    return made


def trial(
    dice: random.Random, hosts: Sequence[Host], jobs: Sequence[float], case: str, off_by: float
) -> dict[str, float]:
    """One farm, by all ways."""
    wrong = 0.2 if case == WRONG else 0.0
    weights = [Fraction(f"{one.speed * dice.uniform(1 - wrong, 1 + wrong):.4g}") * one.cores for one in hosts]
    costs = [rounded(seconds * dice.lognormvariate(0, log(off_by))) for seconds in jobs]
    known, unknown = Farm(hosts, weights, jobs, costs), Farm(hosts, weights, jobs, None)
    if case != DEAD:
        ideal = best(hosts, jobs)
        return {WITHOUT: alone(unknown) / ideal, WITH: alone(known) / ideal, QUEUE: queue(hosts, jobs) / ideal}
    dead = max(range(len(hosts)), key=lambda one: hosts[one].cores * hosts[one].speed)
    at = 0.5 * sum(jobs) / sum(one.speed * one.cores for one in hosts)
    left = [one for number, one in enumerate(hosts) if number != dead]
    did = hosts[dead].speed * hosts[dead].cores * at
    ideal = max((sum(jobs) - did) / sum(one.speed * one.cores for one in left), best(hosts, jobs))
    return {
        WITHOUT: alone(unknown, dead, at) / ideal,
        WITH: alone(known, dead, at) / ideal,
        QUEUE: queue_with_a_death(hosts, jobs, dead, at) / ideal,
    }


def alone(farm: Farm, dead: int | None = None, at: float = 0.0) -> float:
    """When the last machine is through; and, where one dies, what it leaves."""
    ends: list[float] = []
    rest: list[int] = []
    for number, (one, (start, stop)) in enumerate(zip(farm.hosts, pairwise(bounds(farm)), strict=True)):
        order = running_order(farm, start, stop, one.cores)
        done = worked(one, [farm.jobs[job] for job in order])
        if number == dead:
            rest = [job for job, end in zip(order, done, strict=True) if end > at]
        else:
            ends.append(max(done, default=0.0))
    if not rest:
        return max(ends)
    # A rebalance: when all the others are through, by the same weights and costs.
    left = [number for number in range(len(farm.hosts)) if number != dead]
    costs = None if farm.costs is None else [farm.costs[job] for job in sorted(rest)]
    again = Farm(
        [farm.hosts[one] for one in left],
        [farm.weights[one] for one in left],
        [farm.jobs[job] for job in sorted(rest)],
        costs,
    )
    return max(ends) + alone(again)


def bounds(farm: Farm) -> list[int]:
    """By the program's own code."""
    sizes = [len(farm.jobs)]
    if farm.costs is None:
        return [bound[0] for bound in split(sizes, farm.weights)]
    costs = farm.costs
    cut = cut_by_cost(sizes, [sum(costs)], whole_weights(farm.weights), lambda phase: [costs])
    return [bound[0] for bound in cut.bounds]


def running_order(farm: Farm, start: int, stop: int, cores: int) -> list[int]:
    """By the program's own code as well."""
    if farm.costs is None:
        return list(range(start, stop))
    costs = farm.costs[start:stop]
    first = [start + place for place in longest_first(costs, sum(costs), cores)]
    ahead = set(first)
    return [*first, *(job for job in range(start, stop) if job not in ahead)]


def worked(one: Host, jobs: Sequence[float]) -> list[float]:
    """When each is done: a free core takes the next."""
    slots = [0.0] * one.cores
    ends = []
    for seconds in jobs:
        ends.append(slots[0] + seconds / one.speed)
        heapreplace(slots, ends[-1])
    return ends


def queue_with_a_death(hosts: Sequence[Host], jobs: Sequence[float], dead: int, at: float) -> float:
    """What ran there when it died is begun again by who is free next."""
    free = [(0.0, 1 / one.speed, number) for number, one in enumerate(hosts) for _ in range(one.cores)]
    heapify(free)
    waiting = list(reversed(jobs))
    lost: list[float] = []
    last = 0.0
    while waiting or lost:
        now, slowness, number = free[0]
        if number == dead and now >= at:
            heapreplace(free, (float("inf"), slowness, number))
            continue
        is_lost = bool(lost) and (now >= at or not waiting)
        seconds = lost.pop() if is_lost else waiting.pop()
        end = (max(now, at) if is_lost else now) + seconds * slowness
        if number == dead and end > at:
            lost.append(seconds)
            heapreplace(free, (float("inf"), slowness, number))
        else:
            last = max(last, end)
            heapreplace(free, (end, slowness, number))
    return last


def drawn(results: Results) -> str:
    panels = []
    for case in CASES:
        for kind in KINDS:
            curves = []
            for way in WAYS:
                points, low, high = [], [], []
                for off_by in OFF_BY:
                    ratios = results[kind, case, off_by][way]
                    tenths = quantiles(ratios, n=10)
                    points.append((off_by, mean(ratios)))
                    low.append((off_by, tenths[0]))
                    high.append((off_by, tenths[-1]))
                curves.append(Curve(way, points, low, high))
            ticks = (1.0, 1.5, 2.0, 2.5)
            panels.append(
                Panel(
                    f"{kind}, {case}", "costs off by × or ÷", curves, y_is_log=False, told_y=told_ratio, y_ticks=ticks
                )
            )
    return figure("Time to finish over the best possible, by how well costs are known", panels, len(KINDS))


def table(results: Results) -> str:
    """Means over the farms."""
    told = [WITHOUT, *(f"costs off by ×/÷ {off_by:g}" for off_by in OFF_BY), QUEUE]
    rows = ["| jobs | farm | " + " | ".join(told) + " |", "| --- | --- |" + " --: |" * len(told)]
    for kind in KINDS:
        for case in CASES:
            first = results[kind, case, OFF_BY[0]]
            values = [first[WITHOUT], *(results[kind, case, off_by][WITH] for off_by in OFF_BY), first[QUEUE]]
            rows.append(f"| {kind} | {case} | " + " | ".join(f"{mean(one):.2f}" for one in values) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
