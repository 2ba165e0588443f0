"""How good a static split is: simulated machines and jobs, the program's own split and its own suggested weights.

bench/split_quality.py     writes docs/split-quality.svg and the table in docs/peers.md

A machine has 1 to 8 cores and a speed; `machines.json` says another one, up to twice as high or as low. Jobs run
in shuffled order, as they do. The best possible time is the larger of all work over all speed, and the longest job
on the fastest core: no scheduler, whatever it knows, is below it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heapreplace
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import median, quantiles

from plot import Curve, Panel, figure
from shareout.machines import Machine
from shareout.plan.split import split
from shareout.record.tallies.durations import Durations
from shareout.report.balance import balance_of
from shareout.report.reading import Deeds
from written import put_between

ROOT = Path(__file__).parents[1]
MACHINES = (2, 5, 10, 20, 50, 100, 200)
JOBS_PER_CORE = (20, 200, 2000)
OFF_BY = 2.0
WAYS = ("wrong weights", "true weights", "corrected once", "a central queue")
KINDS: dict[str, Callable[[random.Random], float]] = {
    "constant": lambda dice: 1.0,
    "exponential": lambda dice: dice.expovariate(1),
    "Pareto, α = 2": lambda dice: 0.5 * dice.paretovariate(2),
}


@dataclass(frozen=True, slots=True)
class Host:
    """What a machine is, and what machines.json says of it."""

    name: str
    cores: int
    speed: float
    said: Fraction

    def machine(self, perf: float | None = None) -> Machine:
        return Machine(self.name, self.said if perf is None else Fraction(str(perf)), self.cores)


def main() -> int:
    results = {
        (kind, per_core, count): trials(kind, per_core, count)
        for kind in KINDS
        for per_core in JOBS_PER_CORE
        for count in MACHINES
    }
    (ROOT / "docs" / "split-quality.svg").write_text(drawn(results))
    put_between(ROOT / "docs" / "peers.md", "split quality", table(results))
    print(table(results))
    return 0


def trials(kind: str, per_core: int, count: int) -> dict[str, list[float]]:
    """Ratios to the best possible, by way of sharing out."""
    made: dict[str, list[float]] = {way: [] for way in WAYS}
    machines = 600 if per_core < 2000 else 150
    for number in range(max(8, min(60, machines // count))):
        dice = random.Random(f"{kind} {per_core} {count} {number}")
        for way, ratio in trial(dice, KINDS[kind], per_core, count).items():
            made[way].append(ratio)
    return made


def trial(dice: random.Random, draw: Callable[[random.Random], float], per_core: int, count: int) -> dict[str, float]:
    """A farm; a first run with what machines.json says, and a second one with what the first one's report says."""
    hosts = [host(dice, number) for number in range(count)]
    jobs = per_core * sum(one.cores for one in hosts)
    first = [draw(dice) for _ in range(jobs)]
    deeds, shares = run(hosts, [one.machine().weight for one in hosts], first)
    balance = balance_of(deeds, shares, [one.machine() for one in hosts])
    assert balance is not None
    perfs = {pace.machine: pace.perf for pace in balance.paces}
    second = [draw(dice) for _ in range(jobs)]
    true = [Fraction(one.speed) * one.cores for one in hosts]
    corrected = [one.machine(perfs.get(one.name)).weight for one in hosts]
    return {
        "wrong weights": finish(deeds) / best(hosts, first),
        "true weights": finish(run(hosts, true, second)[0]) / best(hosts, second),
        "corrected once": finish(run(hosts, corrected, second)[0]) / best(hosts, second),
        "a central queue": queue(hosts, second) / best(hosts, second),
    }


def host(dice: random.Random, number: int) -> Host:
    speed = exp(dice.uniform(-log(2), log(2)))
    said = speed * exp(dice.uniform(-log(OFF_BY), log(OFF_BY)))
    return Host(f"m{number}", dice.choice((1, 2, 4, 8)), speed, Fraction(f"{said:.3g}"))


def run(
    hosts: Sequence[Host], weights: Sequence[Fraction], jobs: Sequence[float]
) -> tuple[list[Deeds], dict[str, int]]:
    """Every machine through its share, on its cores, in order; as a report would see it."""
    deeds, shares = [], {}
    for one, (start, stop) in zip(hosts, pairwise(bound[0] for bound in split([len(jobs)], weights)), strict=True):
        mine = [seconds / one.speed for seconds in jobs[start:stop]]
        slots = [0.0] * one.cores
        for seconds in mine:
            heapreplace(slots, slots[0] + seconds)
        ended = max(slots)
        did = Deeds(one.name, finished=len(mine), attempts=len(mine), busy_s=sum(mine), active_s=ended)
        did.drained_s = ended - sum(slots) / one.cores
        did.slots.update(range(one.cores))
        did.durations = Durations(count=len(mine), total=sum(mine), squares=sum(seconds**2 for seconds in mine))
        deeds.append(did)
        shares[one.name] = len(mine)
    return deeds, shares


def queue(hosts: Sequence[Host], jobs: Sequence[float]) -> float:
    """Each free core takes the next job from one place, at no cost: the best that a scheduler does which does not
    know how long jobs take."""
    free = [(0.0, 1 / one.speed) for one in hosts for _ in range(one.cores)]
    heapify(free)
    for seconds in jobs:
        now, slowness = free[0]
        heapreplace(free, (now + seconds * slowness, slowness))
    return max(now for now, _ in free)


def finish(deeds: Sequence[Deeds]) -> float:
    return max(one.active_s for one in deeds)


def best(hosts: Sequence[Host], jobs: Sequence[float]) -> float:
    return max(sum(jobs) / sum(one.speed * one.cores for one in hosts), max(jobs) / max(one.speed for one in hosts))


def drawn(results: dict[tuple[str, int, int], dict[str, list[float]]]) -> str:
    panels = []
    for per_core in JOBS_PER_CORE:
        for kind in KINDS:
            curves = []
            for way in WAYS:
                points, low, high = [], [], []
                for count in MACHINES:
                    ratios = results[kind, per_core, count][way]
                    tenths = quantiles(ratios, n=10)
                    points.append((float(count), median(ratios)))
                    low.append((float(count), tenths[0]))
                    high.append((float(count), tenths[-1]))
                curves.append(Curve(way, points, low, high))
            ticks = (1.0, 1.5, 2.0, 2.5, 3.0)
            title = f"{kind}, {per_core} jobs a core"
            panels.append(Panel(title, "machines", curves, y_is_log=False, told_y=told_ratio, y_ticks=ticks))
    return figure("Time to finish over the best possible, by machines", panels, len(KINDS))


def told_ratio(value: float) -> str:
    return f"× {value:g}"


def table(results: dict[tuple[str, int, int], dict[str, list[float]]]) -> str:
    """Medians for some of the farms."""
    rows = ["| jobs | a core | machines | " + " | ".join(WAYS) + " |", "| --- | --: | --: |" + " --: |" * len(WAYS)]
    for kind in KINDS:
        for per_core in JOBS_PER_CORE:
            for count in (5, 20, 100):
                told = [f"{median(results[kind, per_core, count][way]):.2f}" for way in WAYS]
                rows.append(f"| {kind} | {per_core} | {count} | " + " | ".join(told) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
