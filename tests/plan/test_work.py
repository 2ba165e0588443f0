"""The work hash says what jobs are: any change of pool, kind, commands, settings, seed or numerics is another one, and
nothing else is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shareout.config import load_settings
from shareout.errors import InputError
from shareout.plan.plan import Plan, make_plan
from shareout.plan.rest import Step, with_rest, write_rest
from shareout.pool import open_pool

JOBS = "".join(f"echo {number}\n" for number in range(20))
ONE = '{"a": [1, 1]}'


def plan(folder: Path, config: str = "", *, jobs: str = JOBS, machines: str = ONE, kind: str = "command") -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "jobs.txt").write_text(jobs)
    (folder / "machines.json").write_text(machines)
    (folder / "runner.config").write_text(config)
    settings = load_settings(folder)
    return make_plan(with_rest(open_pool(folder, settings), folder), folder / "machines.json", settings, kind=kind)


@pytest.mark.parametrize(
    "config",
    [
        "[run]\naudit = 10%\n", "[run]\norder = given\n", "[limits]\nretries = 3\n", "[run]\nbarriers = local\n",
        "[results]\ncolumns = a\n", "[run]\nnumerics = native\n", "[run]\naudit = 0\n",
        "[commands]\nbackground = kill\n",
    ],
)  # fmt: skip
def test_who_runs_the_work_and_how_is_not_in_it(tmp_path: Path, config: str) -> None:
    usual = plan(tmp_path)
    assert plan(tmp_path, config).work == usual.work
    assert plan(tmp_path, machines='{"b": [2, 3], "c": [0.1, 1]}').work == usual.work


def test_all_that_decides_what_a_job_does_is_in_it(tmp_path: Path) -> None:
    found = [
        plan(tmp_path),
        plan(tmp_path, jobs=JOBS.replace("echo 3", "echo 4")),
        plan(tmp_path, kind="python"),
        plan(tmp_path, "[run]\nseed = 1\n"),
        plan(tmp_path, "[run]\nnumerics = portable\n"),
        plan(tmp_path, "[sim]\nscale = 1\n"),
        plan(tmp_path, "[sim]\nscale = 2\n"),
        plan(tmp_path, "[commands]\ntemplate = true {}\n"),
        plan(tmp_path, "[commands]\ntemplate = echo other {}\n"),
    ]
    assert len({one.work for one in found}) == len(found)


def test_native_numerics_are_the_plan_that_says_nothing_of_them(tmp_path: Path) -> None:
    assert plan(tmp_path, "[run]\nnumerics = native\n").digest == plan(tmp_path).digest
    assert plan(tmp_path, "[run]\nnumerics = portable\n").digest != plan(tmp_path).digest


def test_no_audit_is_the_same_plan_however_it_is_written(tmp_path: Path) -> None:
    assert plan(tmp_path, "[run]\naudit = 0\n").digest == plan(tmp_path, "[run]\naudit = 0%\n").digest
    assert plan(tmp_path).digest == plan(tmp_path, "[run]\naudit = 0\n").digest
    assert plan(tmp_path, "[run]\naudit = 1%\n").digest == plan(tmp_path, "[run]\naudit = 1.0 %\n").digest
    assert plan(tmp_path).digest != plan(tmp_path, "[run]\naudit = 1%\n").digest


def test_what_is_left_of_a_pool_is_the_same_work_and_of_other_work_is_refused(tmp_path: Path) -> None:
    whole = plan(tmp_path, "[sim]\nscale = 1\n")
    write_rest(tmp_path, whole.work.hex(), 20, [Step(whole.hex, tuple(whole.pool.phases), ((5, 20),))])
    rest = plan(tmp_path, "[sim]\nscale = 1\n", machines='{"b": [1, 1]}')
    assert (rest.jobs, rest.work) == (15, whole.work)
    assert rest.digest != whole.digest
    with pytest.raises(InputError, match="what is left of other work"):
        plan(tmp_path, "[sim]\nscale = 2\n")
