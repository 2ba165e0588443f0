"""`pilot`: a few jobs are run, and all of them are told; as done work of a machine, or without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until

TWO = '{"alice": [1, 2], "bob": [2, 2]}'


def files(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


def test_what_is_run_for_a_machine_is_done_work(here: Machine) -> None:
    here.jobs(*[f"sleep 0.0{n % 5}" for n in range(60)], machines=TWO)
    told = here.call("pilot", "--machine", "alice", "--jobs", "12", "--json", "--quiet").json
    assert (told["machine"], told["measured"], told["failed"], told["jobs"]) == ("alice", 12, 0, 60)
    # The first of the share, in its order.
    first = here.call("plan", "--machine", "alice", "--ids").out.split()[:12]
    assert sorted(record["job"] for record in here.records()) == sorted(map(int, first))
    seconds = told["seconds"]
    assert 0 < seconds["low"] <= seconds["expected"] <= seconds["high"]
    assert seconds["p10"] <= seconds["p50"] <= seconds["p90"] <= seconds["longest"]
    assert [one["machine"] for one in told["planned"]] == ["alice", "bob"]
    assert told["sbatch"]["lines"][0] == "#SBATCH --array=0-1"
    run = here.run("--json", "--quiet").json
    assert run["done"] == 20
    here.run("--quiet", machine="bob")
    assert "complete: 60 of 60 jobs, each counted once" in here.call("merge-results").out
    assert len([1 for folder in here.folder.glob("runs/*/*") for _ in here.records(folder)]) == 60


def test_without_a_machine_nothing_is_recorded(here: Machine) -> None:
    here.jobs(*["sleep 0.01"] * 30, machines=TWO)
    here.write("configs/runner.config", "[hooks]\non_finish = touch over\n")
    before, scratch = files(here.folder), here.folder.parent / "tmp"
    scratch.mkdir()
    here.environ = {"TMPDIR": str(scratch)}
    told = here.call("pilot", "-n", "6")
    assert "measured  6 of 30 jobs" in told.out
    assert "#SBATCH --time=" in told.out
    assert "nothing is recorded" in told.err
    assert files(here.folder) == before
    assert [one for one in scratch.iterdir() if not one.name.startswith("_MEI")] == []


def test_the_same_call_measures_what_is_there_and_runs_only_what_is_not(here: Machine) -> None:
    here.jobs(*["true"] * 40)
    here.call("pilot", "--machine", "alice", "-n", "10", "--quiet")
    here.call("pilot", "--machine", "alice", "-n", "10", "--quiet")
    assert len(here.records()) == 10
    assert here.call("pilot", "--machine", "alice", "-n", "15", "--json", "--quiet").json["measured"] == 15
    assert len(here.records()) == 15
    here.run("--quiet")
    told = here.call("pilot", "--machine", "alice", "-n", "500", "--json", "--quiet").json
    assert told["measured"] == 40
    assert told["core_hours"]["low"] == told["core_hours"]["high"]


def test_a_pilot_that_is_killed_goes_on(here: Machine) -> None:
    here.jobs(*["echo $SHAREOUT_JOB >> began; while [ ! -e go ]; do sleep 0.02; done"] * 20)
    process = subprocess.Popen(
        [*here.program, "pilot", "--machine", "alice", "-n", "6", "--quiet"], cwd=here.folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    here.started.append(process)
    wait_until(lambda: (here.folder / "began").exists())
    process.send_signal(signal.SIGKILL)
    process.wait()
    here.write("go", "")
    assert wait_until(lambda: here.call("pilot", "--machine", "alice", "-n", "6", "--quiet", code=None).code == 0)
    assert len({record["job"] for record in here.records()}) == 6


def test_a_pilot_that_is_stopped_says_so_and_leaves_nothing(here: Machine) -> None:
    here.jobs(*["echo >> began; while [ ! -e go ]; do sleep 0.02; done"] * 20)
    scratch = here.folder.parent / "tmp"
    scratch.mkdir()
    process = subprocess.Popen(
        [*here.program, "pilot", "-n", "8", "-j", "2", "--json"], cwd=here.folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(scratch)}, text=True,
    )  # fmt: skip
    wait_until(lambda: (here.folder / "began").exists() and len((here.folder / "began").read_text()) == 2)
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert any("stop" in line for line in process.stderr), "it says that it heard"
    here.write("go", "")
    out, _ = process.communicate()
    assert process.returncode == 3
    assert json.loads(out)["measured"] == 2
    assert "2 of 8 have ended here" in json.loads(out)["doubts"][0]
    assert [one for one in scratch.iterdir() if not one.name.startswith("_MEI")] == []


def test_a_pilot_of_python_jobs_tells_their_memory(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def job(n):\n    return len(b'x' * 150_000_000) * 0 + n\n"
        "if __name__ == '__main__':\n    run(job, pool=range(30))\n"
    )
    told = here.call("pilot", "-n", "4", "--json", "--quiet").json
    assert told["peak_memory"] > 140_000_000
    assert told["sbatch"]["mebibytes"] > 2 * 140
    assert told["machine"] is None
    assert not (here.folder / "runs").exists()


@pytest.mark.module_only("journals are read by the same code")
def test_where_it_is_known_how_long_jobs_take_the_first_are_a_sample_all_the_same(here: Machine) -> None:
    costs = [1 if n else 1000 for n in range(60)]
    here.write("configs/jobs.csv", "n,cost\n" + "".join(f"{n},{cost}\n" for n, cost in enumerate(costs)))
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    words = ["pilot", "--machine", "alice", "-n", "10", "--template", "sleep 0.0{cost}", "--json", "--quiet"]
    told = here.call(*words).json
    assert told["measured"] == 10
    assert sorted(record["pos"] for record in here.records()) == list(range(10))


@pytest.mark.module_only("only sentences")
def test_what_may_make_these_jobs_unlike_the_others_is_told(here: Machine) -> None:
    here.jobs(*["true"] * 8, "#SHAREOUT BARRIER", *["false"] * 8)
    doubts = here.call("pilot", "--machine", "alice", "-n", "10", "--order", "given", "--json", code=1).json["doubts"]
    assert any("order of the pool" in one for one in doubts)
    assert any("2 phases" in one for one in doubts)
    assert any("2 jobs failed" in one for one in doubts)
    doubts = here.call("pilot", "-n", "3", "-j", "2", "--json", "--quiet").json["doubts"]
    assert any("few for 2 at once" in one for one in doubts)


@pytest.mark.module_only("a sample is shuffled by the same code")
def test_what_is_not_kept_is_a_sample_whatever_the_order_is(here: Machine) -> None:
    here.jobs(*[f"echo {n} >> ran" for n in range(200)])
    here.write("configs/runner.config", "[run]\norder = given\n")
    told = here.call("pilot", "-n", "10", "--json", "--quiet").json
    assert not any("order" in one for one in told["doubts"])
    assert sorted(map(int, (here.folder / "ran").read_text().split())) != list(range(10))


@pytest.mark.module_only("only counted")
def test_what_jobs_take_says_how_many_run_at_once(here: Machine) -> None:
    here.jobs(*["sleep 0.01"] * 20, machines='{"alice": {"perf": 1, "cores": 4, "gpus": 2}}')
    here.environ = {"CUDA_VISIBLE_DEVICES": "0,1"}
    told = here.call("pilot", "--machine", "alice", "-n", "6", "--gpus-per-job", "1", "--json", "--quiet").json
    assert not any("at once" in one for one in told["doubts"])
    assert told["at_once"] == 2
    assert told["sbatch"]["lines"][-1] == "#SBATCH --gpus-per-node=2"


@pytest.mark.module_only("refused before anything is made")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-n", "0"], "-n must be 1 or more"),
        (["-n", "1000001"], "1,000,001 jobs measure no better than 1,000,000"),
        (["--nodes", "0"], "--nodes must be 1 to 100,000"),
        (["--machine", "carol"], 'no machine is named "carol"'),
        (["--machine", "alice", "--expect", "a-b-c-d"], "not the expected"),
        (["--tee"], "there is no flag --tee"),
    ],
)
def test_what_is_wrong_is_refused(here: Machine, words: list[str], told: str) -> None:
    here.jobs("true", "true")
    assert told in here.call("pilot", *words, code=2).err
    assert not (here.folder / "runs").exists()


@pytest.mark.module_only("only counted")
def test_lines_for_more_machines_than_there_are_say_so(here: Machine) -> None:
    here.jobs("true", "true")
    assert "once machines.json names 3, each runs" in here.call("pilot", "--nodes", "3").out


@pytest.mark.module_only("only counted")
def test_of_one_job_nothing_can_be_told_unless_it_is_all(here: Machine) -> None:
    here.jobs("true", "true")
    assert "of 1 job that ended here nothing can be told" in here.call("pilot", "-n", "1", code=1).err
    here.jobs("true")
    assert here.call("pilot", "--json", "--quiet").json["measured"] == 1


@pytest.mark.module_only("only counted")
def test_an_empty_pool_tells_nothing(here: Machine) -> None:
    here.jobs("# none")
    assert "of 0 jobs that ended here nothing can be told" in here.call("pilot", code=1).err
