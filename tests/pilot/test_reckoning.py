"""From a few jobs to all: intervals hold as often as they say, and what many machines take is what a queue takes."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable

import pytest

from shareout.pilot.estimate import Estimate, estimate, student
from shareout.pilot.nodes import Work, even, longest_of, numbers_of_nodes
from shareout.pilot.sample import first_of
from shareout.pilot.sbatch import Batch

SEED = 20261127
ROUNDS = 600
KINDS: dict[str, tuple[Callable[[random.Random], float], float, float]] = {
    # How a time is drawn, the mean, and how often an interval from 200 must hold it at least.
    "even": (lambda chance: 10 + chance.gauss(0, 1), 10.0, 0.93),
    "exponential": (lambda chance: chance.expovariate(1), 1.0, 0.93),
    "log-normal": (lambda chance: chance.lognormvariate(0, 1), math.exp(0.5), 0.91),
    "heavy": (lambda chance: chance.lognormvariate(0, 1.5), math.exp(1.125), 0.88),
}


def of_mean(seconds: list[float], jobs: int) -> Estimate:
    return estimate(seconds, [1.0] * len(seconds), float(jobs), jobs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interval_holds_nearly_as_often_as_it_says(kind: str) -> None:
    print("seed", SEED)
    chance = random.Random(SEED)
    draw, mean, least = KINDS[kind]
    jobs, hits = 10**9, 0
    for _ in range(ROUNDS):
        total = of_mean([draw(chance) for _ in range(200)], jobs).total
        assert total.low <= total.middle <= total.high
        hits += total.low <= mean * jobs <= total.high
    assert hits >= least * ROUNDS


def test_a_long_tail_is_told() -> None:
    chance = random.Random(SEED)
    assert not of_mean([chance.expovariate(1) for _ in range(200)], 10**6).is_heavy
    assert of_mean([1.0] * 198 + [500.0, 900.0], 10**6).is_heavy
    assert not of_mean([1.0] * 198 + [500.0, 900.0], 200).is_heavy, "all were measured"


def test_what_was_measured_is_the_least_and_all_of_it_is_exact() -> None:
    whole = of_mean([1.0, 2.0, 9.0], 3).total
    assert whole.low == whole.middle == whole.high == pytest.approx(12)
    nearly = of_mean([1.0] * 9 + [100.0], 11).total
    assert nearly.low >= 109
    alone = of_mean([3.0], 1).total
    assert (alone.low, alone.high) == (3.0, 3.0)


def test_costs_that_say_how_long_jobs_take_make_it_narrow() -> None:
    chance = random.Random(SEED)
    costs = [chance.expovariate(1) + 0.01 for _ in range(5000)]
    seconds = [7 * cost * chance.uniform(0.95, 1.05) for cost in costs]
    by_cost = estimate(seconds[:50], costs[:50], sum(costs), 5000).total
    by_count = of_mean(seconds[:50], 5000).total
    assert by_cost.low <= sum(seconds) <= by_cost.high
    assert by_cost.high - by_cost.low < (by_count.high - by_count.low) / 10
    # Also of a sample that is none: the longest jobs alone.
    longest = sorted(zip(costs, seconds, strict=True))[-50:]
    of_longest = estimate([s for _, s in longest], [c for c, _ in longest], sum(costs), 5000).total
    assert of_longest.middle == pytest.approx(sum(seconds), rel=0.02)


@pytest.mark.parametrize(("degrees", "value"), [(1, 12.706), (5, 2.571), (6, 2.447), (9, 2.262), (199, 1.972)])
def test_students_quantiles_are_those_of_the_tables(degrees: int, value: float) -> None:
    assert student(degrees) == pytest.approx(value, abs=0.003)


@pytest.mark.parametrize("kind", ["even", "exponential"])
@pytest.mark.parametrize(("jobs", "nodes", "slots"), [(2000, 1, 8), (2000, 8, 8), (2000, 64, 8), (50, 4, 8)])
def test_machines_take_what_their_queues_take(kind: str, jobs: int, nodes: int, slots: int) -> None:
    """Against a queue a machine, each job by itself."""
    chance = random.Random(SEED)
    draw = KINDS[kind][0]
    ratios, hits, rounds = [], 0, 40
    for _ in range(rounds):
        pool = [draw(chance) for _ in range(jobs)]
        sample = sorted(pool[: min(200, jobs)])
        told = even(Work(jobs, of_mean(sample, jobs), sample, 0.0), slots, nodes)
        real = max(queue(pool[number::nodes], slots) for number in range(nodes))
        ratios.append(real / told.middle)
        hits += told.low <= real <= told.high
    assert 0.8 < sorted(ratios)[rounds // 2] < 1.25
    assert hits >= 0.85 * rounds


def queue(pool: list[float], slots: int) -> float:
    ends = [0.0] * slots
    for seconds in pool:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def test_the_longest_of_more_jobs_is_longer_and_no_longer_than_its_limit() -> None:
    sample = [float(n) for n in range(1, 101)]
    usual, worst = longest_of(sample, 10_000)
    assert 100 < usual <= worst
    assert longest_of(sample, 1) == (50.0, 50.0)
    bound = Work(10_000, of_mean(sample, 10_000), sample, 0.0, limit_s=100.0)
    assert even(bound, 4, 5000).high < even(Work(10_000, of_mean(sample, 10_000), sample, 0.0), 4, 5000).high


def test_only_numbers_that_are_worth_it_are_shown() -> None:
    sample = [100.0] * 50
    work = Work(64, of_mean(sample, 64), sample, 0.0)
    assert numbers_of_nodes(work, 8.0) == [1, 2, 4, 8]
    small = Work(64, of_mean([0.1] * 50, 64), [0.1] * 50, 0.0)
    assert numbers_of_nodes(small, 8.0) == [1]
    assert numbers_of_nodes(Work(10**7, of_mean([36.0] * 50, 10**7), [36.0] * 50, 0.0), 1.0)[-1] == 1 << 23


def test_the_lines_for_slurm_are_these() -> None:
    assert Batch(64, 8, seconds=3600.0, memory=3 << 30).lines() == [
        "#SBATCH --array=0-63",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --time=01:13:00",
        "#SBATCH --mem=3700M",
    ]
    assert Batch(1, 2, seconds=90000.0, memory=1, gpus=4).lines() == [
        "#SBATCH --array=0-0",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --time=1-06:01:00",
        "#SBATCH --mem=100M",
        "#SBATCH --gpus-per-node=4",
    ]


def test_the_first_jobs_of_a_share_are_taken_phase_by_phase() -> None:
    assert first_of([(5, 8), (10, 20)], 5) == [(5, 8), (10, 12)]
    assert first_of([(5, 5), (10, 20)], 100) == [(10, 20)]
