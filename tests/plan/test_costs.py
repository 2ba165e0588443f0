"""Shares by cost: exact, complete, and no machine ever has more than its quota and one largest job."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.config import load_settings
from shareout.costs.amount import UNIT, read_cost, read_costs, rounded, told_cost
from shareout.costs.boundaries import cut_by_cost
from shareout.costs.middle import FEW, middle
from shareout.errors import InputError
from shareout.plan.plan import Plan, make_plan
from shareout.plan.split import whole_weights
from shareout.pool import open_pool
from shareout.supply.longest import longest_first

WEIGHTS = st.lists(st.decimals("0.01", 1000, places=2).map(Fraction), min_size=1, max_size=12)
COSTS = st.lists(st.lists(st.integers(1, 20) | st.integers(1, 10**18), max_size=40), min_size=1, max_size=12)
BARRIERS = "true\n" * 5 + ("#SHAREOUT BARRIER\n" + "true\n" * 3) * 30


def shares(phases: Sequence[Sequence[int]], weights: Sequence[Fraction], block: int = 7) -> list[list[int]]:
    """Where each machine ends in each phase, its costs read a few at a time."""
    cut = cut_by_cost(
        list(map(len, phases)),
        list(map(sum, phases)),
        whole_weights(weights),
        lambda phase: [phases[phase][at : at + block] for at in range(0, len(phases[phase]), block)],
    )
    bounds = [list(one) for one in zip(*cut.bounds, strict=True)]
    starts = list(accumulate(map(len, phases), initial=0))
    for machine, load in enumerate(cut.loads):
        mine = [
            (cost, start + at)
            for costs, of, start in zip(phases, bounds, starts, strict=False)
            for at, cost in enumerate(costs)
            if of[machine] <= at < of[machine + 1]
        ]
        largest = max((cost for cost, _ in mine), default=0)
        first = min((at for cost, at in mine if cost == largest), default=-1)
        assert (load.cost, load.largest, load.position) == (sum(cost for cost, _ in mine), largest, first)
    return bounds


@settings(max_examples=200, deadline=None)
@given(COSTS, WEIGHTS)
def test_after_every_phase_no_machine_has_had_more_than_its_quota_and_the_largest_cost(
    phases: list[list[int]], weights: list[Fraction]
) -> None:
    largest = max((cost for costs in phases for cost in costs), default=0)
    had, so_far, whole = [0] * len(weights), 0, sum(weights)
    for costs, bounds in zip(phases, shares(phases, weights), strict=True):
        assert (bounds[0], bounds[-1]) == (0, len(costs))
        so_far += sum(costs)
        for machine, (start, stop) in enumerate(pairwise(bounds)):
            assert start <= stop
            had[machine] += sum(costs[start:stop])
            quota = so_far * weights[machine] / whole
            assert quota - largest * max(1, len(weights) - 1) <= had[machine] <= quota + largest


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 10**18), min_size=1, max_size=60), WEIGHTS)
def test_without_barriers_shares_end_where_the_sums_stand_in_the_weights_proportion(
    costs: list[int], weights: list[Fraction]
) -> None:
    sums, whole = list(accumulate(costs, initial=0)), sum(weights)
    ends = shares([costs], weights)[0]
    for end, so_far in zip(ends, accumulate(weights, initial=Fraction(0)), strict=True):
        wanted = sums[-1] * so_far / whole
        assert abs(sums[end] - wanted) == min(abs(one - wanted) for one in sums)


def plan_of(folder: Path, costs: Sequence[str] | None, config: str = "", pool: str = "") -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "jobs.txt").write_text(pool or "true\n" * 2000)
    (folder / "machines.json").write_text('{"a": [1, 2], "b": [0.7, 3], "c": [1.3, 1]}')
    (folder / "runner.config").write_text(config)
    if costs is not None:
        (folder / "costs.csv").write_text("job,cost\n" + "".join(f"{job},{one}\n" for job, one in enumerate(costs)))
    known = load_settings(folder)
    return make_plan(open_pool(folder, known), folder / "machines.json", known, local_barriers=True)


def ranges(plan: Plan) -> list[tuple[tuple[int, int], ...]]:
    return [plan.share(machine.name).ranges for machine in plan.machines]


@pytest.mark.parametrize("pool", ["", BARRIERS])
def test_costs_that_are_all_the_same_change_nothing_but_the_digest(tmp_path: Path, pool: str) -> None:
    without = plan_of(tmp_path / "without", None, pool=pool)
    since = f"[run]\nsince = {without.hex}:{without.work.hex()}\n"
    even = plan_of(tmp_path / "even", ["2.5"] * without.jobs, since, pool)
    assert ranges(even) == ranges(without)
    assert even.hex != without.hex
    assert even.loads is not None
    jobs = {machine.name: len(even.share(machine.name)) for machine in even.machines}
    assert {name: load.cost // (5 * UNIT // 2) for name, load in even.loads.items()} == jobs


def test_costs_that_are_switched_off_decide_nothing_and_that_they_are_off_is_in_the_digest(tmp_path: Path) -> None:
    plain, off = plan_of(tmp_path, None), plan_of(tmp_path, ["1", "2"], "[run]\ncost = none\n")
    assert [one.role for one in off.inputs] == ["pool", "machines", "cost"]
    assert off.costs is None
    assert off.work == plain.work
    (tmp_path / "costs.csv").unlink()
    assert plan_of(tmp_path, None, "[run]\ncost = none\n").hex == plain.hex


def test_new_costs_are_the_same_work_and_move_boundaries_only(tmp_path: Path) -> None:
    dice = random.Random(3)
    first = plan_of(tmp_path / "first", None)
    costs = [f"{dice.expovariate(1):.3f}" for _ in range(first.jobs)]
    then = plan_of(tmp_path / "then", costs, f"[run]\nsince = {first.hex}:{first.work.hex()}\n")
    assert (then.origin, then.work) == (first.origin, first.work)
    assert [then.job_at(position) for position in range(50)] == [first.job_at(position) for position in range(50)]
    assert ranges(then) != ranges(first)


@given(st.lists(st.integers(0, 30), max_size=60))
def test_the_median_is_that_of_what_is_known(values: list[int]) -> None:
    known = sorted(filter(None, values))
    assert middle(array("q", values)) == (known[(len(known) - 1) // 2] if known else 0)


@pytest.mark.parametrize("spread", [1, 5, 10**6, 10**18])
def test_the_median_of_many_is_found_without_sorting_them(spread: int) -> None:
    dice = random.Random(spread)
    values = array("q", [dice.choice([0, dice.randint(1, spread)]) for _ in range(3 * FEW)])
    known = sorted(filter(None, values))
    assert middle(values) == known[(len(known) - 1) // 2]


@given(st.lists(st.decimals(0, 10**9, places=12).map(str) | st.just("") | st.integers(0, 10**9).map(str)))
def test_many_are_read_as_each_by_itself(texts: list[str]) -> None:
    plain = [f"{Decimal(text):f}" if text else "" for text in texts]
    many = read_costs(plain)
    assert many == [read_cost(text) for text in plain]
    assert many == [max(1, int(Fraction(text) * UNIT)) if text else 0 for text in plain]


WRONG = ["-1", "nan", "inf", "1_000", "0x10", ".", ".5", "5.", "1.2.3", "ten", "1e10", "1000000000.5", "1e400", "1e"]


@pytest.mark.parametrize("text", [*WRONG, "9" * 5000, "\u0661", "True", "[1]"])
def test_what_is_no_cost_is_refused_also_among_many(text: str) -> None:
    with pytest.raises(ValueError, match="the cost"):
        read_cost(text)
    assert read_costs(["1", text, "2"]) is None


def test_decimals_beyond_the_ninth_do_not_count_however_many() -> None:
    assert read_costs(["1." + "3" * 5000]) == [read_cost("1." + "3" * 5000)] == [1_333_333_333]
    assert read_cost("1.12345678912e5") == 112_345_678_912_000


@given(st.integers(1, 10**18))
def test_a_cost_is_written_as_it_is_read(units: int) -> None:
    assert read_cost(told_cost(units)) == units
    assert rounded(0.0) == 1


def test_the_longest_go_first_until_what_is_left_is_small() -> None:
    assert longest_first([1, 5, 3, 5], 14, 2) == [1, 3, 2, 0]
    costs = [1] * 100_000 + [70_000]
    assert longest_first(costs, sum(costs), 4) == [100_000]
    assert len(longest_first(range(1, 10**5), sum(range(1, 10**5)), 4)) <= 2000


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("job,cost\n0,1\n\n0,2\n", 4, "stands here twice"),
        ("job,cost\n0,1\n5,2\n", 3, "there is no job 5: the pool has 3, 0 to 2"),
        ("job,cost\n0,1\n-1,2\n", 3, "no id of a job"),
        ("job,cost\n2,1\n0,nan\n", 3, 'the cost "nan" is not a number'),
        ("job,cost\n2,1,3\n", 2, "too many fields"),
        ("id,cost\n2,1\n", 1, "has the columns id, cost"),
        ("", 0, "is empty"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    (tmp_path / "costs.csv").write_text(text)
    with pytest.raises(InputError, match=what) as refused:
        plan_of(tmp_path, None, pool="true\n" * 3)
    assert refused.value.where is not None
    assert (refused.value.where.line, Path(refused.value.where.path).name) == (line, "costs.csv")
