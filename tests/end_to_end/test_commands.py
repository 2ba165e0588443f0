"""Command jobs: the same outcome as the shell gives, recorded; nothing left behind; limits and stops as promised."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until

LINES = [
    "true", "false", "exit 3", "echo a && echo b", "echo a | tr a b", "echo 'single $HOME' \"double\"",
    "printf '%s\\n' configs/m*", "echo $((1+2)) $HOME", "nosuchprogram --flag", "./not-executable", "kill -9 $$",
    "kill -15 $$",
    "-x", "  leading blanks", "/bin/echo plain words", "echo out; echo err >&2", "cat < configs/machines.json",
    "X=1 env | grep ^X=", "~/nowhere", "echo 'a", "/bin/echo 'quoted  blanks' \"and $NOT\"", "echo a#b # comment",
    "/bin/sh -c 'exit 42'", "! true", "/bin/echo a=b %s @x +y", "[ 1 = 1 ]", "test -f nothing", "./no-shebang",
    "/bin/echo " + "x" * 100_000,
    "/bin/echo new > made-1", "ls nosuch not-executable >> made-2 2>&1", "cd configs && cat machines.json > ../made-3",
    "X='a b' printenv X PWD", "cd configs; printenv PWD OLDPWD", "cd nosuch && ls", "cat < nosuch > made-4",
    "cat configs/machines.json > nosuch/made", "./no-shebang > made-5 2> made-6",
]  # fmt: skip


def test_commands_have_the_outcome_that_the_shell_gives(here: Machine) -> None:
    here.jobs(*LINES)
    here.write("not-executable", "#!/bin/sh\n")
    script = here.write("no-shebang", "echo ran anyway; exit 5\n")
    script.chmod(0o755)
    expected = []
    for line in LINES:
        call = subprocess.run(
            ["/bin/sh", "-c", f" {line}"], cwd=here.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        code = call.returncode
        expected.append((128 - code if code < 0 else code, call.stdout.decode()))
    made = {path.name: path.read_bytes() for path in here.folder.glob("made-*")}
    for name in made:
        (here.folder / name).unlink()
    here.write("configs/runner.config", "[logging]\nper_job = yes\n")
    here.run(code=1)
    got = {}
    for facts in here.records():
        log = here.run_folder / "job-logs" / "0" / f"{facts['job']}.log"
        got[facts["job"]] = (facts["exit"], log.read_text() if log.exists() else "")
    for number, line in enumerate(LINES):
        assert got[number] == expected[number], line[:80]
    assert {path.name: path.read_bytes() for path in here.folder.glob("made-*")} == made
    assert len(made) == 5
    signals = {facts["job"]: facts.get("signal") for facts in here.records()}
    assert signals[LINES.index("kill -9 $$")] == "SIGKILL"
    assert signals[LINES.index("kill -15 $$")] == "SIGTERM"


def test_a_command_sees_who_it_is(here: Machine) -> None:
    here.jobs(
        "#DISBATCH PREFIX : ; ",
        'echo "$SHAREOUT_JOB $SHAREOUT_LINE $SHAREOUT_MACHINE $SHAREOUT_ATTEMPT"'
        ' "$DISBATCH_TASKID_ZP $DISBATCH_STREAM_INDEX"',
        "#DISBATCH REPEAT 2 start 100 step 50 echo repeat $DISBATCH_REPEAT_INDEX $SHAREOUT_REPEAT_INDEX_ZP",
    )
    here.run()
    log = here.log()
    assert "out 0 2 alice 1 000000 2" in log
    assert "out repeat 100 000100" in log
    assert "out repeat 150 000150" in log


# Waits until no process is exactly `sleep WORD`.
LOOK = """
import glob, sys, time
wanted = b"sleep\\0" + sys.argv[1].encode() + b"\\0"
def lives(path):
    try:
        return open(path, "rb").read() == wanted
    except OSError:
        return False
while any(map(lives, glob.glob("/proc/[0-9]*/cmdline"))):
    time.sleep(0.01)
"""


def test_background_children_are_gone_with_their_job(here: Machine) -> None:
    word = f"4{os.getpid():07d}"
    here.write("look.py", LOOK)
    here.jobs(
        f"sleep {word} &",
        f"setsid sleep {word} & true",
        f"(setsid sh -c 'sleep {word} & sleep {word}' &) ; true",
        "#SHAREOUT BARRIER",
        f"python3 look.py {word}",
    )
    here.run("--timeout", "20s")
    assert not processes_with(word)


@pytest.mark.parametrize("killed", [False, True])
def test_a_flag_lets_background_children_live(here: Machine, killed: bool) -> None:
    """They outlive their job and the run, also one that is killed; the job that then runs does not."""
    word, running = f"3{os.getpid():07d}", f"31{os.getpid():07d}"
    here.jobs(
        f"sleep {word} >/dev/null 2>&1 &", f"setsid nohup sleep {word} >/dev/null 2>&1 & true",
        "#SHAREOUT BARRIER", f"touch begun; {f'sleep {running}' if killed else 'true'}",
    )  # fmt: skip
    here.write("configs/runner.config", "[commands]\nbackground = leave\n")
    process = here.start()
    if killed:
        wait_until(lambda: processes_with(f"sleep\0{running}"))
        process.kill()
    process.communicate()
    wait_until(lambda: not processes_with(f"sleep\0{running}"))
    pids = processes_with(f"sleep\0{word}")
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_a_great_output_is_logged_and_stops_nobody(here: Machine) -> None:
    here.jobs(
        "yes 0123456789012345678901234567890123456789 | head -c 30000000", "printf '\\377\\376\\033[1m\\n'", "echo last"
    )
    here.run("-j", "1")
    log = here.log()
    assert log.count("0123456789012345678901234567890123456789") == 30_000_000 // 41
    assert "out \\xff\\xfe\\x1b[1m" in log
    assert "out last" in log


@pytest.mark.slow
def test_time_memory_and_retries(here: Machine) -> None:
    here.jobs(
        "trap '' TERM; sleep 60 & wait; sleep 60",
        "python3 -c 'x = bytearray(300_000_000); import time; time.sleep(60)'",
        'test "$SHAREOUT_ATTEMPT" = 2',
        "true",
    )
    here.run(
        "--timeout", "3s", "--memory", "150MB", "--grace", "300ms", "--retries", "1", "-j", "4", code=1, timeout=90
    )
    last = {facts["job"]: facts for facts in here.records()}
    assert [last[job].get("cause") for job in range(4)] == ["timeout", "memory", None, None]
    assert [last[job]["try"] for job in range(4)] == [2, 2, 2, 1]
    states = [facts["state"] for facts in here.records() if facts["job"] == 2]
    assert states == ["retry", "done"]


def test_every_try_has_the_whole_time_that_a_job_may_take(here: Machine) -> None:
    # The third try is quick. Tries after the first one must not be ended for what the first one took.
    here.jobs('test "$SHAREOUT_ATTEMPT" = 3 || exec sleep 60')
    here.run("--timeout", "1500ms", "--grace", "300ms", "--retries", "2", "-j", "1")
    assert [facts["state"] for facts in here.records()] == ["retry", "retry", "done"]


@pytest.mark.module_only("decided by the same code")
def test_a_rule_that_is_met_by_the_last_job_stops_nothing(here: Machine) -> None:
    here.jobs(*["true"] * 3)
    told = here.run("--halt", "now,success=3", "--json")
    assert (told.json["exit"], told.json["reason"]) == (0, "finished")
    assert "stopping" not in told.err
    here.call("requeue", "--all")
    assert "again to go on" in here.run("--halt", "now,success=2", "-j", "1", code=3).err
    here.call("requeue", "--all")
    here.run("--halt=-2", "-n", "1")


@pytest.mark.module_only("decided by the same code")
def test_a_deadline_that_is_past_is_refused_before_anything_is_made(here: Machine) -> None:
    here.jobs("true")
    assert "--until: 2020-01-01T07:00 is past" in here.run("--until", "2020-01-01T07:00", code=2).err
    assert not (here.folder / "runs").exists()


@pytest.mark.module_only("decided by the same code")
def test_the_way_on_after_a_barrier_is_to_try_again_or_to_give_up(here: Machine) -> None:
    here.jobs("test -e mended", "#SHAREOUT BARRIER CHECK", "touch through")
    for _ in range(2):
        told = here.run(code=1)
        assert "-R runs again what failed before the barrier, `skip ID` gives it up" in " ".join(told.err.split())
        assert "the same command" not in told.err
    here.write("mended", "")
    here.run("-R")
    assert (here.folder / "through").exists()
    (here.folder / "mended").unlink()
    here.call("requeue", "--all")
    (here.folder / "through").unlink()
    here.run(code=1)
    here.call("skip", "0")
    here.run()
    assert (here.folder / "through").exists()


def test_halt_stops_the_run(here: Machine) -> None:
    here.jobs(*["false"] * 50)
    told = here.run("--halt", "soon,fail=3", "-j", "1", code=1)
    assert "run the same command again to go on" in told.err
    assert len(here.records()) == 3
    here.run("--fail-fast", "-j", "1", code=1)
    assert len(here.records()) == 4


def test_a_deadline_ends_the_run_orderly(here: Machine) -> None:
    here.jobs(*["sleep 0.2"] * 200)
    told = here.run("--until", "2s", "-j", "2", code=3)
    assert "before the deadline" in told.err
    assert all(facts["state"] == "done" for facts in here.records())
    assert 0 < len(here.records()) < 200


def test_running_again_runs_only_what_is_left(here: Machine) -> None:
    here.jobs(*(f"echo {number} >> ran; test {number} != 5" for number in range(20)))
    here.run("-n", "7", "-j", "1", code=None)
    assert len((here.folder / "ran").read_text().split()) == 7
    here.run(code=1)
    here.run(code=1)
    assert sorted(map(int, (here.folder / "ran").read_text().split())) == list(range(20))
    here.run("--retry-failed", code=1)
    assert (here.folder / "ran").read_text().split().count("5") == 2


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 3), (signal.SIGTERM, 3), (signal.SIGUSR1, 3), (signal.SIGHUP, 3)]
)
def test_the_first_stop_lets_running_jobs_finish(here: Machine, number: int, code: int) -> None:
    here.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done", "touch second")
    process = here.start("-j", "1")
    if (here.folder / "configs").exists():
        wait_until(lambda: (here.folder / "begun").exists() or (here.folder / "second").exists())
    wait_until((here.folder / "begun").exists)
    process.send_signal(number)
    assert process.stderr is not None
    wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 4096))
    (here.folder / "go").touch()
    _, said = process.communicate()
    done = {facts["job"] for facts in here.records() if facts["state"] == "done"}
    assert 0 in done
    assert process.returncode == (code if len(done) < 2 else 0), said


@pytest.mark.parametrize(("numbers", "code"), [([signal.SIGUSR2], 130), ([signal.SIGUSR1, signal.SIGUSR2], 130)])
def test_the_second_stop_ends_running_jobs_and_costs_no_attempt(here: Machine, numbers: list[int], code: int) -> None:
    word = f"2{os.getpid():07d}"
    here.jobs(f"sleep {word}")
    process = here.start()
    wait_until(lambda: processes_with(f"sleep\0{word}"))
    for number in numbers:
        process.send_signal(number)
    process.communicate()
    assert process.returncode == code
    assert not processes_with(f"sleep\0{word}")
    assert [facts["state"] for facts in here.records()] == ["stopped"]
    assert here.records()[0]["try"] == 1


def test_one_interrupt_that_arrives_twice_counts_once(here: Machine) -> None:
    here.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done")
    process = here.start()
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    wait_until(lambda: b"stopping" in os.read(process.stderr.fileno(), 4096))
    (here.folder / "go").touch()
    process.communicate()
    assert [facts["state"] for facts in here.records()] == ["done"]
    assert process.returncode == 0, "nothing was left to do"


def test_a_second_process_is_refused_and_a_dead_lock_is_no_obstacle(here: Machine) -> None:
    here.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done")
    first = here.start()
    wait_until((here.folder / "begun").exists)
    told = here.run(code=4)
    assert f"in use by process {here.python(first)}" in told.err
    first.kill()
    first.communicate()
    (here.folder / "go").touch()
    here.run()


def test_a_barrier_waits_for_a_job_that_is_tried_again(here: Machine) -> None:
    slow = "sleep 0.2; test -e tried || { touch tried; exit 1; }; sleep 1; touch first"
    here.jobs(slow, "#SHAREOUT BARRIER", "test -e first")
    assert "2 done" in here.run("--retries", "1").err


def test_barriers_part_a_run_into_phases(here: Machine) -> None:
    lines = ["echo a >> order"] * 5 + ["#SHAREOUT BARRIER"] + ["echo b >> order"] * 5
    here.jobs(*lines)
    here.run()
    assert (here.folder / "order").read_text().split() == ["a"] * 5 + ["b"] * 5
    checked = Machine(here.folder / "checked").jobs("false", "true", "#DISBATCH BARRIER CHECK", "touch never")
    told = checked.run(code=1)
    assert "barrier with CHECK" in told.err
    assert not (checked.folder / "never").exists()


def test_jobs_of_unequal_needs_are_packed(here: Machine) -> None:
    """Two jobs of two cores never run together on two cores; small ones do."""
    guard = "mkdir big || exit 1; sleep 0.05; rmdir big"
    here.jobs("#SHAREOUT NEED cores=2", guard, guard, guard, "#SHAREOUT NEED cores=1", "true", "true")
    here.run()
    impossible = Machine(here.folder / "impossible").jobs("#SHAREOUT NEED cores=99", "true")
    assert "job 0 takes 99 cores, and alice has 2" in impossible.run(code=2).err


def test_gpus_are_divided_among_jobs(here: Machine) -> None:
    here.environ = {"CUDA_VISIBLE_DEVICES": "4,7"}
    here.jobs(*["mkdir gpu-$CUDA_VISIBLE_DEVICES && sleep 0.02 && rmdir gpu-$CUDA_VISIBLE_DEVICES"] * 10)
    here.run("--gpus-per-job", "1", "-j", "4")


@pytest.mark.module_only("the limit that stands for a full disk would stop the unpacking")
def test_a_full_disk_ends_the_run_orderly(here: Machine, tmp_path: Path) -> None:
    """A file size limit stands for the full disk: no root is needed, and the kernel refuses alike."""
    here.jobs(*["true"] * 3000)
    program = here.program
    here.program = ["sh", "-c", 'ulimit -f 60; exec "$@"', "sh", *program]
    told = here.run(code=3)
    assert "What is recorded so far is safe" in told.err
    here.program = program
    recorded = len(here.records())
    assert 0 < recorded < 3000
    here.run()
    jobs = [facts["job"] for facts in here.records()]
    assert sorted(jobs) == list(range(3000)), "nothing is lost, nothing recorded twice"


def test_a_run_directory_that_cannot_be_written_is_told(here: Machine) -> None:
    here.jobs("true")
    here.write("runs", "a file in the way")
    assert "cannot be written" in here.run(code=2).err


def test_standard_input_is_a_pool(here: Machine) -> None:
    lines = "".join(f"{number}\n" for number in range(30)).encode()
    here.call("run", "--template", "echo got-{}", "-j", "2", "--tee", "--quiet", "-", stdin=lines)
    told = here.call("run", "--template", "echo got-{}", "--quiet", "--tee", "-", stdin=lines)
    assert told.out == "", "the same input resumes: nothing is left to run"
    assert here.log().count("got-") == 30


def test_a_dry_run_prints_the_share_in_running_order(here: Machine) -> None:
    here.jobs(*(f"echo {number}" for number in range(9)), machines='{"alice": [1, 2], "bob": [1, 1]}')
    ids = here.call("plan", "--machine", "alice", "--ids").out.split()
    shown = here.call("run", "--machine", "alice", "--dry-run").out.splitlines()
    assert shown == [f"echo {number}" for number in ids]
    assert not (here.folder / "runs").exists()
