"""replay: one job again, by itself; whether what was recorded comes out. It leaves no trace."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until

JOBS = (
    "import logging, os\nfrom shareout import run\n"
    "WORD = os.environ.get('WORD', 'first')\n"
    "def half(n):\n    part = n / 2\n    return part\n"
    "def job(n, *, rng, info):\n"
    "    print('says', n)\n"
    "    if n == 3: raise ValueError(f'wrong {n}')\n"
    "    if n == 4: os.kill(os.getpid(), 11)\n"
    "    if n == 5: os._exit(9)\n"
    "    if n == 6: return WORD\n"
    "    if n == 7: return object\n"
    "    (info.directory / 'own').touch()\n"
    "    return half(n), rng.random(), info.attempt, info.position, float('nan')\n"
    "if __name__ == '__main__':\n    run(job, pool=range(8))\n"
)


@pytest.fixture
def ran(here: Machine) -> Machine:
    here.script(JOBS)
    here.run("--quiet", code=1)
    return here


def everything(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.blake2b(path.read_bytes()).hexdigest() for path in paths}


def test_what_was_recorded_comes_out_again_whatever_it_was(ran: Machine) -> None:
    before = everything(ran.folder / "runs")
    for job in range(8):
        told = ran.call("replay", str(job))
        assert f"job {job} here: " in told.out
        assert "alice recorded the same (try 1)" in told.out
        assert f"says {job}" in told.out
    assert everything(ran.folder / "runs") == before, "nothing is recorded"


def test_another_result_is_told_and_is_exit_code_1(ran: Machine) -> None:
    ran.environ = {"WORD": "second"}
    told = ran.call("replay", "6", code=1)
    assert 'job 6 here: done, result "second"' in told.out
    assert 'alice recorded done, result "first" (try 1)' in told.out
    facts = ran.call("replay", "6", "--json", code=1).json
    assert (facts["same"], facts["here"]["result"]) == (False, "second")
    assert [(one["machine"], one["result"], one["same"]) for one in facts["recorded"]] == [("alice", "first", False)]


def test_a_failure_shows_its_traceback_and_json_stands_alone(ran: Machine) -> None:
    told = ran.call("replay", "3", "--json")
    assert told.json["here"]["error"] == "ValueError: wrong 3"
    assert "says 3" in told.err
    assert "main.py" in told.err
    assert "in job" in told.err


def test_nothing_recorded_is_nothing_to_compare_with(here: Machine) -> None:
    here.script(JOBS)
    told = here.call("replay", "2", code=1)
    assert "job 2 here: done, result [1.0," in told.out
    assert "nothing is recorded of it" in told.out
    assert here.call("replay", "2", "--json", code=1).json["same"] is None
    assert 'there is no job "99"' in here.call("replay", "99", code=2).err


def test_the_trace_shows_lines_variables_and_what_is_returned(ran: Machine) -> None:
    told = ran.call("replay", "2", "--trace")
    for shown in ("half(n=2)", "part = n / 2", "part = 1.0", "→ 1.0", "recorded the same"):
        assert shown in told.out + told.err
    assert "random.py" not in told.err, "only the job's own code"


def test_a_command_runs_with_the_variables_it_had_and_its_output_is_compared(here: Machine) -> None:
    here.jobs('echo "$SHAREOUT_JOB $SHAREOUT_MACHINE $SHAREOUT_ATTEMPT"; printf "a\\tb\\033[1m"', "date +%N; exit 4")
    here.run("--quiet", code=1)
    told = here.call("replay", "0")
    assert told.out.startswith("0 alice 1\na\tb\033[1m")
    assert "its output is the same" in told.out
    told = here.call("replay", "1")
    assert "here: failed, exit status 4" in told.out
    assert "its output is not the same" in told.out
    assert here.call("replay", "1", "--json").json["output_same"] is False
    assert "+ exit 4" in here.call("replay", "1", "--trace").err


def test_the_last_attempt_of_each_machine_is_what_is_compared(here: Machine) -> None:
    here.jobs('test "$SHAREOUT_ATTEMPT" = 2')
    here.run("--retries", "1", "--quiet")
    assert "(try 2)" in here.call("replay", "0").out
    here.call("requeue", "0")
    assert "nothing is recorded" in here.call("replay", "0", code=1).out


def test_a_job_of_an_older_plan_is_replayed_with_the_new_inputs(here: Machine) -> None:
    here.jobs(*(f"test {number} != 7" for number in range(10)))
    here.run("-n", "4", code=None)
    done = here.records()[0]["job"]
    here.call("rebalance", "-o", "configs2")
    assert f"job {done} here: " in here.call("replay", str(done), "--configs", "configs2").out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_job_with_the_replay(here: Machine, number: signal.Signals) -> None:
    mark = f"replay-mark-{number.value}"
    here.jobs(f"touch begun; sh -c 'sleep 300; : {mark}' & wait")
    process = subprocess.Popen([*here.program, "replay", "0"], cwd=here.folder, stderr=subprocess.DEVNULL)
    wait_until(lambda: (here.folder / "begun").exists() and processes_with(mark))
    process.send_signal(number)
    assert process.wait(20) == (143 if number == signal.SIGTERM else 130)
    wait_until(lambda: not processes_with(mark))


def test_what_a_job_leaves_behind_ends_with_it(here: Machine) -> None:
    here.jobs("(setsid sh -c 'echo replay-left-behind; sleep 300') & sleep 0.1").run()
    here.call("replay", "0")
    assert not processes_with("replay-left-behind")
