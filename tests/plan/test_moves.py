"""What another weight moves: only what lies between where a boundary was and where it is."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.choices import Order
from shareout.config import load_settings
from shareout.machines import Machine
from shareout.plan.origin import Origin, is_known, moved, moves, of_these
from shareout.plan.plan import Plan
from shareout.pool import open_pool
from shareout.ranges import Range, common, size, union, without

WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=8)


def plan_of(folder: Path, jobs: int, phases: int, weights: list[Fraction], since: Plan | None = None) -> Plan:
    lines = ["#SHAREOUT BARRIER" if phases > 1 and number % max(1, jobs // phases) == 0 else f"true {number}"
             for number in range(1, jobs + phases)]  # fmt: skip
    configs = folder / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    (configs / "jobs.txt").write_text("\n".join(lines) + "\n")
    pool = open_pool(configs, load_settings(configs), named=None)
    machines = [Machine(f"m{number}", weight, 1) for number, weight in enumerate(weights)]
    origin = Origin(since.origin, since.work, Order.SHUFFLED) if since else None
    return Plan(pool, machines, [], audit=Fraction(0), since=origin)


def shares(plan: Plan) -> dict[str, tuple[Range, ...]]:
    return {machine.name: plan.share(machine.name).ranges for machine in plan.machines}


def shift(before: list[Fraction], after: list[Fraction]) -> Fraction:
    """Of all jobs, how far the boundaries stand from where they stood."""
    ends = [[one / sum(weights) for one in accumulate(weights)] for weights in (before, after)]
    return sum((abs(one - other) for one, other in zip(*ends, strict=True)), Fraction(0))


@given(
    jobs=st.integers(1, 300),
    phases=st.integers(1, 4),
    before=WEIGHTS,
    factors=st.lists(st.integers(1, 40), min_size=8, max_size=8),
)
def test_other_weights_move_no_more_than_the_boundaries_do(
    tmp_path_factory: pytest.TempPathFactory, jobs: int, phases: int, before: list[int], factors: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("moves")
    old = [Fraction(one) for one in before]
    new = [one * Fraction(factor, 20) for one, factor in zip(old, factors, strict=False)]
    first = plan_of(folder, jobs, phases, old)
    then = plan_of(folder, jobs, phases, new, first)
    assert list(then.jobs_between(0, first.jobs)) == list(first.jobs_between(0, first.jobs))
    number = size(moved(moves(shares(first), shares(then))))
    # A boundary is rounded once a phase, by less than one job, before and after.
    assert number <= shift(old, new) * first.jobs + 2 * (len(old) - 1) * len(first.pool.phases)


@pytest.mark.parametrize("which", range(20))
def test_a_percent_more_for_one_of_twenty_moves_less_than_half_a_percent(tmp_path: Path, which: int) -> None:
    old = [Fraction(1)] * 20
    new = [weight * Fraction(101, 100) if number == which else weight for number, weight in enumerate(old)]
    first = plan_of(tmp_path, 20_000, 1, old)
    then = plan_of(tmp_path, 20_000, 1, new, first)
    assert 0 < size(moved(moves(shares(first), shares(then)))) <= 0.005 * first.jobs


def test_who_comes_and_who_goes_is_told() -> None:
    changes = moves({"a": [(0, 5)], "b": [(5, 10)]}, {"a": [(0, 3)], "c": [(3, 10)]}, ["c"])
    assert [(one.machine, one.gets) for one in changes] == [("a", []), ("c", [(3, 10)]), ("b", [])]
    assert is_known(changes)
    assert moved(changes) == [(3, 10)]
    assert of_these(moved(changes), [(0, 4), (9, 12)]) == 2


def test_what_nobody_knows_is_not_counted_as_moved() -> None:
    changes = moves({"a": [(0, 5)]}, {"a": [(0, 6)], "b": [(6, 10)]})
    assert not is_known(changes)
    assert moved(changes) == [(5, 6)]


RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
)


@given(one=RANGES, other=RANGES)
def test_stretches_are_as_sets_are(one: list[Range], other: list[Range]) -> None:
    def positions(ranges: list[Range]) -> set[int]:
        return {at for start, stop in ranges for at in range(start, stop)}

    assert positions(union(one + other)) == positions(one) | positions(other)
    assert positions(list(without(one, other))) == positions(one) - positions(other)
    assert positions(common(one, other)) == positions(one) & positions(other)
    made = union(one)
    assert all(before[1] < after[0] for before, after in pairwise(made))
    assert size(made) == len(positions(one))
