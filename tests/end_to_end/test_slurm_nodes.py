"""`run` in an allocation of several nodes of a real Slurm: all of them are used, and given back as they are done."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.program import Machine
from kit.slurm import Slurm, cluster, why_no_slurm
from kit.wait import wait_until
from kit.ways import Executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only(
        "what is asked of Slurm is decided by pure code; a batch script that is the starter is not"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a Slurm of its own"),
]
WAITS = "while [ ! -e {} ]; do sleep 0.05; done"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    assert not why_no_slurm(), f"{why_no_slurm()}: `make test` installs it"
    with cluster(tmp_path_factory.mktemp("slurm"), (2, 2, 1)) as made:
        yield made


@pytest.fixture
def slurm(running: Slurm, here: Machine) -> Iterator[Slurm]:
    here.environ = running.environ
    yield running
    running.clear()


class Job:
    """A batch script that runs the program of a test."""

    def __init__(self, here: Machine, slurm: Slurm, words: str, *options: str, file: Path | None = None) -> None:
        self.here, self._slurm = here, slurm
        script = file or here.write("job.sh", f"#!/bin/sh\nexec {' '.join(here.program)} {words}\n")
        more = words.split() if file else []
        call = ["sbatch", "--parsable", "--no-kill", "--open-mode=append", "-o", "out", *options, str(script), *more]
        self.id = slurm.call("env", "-C", str(here.folder), *call).strip()

    @property
    def said(self) -> str:
        file = self.here.folder / "out"
        return file.read_text() if file.exists() else ""

    def end(self) -> int:
        """Its exit code."""
        wait_until(lambda: self._slurm.fact(self.id, "JobState") in ("COMPLETED", "FAILED"), 60)
        return int(self._slurm.fact(self.id, "ExitCode").partition(":")[0])


def tasks(here: Machine, *lines: str) -> None:
    here.write("Tasks", "".join(f"{line}\n" for line in lines))


def starts(here: Machine) -> list[str]:
    return sorted(path.parent.name for path in here.folder.glob("runs/*/*/journal.*"))


def done_ids(here: Machine) -> list[int]:
    lines = (line for file in here.folder.glob("runs/*/*/journal.*") for line in file.read_bytes().splitlines())
    return sorted(json.loads(line)["job"] for line in lines if b'"done"' in line)


def test_a_batch_script_runs_on_all_nodes_and_is_resumed_on_fewer(here: Machine, slurm: Slurm) -> None:
    tasks(here, *["true"] * 10, *["touch began; " + WAITS.format("go")] * 10)
    job = Job(here, slurm, "run Tasks", "-n", "5")
    wait_until(lambda: starts(here) == ["s0", "s1", "s2"])
    assert "20 jobs on 3 nodes (cores: n0 2, n1 2, n2 1)" in job.said
    wait_until((here.folder / "began").exists)
    slurm.call("scancel", "--batch", "--signal=USR1", job.id)
    wait_until(lambda: "stopping: running jobs may end" in job.said)
    wait_until(lambda: job.said.count("stopping: nothing new is started") == 3)
    (here.folder / "go").touch()
    assert job.end() == 3
    done = len(done_ids(here))
    assert 0 < done < 20
    fewer = Job(here, slurm, "run Tasks", "-N", "1", "--exclusive", "-w", "n1")
    assert fewer.end() == 0
    assert re.search(rf"going on from [a-z]+-[a-z]+, where {done} are done", fewer.said)
    assert done_ids(here) == list(range(20)), "each once"
    assert "complete: 20 of 20" in here.call("merge-results").out


def test_the_starter_of_an_executable_is_a_batch_script(here: Machine, slurm: Slurm, executable: Executable) -> None:
    tasks(here, *["touch on_${SHAREOUT_MACHINE}_$SLURMD_NODENAME"] * 20)
    job = Job(here, slurm, "run Tasks --quiet", "-n", "3", "-N", "3", file=Path(f"{executable.file}.sh"))
    assert job.end() == 0, job.said
    assert sorted(one.name for one in here.folder.glob("on_*")) == ["on_s0_n0", "on_s1_n1", "on_s2_n2"]
    assert done_ids(here) == list(range(20))
    assert job.said.replace("srun: cluster configuration lacks support for cpu binding\n", "") == ""


def test_what_another_program_pipes_in_is_planned_and_run_alike(here: Machine, slurm: Slurm) -> None:
    tasks(here, *["true"] * 19, "false")
    program = " ".join(here.program)
    script = f"#!/bin/sh\n{program} plan Tasks --json >plan.json\n{program} run - --join shared <Tasks\n"
    (here.folder / "shared").mkdir()
    here.write("join.sh", script)
    job = Job(here, slurm, "", "-n", "5", file=here.folder / "join.sh")
    assert job.end() == 1, job.said
    plan = json.loads((here.folder / "plan.json").read_text())
    assert [(one["name"], one["cores"]) for one in plan["machines"]] == [("s0", 2), ("s1", 2), ("s2", 1)]
    assert [path.name for path in here.folder.glob("runs/*")].count(plan["digest"][:16]) == 1
    assert "19 done" in here.call("status").out


def test_nodes_that_are_done_are_given_back(here: Machine, slurm: Slurm) -> None:
    tasks(here, *[f'[ "$SHAREOUT_MACHINE" != s0 ] || {WAITS.format("go")}'] * 10)
    job = Job(here, slurm, "run Tasks", "-n", "5")
    wait_until(lambda: "given back: " in job.said)
    assert slurm.fact(job.id, "NodeList") == "n0"
    wait_until(lambda: slurm.states()["n1"] == "idle")
    (here.folder / "go").touch()
    assert job.end() == 0, job.said
    assert done_ids(here) == list(range(10))


@pytest.mark.parametrize("words", ["--no-retire", "--retire-cmd 'env >told; exit 3'"])
def test_a_command_of_ones_own_or_none_gives_nodes_back(here: Machine, slurm: Slurm, words: str) -> None:
    tasks(here, *[f'[ "$SHAREOUT_MACHINE" != s0 ] || {WAITS.format("go")}'] * 10)
    job = Job(here, slurm, f"run Tasks {words}", "-n", "5")
    wait_until(lambda: "s1 on n1: done" in job.said and "s2 on n2: done" in job.said)
    if words != "--no-retire":
        wait_until(lambda: "could not be given back" in job.said)
        told = dict(line.partition("=")[::2] for line in (here.folder / "told").read_text().splitlines())
        assert set(told["NODE"].split(",")) == {"n1", "n2"}
        assert told["RETCODES"] == "0,0"
        assert told["ACTIVE"] == "n0"
        assert "SHAREOUT_NODES" not in told
    assert slurm.fact(job.id, "NodeList") == "n[0-2]"
    (here.folder / "go").touch()
    assert job.end() == 0, job.said


def test_a_node_that_is_lost_costs_its_share_alone_until_it_is_run_again(here: Machine, slurm: Slurm) -> None:
    tasks(here, *["true"] * 5, *[WAITS.format("go")] * 10)
    job = Job(here, slurm, "run Tasks --order given --no-retire", "-n", "5")
    wait_until(lambda: starts(here) == ["s0", "s1", "s2"])
    slurm.crash("n1")
    wait_until(lambda: "s1 on n1: lost" in job.said)
    (here.folder / "go").touch()
    assert job.end() == 3, job.said
    slurm.revive("n1")
    again = Job(here, slurm, "run Tasks --order given", "-n", "5")
    assert again.end() == 0, again.said
    assert done_ids(here) == list(range(15))


def test_what_would_run_every_job_on_each_node_is_refused(here: Machine, slurm: Slurm) -> None:
    tasks(here, "true")
    script = here.write("job.sh", f"#!/bin/sh\nsrun {' '.join(here.program)} run Tasks\n")
    call = ["sbatch", "--wait", "-n", "3", "-o", "out", str(script)]
    slurm.call("env", "-C", str(here.folder), *call, code=2)
    assert "srun starts this 3 times, and each would run every job" in (here.folder / "out").read_text()
    job = Job(here, slurm, "run Tasks --cores-per-job 3", "-N", "3")
    assert job.end() == 2
    assert "none of 3 nodes has 3 cores for a job" in job.said
