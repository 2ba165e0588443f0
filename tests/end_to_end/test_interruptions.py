"""Clocks that go back, stopped processes, terminals that go away, killed workers: a run goes on, or ends orderly."""

from __future__ import annotations

import json
import os
import select
import signal
from collections import Counter
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import processes_with, wait_until

GATE = "touch begun; while [ ! -e go ]; do sleep 0.01; done"

BACKWARDS = """
import time
from shareout import run

asked = 0
true_time = time.time

def going_back():
    global asked
    asked += 1
    return true_time() - 3600 * (asked > 20)

time.time = going_back

def job(n):
    return n

if __name__ == "__main__":
    run(job, pool=range(500))
"""


def test_a_clock_that_is_set_back_loses_and_doubles_nothing(here: Machine) -> None:
    here.script(BACKWARDS)
    here.run("-n", "200", code=None)
    here.run()
    assert Counter(facts["job"] for facts in here.records()) == Counter(range(500))
    assert all(facts["end"] >= facts["start"] for facts in here.records())
    assert "complete: 500 of 500" in here.call("merge-results", "-o", "all.csv").out


def test_a_stopped_run_goes_on_when_it_is_continued(here: Machine) -> None:
    here.jobs(GATE, *["true"] * 30)
    process = here.start("-j", "2")
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGSTOP)
    (here.folder / "go").touch()
    wait_until(lambda: state_of(process.pid) == "T")
    process.send_signal(signal.SIGCONT)
    process.communicate()
    assert process.returncode == 0
    assert Counter(facts["job"] for facts in here.records()) == Counter(range(31))


def test_ctrl_z_holds_everything_until_it_is_continued(here: Machine) -> None:
    """The jobs with all their processes; and the time is not counted against their limit."""
    word = f"1{os.getpid():07d}"
    here.jobs(f"setsid sh -c 'sleep {word} & wait' & touch begun; while [ ! -e go ]; do sleep 0.01; done", "true")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", "-j", "1", "--timeout", "4s")
    terminal.wait_for("1 running")
    wait_until((here.folder / "begun").exists)
    (sleeper,) = wait_until(lambda: processes_with(f"sleep\0{word}"))
    terminal.send("\x1a")
    terminal.wait_for("paused, with all running jobs")
    python = here.python(terminal.process)
    wait_until(lambda: state_of(python) == state_of(sleeper) == "T")
    select.select([], [], [], 4.2)
    os.killpg(terminal.process.pid, signal.SIGCONT)
    wait_until(lambda: state_of(sleeper) == "S")
    (here.folder / "go").touch()
    assert terminal.end() == 0
    assert [facts["state"] for facts in here.records()] == ["done", "done"]
    assert not processes_with(f"sleep\0{word}")


def test_a_clock_that_jumps_ahead_ends_no_job(here: Machine) -> None:
    here.script(
        "import time\nfrom shareout import run\n"
        "asked, true_time = 0, time.time\n"
        "def ahead():\n    global asked\n    asked += 1\n    return true_time() + 3600 * (asked > 30)\n"
        "time.time = ahead\n"
        "def job(n): time.sleep(0.5)\n"
        "if __name__ == '__main__':\n    run(job, pool=range(4))\n"
    )
    here.run("--timeout", "30s")


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_terminal_that_goes_away_is_a_first_stop(here: Machine) -> None:
    here.jobs(GATE, "true")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", "-j", "1")
    terminal.wait_for("1 running")
    wait_until((here.folder / "begun").exists)
    terminal.hang_up()
    wait_until(lambda: "stopping" in here.log())
    (here.folder / "go").touch()
    code = terminal.process.wait()
    done = [facts["job"] for facts in here.records()]
    assert 0 in done
    assert code == (3 if len(done) == 1 else 0)


def test_under_nohup_a_run_outlives_its_terminal(here: Machine) -> None:
    here.jobs(GATE, "true")
    here.program = ["nohup", *here.program]
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", "-j", "1")
    wait_until((here.folder / "begun").exists)
    terminal.hang_up()
    (here.folder / "go").touch()
    assert terminal.process.wait() == 0
    assert len(here.records()) == 2


@pytest.mark.parametrize("kind", ["command", "python"])
def test_a_killed_worker_costs_one_attempt_and_leaves_nothing_behind(here: Machine, kind: str) -> None:
    word = f"8{os.getpid():07d}"
    if kind == "command":
        here.jobs(f"setsid sleep {word} & sleep {word}", *["true"] * 20)
    else:
        here.script(
            "import subprocess\nfrom shareout import run\n"
            "def job(n):\n"
            f"    if n == 0: subprocess.run('setsid sleep {word} & sleep {word}', shell=True)\n"
            "if __name__ == '__main__':\n    run(job, pool=range(21))\n"
        )
    process = here.start()
    pids = wait_until(lambda: found if len(found := processes_with(f"sleep\0{word}")) == 2 else [])
    os.kill(ancestor_below(pids[0], here.python(process)), signal.SIGKILL)
    process.communicate()
    assert process.returncode == 1
    wait_until(lambda: not processes_with(f"sleep\0{word}"), 1)
    states = {facts["job"]: (facts["state"], facts["try"], facts.get("cause")) for facts in here.records()}
    # A Python job is what was killed; a command is not, and is not said to have died so.
    cause = "lost worker" if kind == "command" else "signal"
    assert states == {0: ("failed", 1, cause), **dict.fromkeys(range(1, 21), ("done", 1, None))}
    told = here.call("show", "0").out
    assert ("the process that waited for it was killed by SIGKILL" in told) == (kind == "command")
    assert ("out of memory" in told) == (kind == "python")


@pytest.mark.module_only("the same code tells it in both")
def test_who_stops_the_jobs_at_once_is_not_told_that_they_are_let_finish(here: Machine) -> None:
    here.jobs(GATE, "true")
    process = here.start("-j", "1")
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGQUIT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"stopping now: running jobs are ended" in told
    assert b"let finish" not in told


def ancestor_below(pid: int, parent: int) -> int:
    """The child of `parent` that `pid` descends from."""
    while True:
        above = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if above == parent:
            return pid
        pid = above


def test_python_jobs_get_the_gpus_and_cores_that_they_need(here: Machine) -> None:
    here.environ = {"CUDA_VISIBLE_DEVICES": "4,7"}
    here.script(
        "import os, time\nfrom shareout import run\n"
        "def job(n):\n"
        "    gpu = os.environ['CUDA_VISIBLE_DEVICES']\n"
        "    os.mkdir('gpu-' + gpu)\n    time.sleep(0.02)\n    os.rmdir('gpu-' + gpu)\n    return gpu\n"
        "if __name__ == '__main__':\n    run(job, pool=range(12))\n"
    )
    here.run("--gpus-per-job", "1", "-j", "4")
    assert {facts["result"] for facts in here.records()} == {"4", "7"}


def test_commands_are_told_the_cores_that_they_need(here: Machine) -> None:
    here.jobs(
        "#SHAREOUT NEED cores=2",
        "echo threads $OMP_NUM_THREADS",
        "#SHAREOUT NEED cores=1",
        "echo threads $OMP_NUM_THREADS",
    )
    here.run()
    assert "job=0 try=1 out threads 2" in here.log()
    assert "job=1 try=1 out threads 1" in here.log()


def test_a_command_that_ends_well_after_its_time_was_up_has_not_ended_well(here: Machine) -> None:
    here.jobs("trap 'exit 0' TERM; touch begun; while :; do sleep 0.01; done", "true")
    here.run("--timeout", "400ms", code=1)
    assert {facts["job"]: facts.get("cause") for facts in here.records()} == {0: "timeout", 1: None}


def test_a_run_directory_that_another_host_has_is_left_alone_until_that_host_is_released(here: Machine) -> None:
    """flock does not cross a network mount: the note of the other host's run does."""
    here.jobs("touch a", "touch b")
    here.run("-n", "1")
    note = {"host": "node17", "pid": 4711, "boot": "another", "machine": "", "since": 1795498979.0}
    here.write(str(here.run_folder.relative_to(here.folder) / "owner.json"), json.dumps(note))
    for call in (("run", "--machine", "alice", "--yes"), ("requeue", "--all"), ("skip", "0", "1")):
        told = here.call(*call, code=4)
        assert "is in use by process 4711 on node17, another host" in told.err
        assert "release node17" in told.err
    assert len(here.records()) == 1
    assert 'did you mean "node17"?' in here.call("release", "node7", code=2).err
    assert "released" in here.call("release", "node17").out
    here.run()
    assert len(here.records()) == 2
    assert "None is held by another host" in here.call("release", "node17", code=2).err


@pytest.mark.module_only("the same interpreter matches and handles signals in both")
def test_a_regular_expression_that_never_ends_holds_up_neither_jobs_nor_signals(here: Machine) -> None:
    here.jobs(f"echo {'a' * 60}!", "echo aa; echo b", GATE)
    process = here.start("--keep-lines", "^(a+)+$", "-j", "3")
    wait_until(lambda: "keep_lines is given up" in here.log() if list(here.folder.glob("runs/*/*/log-*")) else False)
    process.send_signal(signal.SIGTERM)
    (here.folder / "go").touch()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"keep_lines is given up" in told
    assert "a" * 60 in here.log(), "what cannot be sorted out is kept"


@pytest.mark.module_only("the same interpreter handles signals in both")
@pytest.mark.parametrize("hook", ["setup", "on_result", "teardown"])
def test_a_hook_that_never_comes_back_is_left_by_the_second_term(here: Machine, hook: str) -> None:
    here.script(
        "import time\nfrom shareout import run\n"
        "def job(n): return n\n"
        "def hang(_):\n    open('begun', 'w').close()\n    while True: time.sleep(0.01)\n"
        f"if __name__ == '__main__':\n    run(job, pool=range(3), {hook}=hang)\n"
    )
    process = here.start()
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGTERM)
    select.select([], [], [], 0.6)
    assert process.poll() is None, "once is not enough"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    if hook != "setup":
        assert here.records()


def test_what_is_ignored_at_the_start_stays_so_for_the_run_and_its_jobs(here: Machine) -> None:
    here.jobs(f"grep SigIgn /proc/self/status; {GATE}", "true")
    process = here.start("-j", "1", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGHUP)
    (here.folder / "go").touch()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert len(here.records()) == 2
    (ignored,) = [int(line.split()[-1], 16) for line in here.log().splitlines() if "SigIgn" in line]
    # 32 and 33 are the C library's own.
    assert ignored & 0x7FFFFFFF == 1 << (signal.SIGHUP - 1), "this one, and none that we handle or ignore"


@pytest.mark.parametrize(("kind", "text"), [("command", "kill -TERM $$"), ("python", "")])
def test_a_job_that_ends_itself_by_term_in_a_run_that_goes_on_has_failed(here: Machine, kind: str, text: str) -> None:
    if kind == "command":
        here.jobs(text, "true")
    else:
        here.script(
            "import os, signal, time\nfrom shareout import run\n"
            "def job(n):\n    if n == 0:\n        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(60)\n"
            "if __name__ == '__main__':\n    run(job, pool=range(2))\n"
        )
    here.run(code=1)
    states = {facts["job"]: (facts["state"], facts.get("signal")) for facts in here.records()}
    assert states == {0: ("failed", "SIGTERM"), 1: ("done", None)}
