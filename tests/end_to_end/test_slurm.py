"""`launch --slurm` on a real Slurm: an array is submitted, followed, found again, stopped; what may happen to it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.program import Machine
from kit.slurm import Slurm, cluster
from kit.wait import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only("Slurm starts a line of shell; that the executable is started so is both"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a Slurm of its own"),
]
THREE = '{"s0": [1, 1], "s1": [1, 1], "s2": [1, 1]}'


def followed(here: Machine, *words: str) -> subprocess.Popen[bytes]:
    """A launch that submits, whose words go to a file."""
    with (here.folder / "said").open("ab") as said:
        process = subprocess.Popen(
            [*here.program, "launch", "--slurm", "--submit", *words], cwd=here.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=said, env={**os.environ, **here.environ},
        )  # fmt: skip
    here.started.append(process)
    return process


def said(here: Machine) -> str:
    return (here.folder / "said").read_text()


def waits_for(here: Machine, name: str) -> str:
    """A job that runs until a file of this name is there."""
    return f"while [ ! -e {name} ]; do sleep 0.05; done; echo {name}"


def running_jobs(slurm: Slurm) -> list[str]:
    return [line.split()[0] for line in slurm.jobs() if line.endswith(" RUNNING")]


def starts(here: Machine, machine: str) -> int:
    return len(list(here.folder.glob(f"runs/*/{machine}/journal.*")))


def certificate(told: str) -> str:
    return next(line for line in told.splitlines() if line.startswith("certificate "))


def done_once(here: Machine, jobs: int) -> bool:
    ids = [
        json.loads(line)["job"]
        for file in here.folder.glob("runs/*/*/journal.*")
        for line in file.read_bytes().splitlines()
        if b'"done"' in line
    ]
    return sorted(ids) == list(range(jobs))


@pytest.mark.both_ways
def test_a_launch_goes_from_inputs_to_the_certificate(here: Machine, slurm: Slurm) -> None:
    here.jobs(*[f"echo {number}" for number in range(20)], machines=THREE)
    shutil.copytree(here.folder / "configs", here.folder / "alone" / "configs")
    alone = Machine(here.folder / "alone", here.program)
    alone.call("run", "--machine", "all", "--yes")
    wanted = alone.call("merge-results", "-o", "r.csv").out.splitlines()[1:3]
    script = here.call("launch", "--slurm", "--time", "10m").out
    assert not slurm.jobs("--state=PENDING,RUNNING"), "without --submit it is only printed"
    told = here.call("launch", "--slurm", "--time", "10m", "--submit", "-o", "results.csv")
    assert (here.folder / "launch" / "slurm.sh").read_text() == script
    assert told.out.splitlines() == ["complete: 20 of 20 jobs, each counted once", *wanted, "wrote results.csv"]
    assert re.match(r"submitted array \d+: 3 machines\n", told.err)
    assert told.err.splitlines()[-1] == "3 of 3 started · 3 done · 20 of 20 jobs"
    assert not any(file.read_text() for file in here.folder.glob("launch/*.out")), "what went well says nothing"
    again = here.call("launch", "--slurm", "--submit", "-o", "results.csv")
    assert again.out == told.out
    assert "submitted" not in again.err
    table = here.call("launch", "--slurm", "--status").out
    assert re.fullmatch(r"machine .*\n(s\d .* done .*\n){3}", table)


def is_gone(folder: Path) -> bool:
    """A step that begins puts its file there meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_launch_that_is_killed_finds_its_array_again(here: Machine, slurm: Slurm) -> None:
    here.jobs(*[waits_for(here, "go")] * 3, machines=THREE)
    first = followed(here)
    wait_until(lambda: len(running_jobs(slurm)) == 3)
    first.kill()
    first.wait()
    wait_until(lambda: is_gone(here.folder / "launch"))
    (here.folder / "launch").mkdir()
    second = followed(here, "--json")
    wait_until(lambda: (here.folder / "launch" / "slurm.json").exists())
    second.send_signal(signal.SIGINT)
    assert second.wait(20) == 130
    assert len(running_jobs(slurm)) == 3, "only the view has ended"
    assert "running" in here.call("launch", "--slurm", "--status", code=3).out
    third = followed(here)
    wait_until(lambda: "found array" in said(here))
    (here.folder / "go").touch()
    out, _ = third.communicate(timeout=60)
    assert third.returncode == 0
    assert b"complete: 3 of 3" in out
    assert [starts(here, name) for name in ("s0", "s1", "s2")] == [1, 1, 1]


def test_a_stop_lets_jobs_end_and_the_same_call_goes_on_with_what_is_left(here: Machine, slurm: Slurm) -> None:
    here.jobs(*["touch began_$SHAREOUT_MACHINE; " + waits_for(here, "go")] * 6, machines='{"s0": [1, 1], "s1": [5, 1]}')
    process = followed(here, "--chain", "2")
    wait_until(lambda: len(list(here.folder.glob("began_*"))) == 2)
    stop = subprocess.Popen(
        [*here.program, "launch", "--slurm", "--stop"], cwd=here.folder, env={**os.environ, **here.environ},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    here.started.append(stop)
    wait_until(lambda: not slurm.jobs("--state=PENDING"))
    (here.folder / "go").touch()
    assert stop.wait(60) == 3
    assert process.wait(60) == 3, said(here)
    assert "s1: stopped: exit 3" in said(here)
    assert "2 of 6 jobs" in said(here).splitlines()[-1], "what ran was let end"
    assert starts(here, "s1") == 1, "no second array has begun"
    (here.folder / "go").touch()
    told = here.call("launch", "--slurm", "--submit")
    assert "complete: 6 of 6" in told.out
    assert done_once(here, 6)


def test_a_stop_at_once_ends_what_runs(here: Machine, slurm: Slurm) -> None:
    here.jobs(*[waits_for(here, "never")] * 3, machines=THREE)
    process = followed(here)
    wait_until(lambda: all(starts(here, name) for name in ("s0", "s1", "s2")))
    told = here.call("launch", "--slurm", "--stop", "--now", code=3)
    assert "0 of 3 jobs" in told.err
    assert process.wait(60) == 3
    records = [record for folder in here.folder.glob("runs/*/*") for record in here.records(folder)]
    assert not [one for one in records if one["state"] in ("done", "failed")], "it costs no job an attempt"


def test_before_its_time_is_up_a_run_ends_orderly_and_the_chain_goes_on(here: Machine, slurm: Slurm) -> None:
    here.jobs(waits_for(here, "go"), *["true"] * 3, machines='{"s0": [1, 1]}')
    here.write("configs/runner.config", "[run]\norder = given\n")
    process = followed(here, "--time", "1m", "--chain", "3", "--sbatch=--signal=B:USR1@50")
    wait_until(lambda: starts(here, "s0"))
    # Slurm looks every half minute whose time is nearly up.
    wait_until(lambda: "stopping: nothing new is started" in here.log(), 60)
    (here.folder / "go").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said(here)
    assert b"complete: 4 of 4" in out
    assert starts(here, "s0") == 2
    assert not slurm.jobs("--state=PENDING,RUNNING"), "the third array has nothing to do"
    assert done_once(here, 4)


def test_what_is_requeued_preempted_or_lost_with_its_node_is_told_and_goes_on(here: Machine, slurm: Slurm) -> None:
    here.jobs(*["true", "true", waits_for(here, "go")] * 3, machines=THREE)
    here.write("configs/runner.config", "[run]\norder = given\n")
    process = followed(here, "--sbatch=--exclusive")
    wait_until(lambda: all(starts(here, name) for name in ("s0", "s1", "s2")))
    wait_until(lambda: said(here).count(": running") == 3)
    array = running_jobs(slurm)[0].partition("_")[0]
    node = {index: slurm.fact(f"{array}_{index}", "NodeList") for index in (0, 1, 2)}
    slurm.call("scontrol", "requeue", f"{array}_0")
    wait_until(lambda: _again(here, "s0", "it was requeued"))
    slurm.crash(node[1])
    wait_until(lambda: _again(here, "s1", f"its node {node[1]} went down"))
    slurm.call("sbatch", "-p", "first", "-w", node[2], "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
    wait_until(lambda: _again(here, "s2", "it was preempted"))
    slurm.revive(node[1])
    (here.folder / "go").touch()
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said(here)
    assert b"complete: 9 of 9" in out
    assert [starts(here, name) for name in ("s0", "s1", "s2")] == [2, 2, 2]
    assert done_once(here, 9)


def _again(here: Machine, machine: str, why: str) -> bool:
    """Whether it is told, while it waits or when it runs again."""
    waits, runs = f"{machine}: waiting: {why}, and waits for start 2", f"{machine}: running: start 2: {why}"
    return waits in said(here) or runs in said(here)


def test_what_is_cancelled_is_told_and_the_same_call_goes_on_with_what_is_left(here: Machine, slurm: Slurm) -> None:
    jobs = ["while [ ! -e go_$SHAREOUT_MACHINE ]; do sleep 0.05; done; echo $((6 * 7))"] * 6
    here.jobs(*jobs, machines=THREE)
    process = followed(here)
    wait_until(lambda: all(starts(here, name) for name in ("s0", "s1", "s2")))
    array = running_jobs(slurm)[0].partition("_")[0]
    (here.folder / "go_s0").touch()
    wait_until(lambda: "s0: done" in said(here))
    slurm.call("scancel", f"{array}_1")
    wait_until(lambda: "s1: stopped: it was cancelled" in said(here))
    slurm.call("scancel", array)
    assert process.wait(60) == 3
    assert "s2: stopped: it was cancelled" in said(here)
    assert "1 done · 2 stopped" in said(here)
    for name in ("go_s1", "go_s2"):
        (here.folder / name).touch()
    told = here.call("launch", "--slurm", "--submit")
    assert re.match(r"submitted array \d+: 2 machines\n", told.err)
    assert "complete: 6 of 6" in told.out
    assert done_once(here, 6)
    # What one machine alone would have proved.
    alone = Machine(here.folder / "alone", here.program)
    alone.jobs(*jobs, machines='{"s0": [1, 2]}')
    (alone.folder / "go_s0").touch()
    alone.run("--quiet", machine="s0")
    assert certificate(alone.call("merge-results").out) == certificate(told.out)


def test_a_controller_that_is_started_anew_is_waited_for(here: Machine, slurm: Slurm) -> None:
    here.jobs(waits_for(here, "go"), machines='{"s0": [1, 1]}')
    process = followed(here)
    wait_until(lambda: starts(here, "s0"))
    slurm.stop_controller()
    wait_until(lambda: "Slurm does not answer: " in said(here))
    told = here.call("launch", "--slurm", "--status", code=3)
    assert "What runs goes on, and the same command finds it again." in told.err
    slurm.start_controller()
    (here.folder / "go").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said(here)
    assert b"complete: 1 of 1" in out
    wait_until(lambda: set(slurm.states().values()) == {"idle"})


def test_other_inputs_than_were_submitted_are_refused_by_the_element(here: Machine, slurm: Slurm) -> None:
    here.jobs("true", "true", machines='{"s0": [1, 1]}')
    slurm.call("sbatch", "--exclusive", "-N3", "-o", "/dev/null", "--wrap", "sleep 100")
    process = followed(here)
    wait_until(lambda: "s0: waiting" in said(here) or "submitted" in said(here))
    here.jobs("true", "false", machines='{"s0": [1, 1]}')
    slurm.call("scancel", "--name=wrap")
    assert process.wait(60) == 2
    assert "s0: refused" in said(here)
    assert "not the expected" in said(here)


@pytest.fixture
def small(here: Machine, tmp_path: Path) -> Iterator[Slurm]:
    """Arrays of at most six elements, and twelve that are known at a time."""
    with cluster(tmp_path / "small", (1,), most_elements=6, most_jobs=12) as made:
        here.environ = made.environ
        yield made
        here.end_all()


def test_what_slurm_does_not_take_is_refused_in_its_words(here: Machine, small: Slurm) -> None:
    here.jobs("true", machines="{" + ", ".join(f'"s{number}": [1, 1]' for number in range(7)) + "}")
    told = here.call("launch", "--slurm", "--submit", code=2)
    assert "a machine number 6, and arrays of this Slurm end at 5" in told.err
    here.jobs("true", machines='{"s0": [1, 1]}')
    told = here.call("launch", "--slurm", "--submit", "--sbatch=-p nowhere", code=2)
    assert "sbatch refuses: Batch job submission failed: Invalid partition name specified" in told.err or (
        "invalid partition specified: nowhere" in told.err
    )
    assert not small.jobs()
    here.environ = {"PATH": "/nowhere"}
    told = here.call("launch", "--slurm", "--submit", code=2)
    assert "there is no sbatch here: this host cannot submit to Slurm" in told.err
    assert here.call("launch", "--slurm").out.startswith("#!/bin/sh\n")


def test_a_full_queue_is_waited_for_and_told(here: Machine, small: Slurm) -> None:
    here.jobs("true", machines='{"s0": [1, 1]}')
    small.call("sbatch", "--hold", "--array=0-5", "--wrap", "true")
    small.call("sbatch", "--hold", "--array=0-4", "--wrap", "true")
    process = followed(here)
    wait_until(lambda: "sbatch waits: " in said(here))
    # What has ended counts as long as it is known.
    small.config.write_text(small.config.read_text().replace("MinJobAge=300", "MinJobAge=2"))
    small.call("scontrol", "reconfigure")
    small.call("scancel", "--name=wrap")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said(here)
    assert b"complete: 1 of 1" in out


def test_a_dry_run_prints_what_works_when_it_is_pasted(here: Machine, slurm: Slurm) -> None:
    here.jobs(*["true"] * 6, machines=THREE)
    lines = here.call("launch", "--slurm", "--submit", "--chain", "2", "--dry-run").out
    assert not (here.folder / "launch").exists()
    subprocess.run(["sh", "-ec", lines], env={**os.environ, **slurm.environ}, check=True, stdout=subprocess.DEVNULL)
    assert "found arrays" in here.call("launch", "--slurm", "--submit").err
    assert done_once(here, 6)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--slurm", "--fetch"], "--fetch is for hosts that are reached by ssh"),
        (["--slurm", "--here"], "--here and --slurm exclude each other"),
        (["--submit"], "--submit is about Slurm"),
        (["--slurm", "--chain", "2"], "--chain is about what is submitted"),
        (["--slurm", "--chain", "0", "--submit"], "--chain 0 is no number of arrays"),
        (["--slurm", "--time", "long"], "--time"),
        (["--slurm", "--nodes", "4"], '"4" is not N:CORES'),
        (["--slurm", "--nodes", "4:1"], "names other machines than --nodes"),
        (["--slurm", "--sbatch=--array=1"], "is not for you"),
        (["--slurm", "sx"], 'there is no machine "sx"'),
        (["--slurm", "--join", "shared"], "--join and --slurm exclude each other"),
        (["--slurm", "--results", "x.csv"], "name of a table"),
        (["--slurm", "-o", "x.csv"], "-o is for what a launch merges"),
        (["--slurm", "--time", "0"], "--time 0 leaves no time"),
    ],
)
def test_what_cannot_be_meant_is_refused(here: Machine, words: list[str], why: str) -> None:
    here.jobs("true", machines=THREE)
    assert why in here.call("launch", *words, code=2).err


def test_what_an_element_is_to_do_with_what_jobs_print_is_handed_on(here: Machine) -> None:
    here.jobs("true", machines=THREE)
    words = shlex.split(here.call("launch", "--slurm", "--results", "out").out.splitlines()[-1])
    assert words[-2:] == ["--results", f"{here.folder}/out"]
