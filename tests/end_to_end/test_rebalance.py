"""A machine died or is too slow: the rest goes to others, nothing runs twice, and all merges to the same table."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from kit.program import Machine

SQUARES = (
    "import os\nfrom shareout import run\n"
    "def job(n, *, rng, info):\n"
    "    with open('ran', 'a') as file: file.write(f'{n}\\n')\n"
    "    if n == 7 and 'FAIL' in os.environ: raise ValueError(n)\n"
    "    return n * n, rng.random()\n"
    "def total(so_far, row): return so_far + row[0]\n"
    "if __name__ == '__main__':\n    run(job, pool=range(100), reduce=total, initial=0)\n"
)
THREE = '{"alice": [1, 1], "bob": [1, 1], "carol": [2, 1]}'


def merged(here: Machine, *sources: str) -> tuple[bytes, str]:
    told = here.call("merge-results", *sources, "-o", "all.csv")
    certificate = next(line for line in told.out.splitlines() if line.startswith("certificate"))
    return (here.folder / "all.csv").read_bytes(), certificate


def alone(tmp_path: Path) -> tuple[bytes, str]:
    one = Machine(tmp_path / "one")
    one.folder.mkdir(exist_ok=True)
    one.script(SQUARES)
    one.run("--quiet")
    return merged(one)


def test_a_dead_machines_jobs_go_to_others_and_old_results_still_count(here: Machine, tmp_path: Path) -> None:
    here.script(SQUARES, THREE)
    here.run("--quiet", machine="alice")
    here.run("--quiet", "-n", "11", machine="carol", code=None)
    here.write("new.json", '{"dave": [1, 2], "erin": [1, 1]}')
    told = here.call("rebalance", "--machines", "new.json", "-o", "configs2")
    assert "no run directory of bob is here: its 25 jobs count as not done" in told.err
    assert "64 of 100 jobs are left" in told.out
    for name in ("dave", "erin"):
        here.run("--quiet", "--configs", "configs2", machine=name)
    assert Counter(map(int, (here.folder / "ran").read_text().split())) == Counter(range(100)), "nothing ran twice"
    assert merged(here, "runs") == alone(tmp_path)


@pytest.mark.module_only("what is left is reckoned by the same code")
def test_it_works_again_and_again(here: Machine, tmp_path: Path) -> None:
    here.script(SQUARES, THREE)
    configs = "configs"
    for turn in range(4):
        for name in ("alice", "bob", "carol"):
            here.run("--quiet", "-n", "5", "--configs", configs, machine=name, code=None)
        fresh = f"configs{turn + 2}"
        told = here.call("rebalance", "--configs", configs, "-o", fresh, "runs")
        assert f"{100 - 15 * (turn + 1)} of 100 jobs are left" in told.out
        configs = fresh
    here.run("--quiet", "--configs", configs, machine="all")
    assert Counter(map(int, (here.folder / "ran").read_text().split())) == Counter(range(100))
    assert merged(here, "runs") == alone(tmp_path)
    assert "nothing is left to do" in here.call("rebalance", "--configs", configs, "-o", "none").err
    assert not (here.folder / "none").exists()


@pytest.mark.module_only("what is left is reckoned by the same code")
def test_what_failed_is_left_only_when_asked_for(here: Machine) -> None:
    here.environ = {"FAIL": "yes"}
    here.script(SQUARES)
    here.run("--quiet", code=1)
    assert "nothing is left to do" in here.call("rebalance", "-o", "configs2").err
    assert "1 of 100 jobs are left" in here.call("rebalance", "--failed", "-o", "configs2").out
    here.environ = {}
    here.run("--quiet", "--configs", "configs2")
    assert "complete: 100 of 100" in here.call("merge-results", "runs").out


def test_commands_keep_their_ids_lines_and_phases(here: Machine) -> None:
    here.jobs(
        *(f"echo a$SHAREOUT_JOB-{number} >> order" for number in range(6)), "#SHAREOUT BARRIER",
        *(f"echo b$SHAREOUT_JOB-{number + 6} >> order" for number in range(6)),
    )  # fmt: skip
    here.run("-n", "3", "-j", "1", code=None)
    here.call("rebalance", "-o", "configs2")
    here.run("--configs", "configs2", "-j", "1")
    order = (here.folder / "order").read_text().split()
    assert [word[0] for word in order] == ["a"] * 6 + ["b"] * 6
    assert sorted(order) == sorted([f"a{n}-{n}" for n in range(6)] + [f"b{n}-{n}" for n in range(6, 12)])


@pytest.mark.module_only("what is left is reckoned by the same code")
def test_what_does_not_belong_is_refused(here: Machine, tmp_path: Path) -> None:
    here.jobs("true", "true")
    here.run("-n", "1", code=None)
    other = Machine(tmp_path / "other").jobs("false")
    other.run(code=1)
    assert "is of plan" in here.call("rebalance", str(other.folder / "runs"), "-o", "configs2", code=2).err
    here.call("rebalance", "-o", "configs2")
    assert "is there already" in here.call("rebalance", "-o", "configs2", code=2).err
    here.write("configs2/jobs.txt", "true\nfalse\n")
    assert "left of other work" in here.call("plan", "--configs", "configs2", code=2).err
    here.write("configs2/jobs.txt", "true\n")
    assert "is about a pool of 2 jobs" in here.call("plan", "--configs", "configs2", code=2).err
    here.write("configs2/rest.json", "{}")
    assert "cannot be read" in here.call("plan", "--configs", "configs2", code=2).err


@pytest.mark.parametrize("kind", ["csv", "grid"])
def test_every_kind_of_pool_can_be_rebalanced(here: Machine, kind: str) -> None:
    here.script("from shareout import run\ndef job(n: int): return n\nif __name__ == '__main__': run(job)\n")
    if kind == "csv":
        here.write("configs/jobs.csv", "n\n" + "".join(f"{n}\n" for n in range(30)))
    else:
        here.write("configs/jobs.grid.json", '{"n": {"stop": 30}}')
    here.run("-n", "13", code=None)
    here.call("rebalance", "-o", "configs2")
    shutil.rmtree(here.folder / "configs")
    here.run("--configs", "configs2")
    told = here.call("merge-results", "--columns", "result", "-o", "all.csv", "runs")
    assert "complete: 30 of 30" in told.out
    assert (here.folder / "all.csv").read_text().splitlines()[1:] == [f"{n},{n}" for n in range(30)]
