"""What a plan left, and what a plan of that left, are parts of one pool: every id once, in both directions."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.config import apply, load_settings
from shareout.errors import InputError
from shareout.plan.plan import Plan, make_plan
from shareout.plan.rest import SelectedPool, Step, with_rest, write_rest
from shareout.pool import open_pool


def some_of(count: int, source: random.Random) -> tuple[tuple[int, int], ...]:
    """Ranges of positions that were not done."""
    cuts = sorted(source.sample(range(count + 1), 2 * source.randint(0, min(3, (count + 1) // 2))))
    ranges = list(zip(cuts[0::2], cuts[1::2], strict=True))
    return tuple(ranges) or ((0, count),)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 80), st.integers(1, 3), st.integers(1, 4), st.sampled_from(["shuffled", "given"]),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_ids_of_any_chain_of_rebalances(
    tmp_path_factory: pytest.TempPathFactory, jobs: int, phases: int, depth: int, order: str, source: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("rest")
    lines = [f"echo {number}" for number in range(jobs)]
    for _ in range(phases - 1):
        lines.insert(source.randint(1, len(lines)), "#SHAREOUT BARRIER")
    (folder / "jobs.txt").write_text("\n".join(lines) + "\n")
    known = apply(load_settings(folder), {"run.order": order})
    machines = folder / "machines.json"
    machines.write_text('{"a": [1, 1], "b": [2, 1]}')
    plan = make_plan(open_pool(folder, known), machines, known, local_barriers=True)
    left = sorted(range(jobs))
    for _ in range(depth):
        ranges = some_of(plan.jobs, source)
        ids = [plan.job_at(position) for start, stop in ranges for position in range(start, stop)]
        if not ids:
            return
        earlier = plan.pool.steps if isinstance(plan.pool, SelectedPool) else ()
        step = Step(plan.hex, tuple(plan.pool.phases), ranges, plan.order)
        write_rest(folder, plan.work.hex(), plan.total, [*earlier, step])
        plan = make_plan(with_rest(open_pool(folder, known), folder), machines, known, local_barriers=True)
        left = sorted(ids)
        check(plan, left, jobs)


def check(plan: Plan, left: Sequence[int], jobs: int) -> None:
    assert plan.jobs == len(left)
    assert plan.total == jobs
    assert sorted(plan.jobs_between(0, plan.jobs)) == list(left)
    for position in range(plan.jobs):
        assert plan.position_of(plan.job_at(position)) == position
        assert plan.pool.command(plan.job_at(position)) == f"echo {plan.job_at(position)}"
    for job in set(range(jobs)) - set(left):
        with pytest.raises(IndexError):
            plan.position_of(job)
    assert sum(len(plan.share(machine.name)) for machine in plan.machines) == len(left)


def test_a_rest_file_stays_small_for_a_pool_of_any_size(tmp_path: Path) -> None:
    (tmp_path / "jobs.grid.json").write_text('{"a": {"stop": 1000000}, "b": {"stop": 1000000}}')
    known = load_settings(tmp_path)
    machines = tmp_path / "machines.json"
    machines.write_text('{"a": [1, 1]}')
    plan = make_plan(open_pool(tmp_path, known), machines, known)
    write_rest(tmp_path, plan.work.hex(), plan.total, [Step(plan.hex, tuple(plan.pool.phases), ((5, 10**12),))])
    assert (tmp_path / "rest.json").stat().st_size < 1000
    rest = make_plan(with_rest(open_pool(tmp_path, known), tmp_path), machines, known)
    assert rest.jobs == 10**12 - 5
    assert rest.position_of(rest.job_at(123_456_789)) == 123_456_789


def rest(phases: object, left: object = ((0, 2),), jobs: int = 3) -> dict[str, object]:
    plan = {"digest": "ab" * 32, "phases": phases, "left": left}
    return {"shareout_rest": 2, "work": "cd" * 32, "jobs": jobs, "plans": [plan]}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        json.dumps(rest([])),
        json.dumps(rest([[0, math.inf, False]])),
        json.dumps(rest([[0, 2, False]])),
        json.dumps(rest([[0, 1, False], [2, 3, False]])),
        json.dumps(rest([[0, 3, False]], left=[[2, 1]])),
        json.dumps({**rest([[0, 3, False]]), "plans": rest([[0, 3, False]])["plans"] * 2}),  # type: ignore[operator]
    ],
)
def test_a_damaged_rest_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "jobs.txt").write_text("true\n" * 3)
    (tmp_path / "rest.json").write_text(json.dumps(rest([[0, 3, False]])))
    pool = open_pool(tmp_path, load_settings(tmp_path))
    assert len(with_rest(pool, tmp_path)) == 2
    (tmp_path / "rest.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read") as caught:
        with_rest(pool, tmp_path)
    assert str(caught.value.where) == str(tmp_path / "rest.json")
