"""`run` in an allocation of several nodes of a real Slurm: all of them are used, and given back as they are done."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from kit.program import Machine
from kit.slurm import Slurm
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


def proof(here: Machine) -> str:
    told = here.call("merge-results").out
    return next(line for line in told.splitlines() if line.startswith("certificate "))


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


def test_an_allocation_that_is_cancelled_is_gone_on_with_by_the_same_line(here: Machine, slurm: Slurm) -> None:
    tasks(here, *["echo $((6 * 7))"] * 5, *[f"{WAITS.format('go')}; echo 7"] * 10)
    job = Job(here, slurm, "run Tasks --order given", "-n", "5")
    # The waiting ones of each node run.
    wait_until(lambda: len(done_ids(here)) == 5)
    slurm.call("scancel", job.id)
    wait_until(lambda: slurm.fact(job.id, "JobState") == "CANCELLED", 60)
    assert "stopping: running jobs may end" in job.said
    status = here.call("status").out
    assert "5 done" in status
    assert "10 to do" in status
    (here.folder / "go").touch()
    again = Job(here, slurm, "run Tasks --order given", "-n", "5")
    assert again.end() == 0, again.said
    assert done_ids(here) == list(range(15)), "each once"
    alone = Machine(here.folder / "alone", here.program)
    tasks(alone, *(here.folder / "Tasks").read_text().splitlines())
    (alone.folder / "go").touch()
    alone.call("run", "Tasks", "--quiet")
    assert proof(alone) == proof(here)


def test_with_a_machines_json_each_of_its_machines_has_a_node(here: Machine, slurm: Slurm) -> None:
    lines = ["touch $SHAREOUT_MACHINE.$SLURMD_NODENAME"] * 9
    here.jobs(*lines, machines='{"n2": [1, 1], "n0": [1, 2]}')
    assert Job(here, slurm, "run", "-N", "3", "--exclusive").end() == 0
    assert sorted(path.name for path in here.folder.glob("*.n?")) == ["n0.n0", "n2.n2"], "by their names"
    assert "complete: 9 of 9" in here.call("merge-results").out
    here.jobs(*lines, machines='{"x": [1, 1], "y": [1, 2]}')
    job = Job(here, slurm, "run", "-N", "3", "--exclusive")
    assert job.end() == 2
    assert "`shareout reweigh` keeps them" in job.said
    assert Job(here, slurm, "run --anew", "-N", "3", "--exclusive").end() == 0
    assert sorted(path.name for path in here.folder.glob("[xy].*")) == ["x.n0", "y.n1"], "in their order"
    here.jobs(*lines, machines='{"a": [1, 1], "b": [1, 1], "c": [1, 1]}')
    job = Job(here, slurm, "run --anew", "-w", "n0,n2")
    assert job.end() == 2
    assert "machines.json names 3 machines, and this allocation has 2 nodes for jobs: n0, n2" in job.said


def test_all_nodes_of_an_allocation_take_part_in_what_is_served(here: Machine, slurm: Slurm) -> None:
    """By the script that `serve` leaves, as by disBatch's dbUtil.sh; and what that says when all is over."""
    tasks(here, *[f"touch on_$SHAREOUT_MACHINE.$SHAREOUT_SLOT; {WAITS.format('go')}"] * 12)
    serve = here.spawn("serve", "Tasks", "--port", "0", "--dead", "6s")
    script = wait_until(lambda: list(here.folder.glob("runs/*/*/join.sh")))[0]
    assert script.stat().st_mode & 0o777 == 0o700
    jobs = [Job(here, slurm, "", "-N", "2", "-x", "n1", "--exclusive", file=script)]
    jobs += [Job(here, slurm, "", "-n", "1", "-c", "2", file=script)]
    slots = {f"on_n0-{jobs[0].id}.0", f"on_n0-{jobs[0].id}.1", f"on_n2-{jobs[0].id}.0", f"on_n1-{jobs[1].id}.0"}
    wait_until(lambda: len(list(here.folder.glob("on_*"))) >= len(slots))
    (here.folder / "go").touch()
    assert [job.end() for job in jobs] == [0, 0], jobs[0].said
    assert {one.name for one in here.folder.glob("on_*")} == slots, "as many at a time as -c leaves room for"
    _, told = serve.communicate(timeout=60)
    assert serve.returncode == 0, told
    assert b"12 done, 0 failed, 0 to do" in told
    late = Job(here, slurm, "", "-n", "1", file=script)
    assert late.end() == 0
    assert late.said.count("shareout: 12 done, 0 failed, 0 to do") == 1
    alone = Job(here, slurm, "join nats://127.0.0.1:9 --name one", "-N", "3", "--exclusive")
    assert alone.end() == 2
    assert "each node of an allocation has a name of its own" in alone.said


def test_gpus_are_those_that_slurm_grants(here: Machine, slurm: Slurm) -> None:
    meet = "touch gpu$CUDA_VISIBLE_DEVICES; until [ -e gpu0 ] && [ -e gpu1 ]; do sleep 0.05; done"
    here.jobs(meet, meet, machines='{"a": {"perf": 1, "cores": 2, "gpus": 4}}')
    job = Job(here, slurm, "run --machine a --yes --gpus-per-job 1", "-n", "2", "--gres=gpu:2", "-w", "n0")
    assert job.end() == 0, job.said
    says = "machines.json says 4, SLURM_GPUS_ON_NODE says 2, CUDA_VISIBLE_DEVICES says 2: jobs get 2"
    assert f"of this host's GPUs {says}" in job.said


def test_what_would_run_every_job_on_each_node_is_refused(here: Machine, slurm: Slurm) -> None:
    tasks(here, "true")
    script = here.write("job.sh", f"#!/bin/sh\nsrun {' '.join(here.program)} run Tasks\n")
    call = ["sbatch", "--wait", "-n", "3", "-o", "out", str(script)]
    slurm.call("env", "-C", str(here.folder), *call, code=2)
    assert "srun starts this 3 times, and each would run every job" in (here.folder / "out").read_text()
    job = Job(here, slurm, "run Tasks --cores-per-job 3", "-N", "3")
    assert job.end() == 2
    assert "none of 3 nodes has 3 cores for a job" in job.said
