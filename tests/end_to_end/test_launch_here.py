"""`launch --here`: the whole way from inputs to the certificate, each machine in a folder of this host."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import processes_in, wait_until

pytestmark = pytest.mark.module_only("who is reached and what is asked is decided by pure code; a whole launch is both")
FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
TWO = '{"alice": [1, 2], "bob": [1, 1]}'
SLOW = "while [ ! -e {go} ]; do sleep 0.02; done"


def far(here: Machine, machine: str) -> Path:
    """The folder that stands for a host."""
    return here.folder / "launch" / "here" / machine / "shareout" / here.folder.name


@pytest.fixture(autouse=True)
def ends(here: Machine) -> Iterator[None]:
    """What a launch starts outlives it: a test that fails leaves none."""
    yield
    here.end_all()
    for machine in ("alice", "bob"):
        for pid in processes_in(far(here, machine)) if far(here, machine).exists() else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_running(here: Machine, machine: str) -> bool:
    return any(far(here, machine).glob("runs/*/*/owner.json"))


def waiting(here: Machine, *more: str) -> Path:
    """Jobs that wait for the file that is given back."""
    go = here.folder / "go"
    here.jobs(
        *[f"while [ ! -e '{str(go).replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}' ]; do sleep 0.02; done"] * 3,
        *more,
        machines=TWO,
    )
    return go


def started(here: Machine, *words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [*here.program, "launch", "--here", *words], cwd=here.folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    here.started.append(process)
    return process


@pytest.mark.both_ways
def test_a_launch_goes_from_inputs_to_the_certificate(here: Machine) -> None:
    here.jobs(*[f"echo {number}" for number in range(20)], machines=TWO)
    alone = Machine(here.folder / "alone", here.program)
    shutil.copytree(here.folder / "configs", alone.folder / "configs")
    for machine in ("alice", "bob"):
        alone.run(machine=machine)
    wanted = alone.call("merge-results", "-o", "r.csv").out.splitlines()[1:3]
    shutil.rmtree(alone.folder)
    told = here.call("launch", "--here", "-o", "results.csv")
    assert told.out.splitlines() == ["complete: 20 of 20 jobs, each counted once", *wanted, "wrote results.csv"]
    assert told.err.splitlines()[-1] == "2 of 2 started · 2 done · 20 of 20 jobs"
    again = here.call("launch", "--here", "-o", "results.csv")
    assert again.out == told.out
    assert "copying" not in again.err
    assert not processes_in(far(here, "alice"))


def test_what_is_kept_here_may_be_lost(here: Machine) -> None:
    go = waiting(here)
    first = started(here)
    wait_until(lambda: is_running(here, "alice") and is_running(here, "bob"))
    first.send_signal(signal.SIGINT)
    assert first.wait(20) == 130
    assert first.stderr
    assert b"what runs there goes on; the same command finds it again, --stop ends it" in first.stderr.read()
    for name in ("state.json", "main"):
        (here.folder / "launch" / name).unlink()
    second = started(here)
    wait_until(lambda: (here.folder / "launch" / "state.json").exists())
    go.touch()
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert b"complete: 3 of 3" in out
    journals = list(here.folder.glob("home/*/runs/*/*/journal.*"))
    assert len(journals) == 2, "neither run was started a second time"


def test_a_run_that_is_killed_is_started_again(here: Machine) -> None:
    go = waiting(here)
    process = started(here)
    wait_until(lambda: list(far(here, "bob").glob("runs/*/*/journal.*")))
    owners = list(far(here, "bob").glob("runs/*/*/owner.json"))
    os.kill(json.loads(owners[0].read_bytes())["pid"], signal.SIGKILL)
    wait_until(lambda: len(list(far(here, "bob").glob("runs/*/*/journal.*"))) == 2)
    go.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"complete: 3 of 3" in out


def test_jobs_that_fail_are_told_and_end_it_with_1(here: Machine) -> None:
    here.jobs("true", "false", "true", machines=TWO)
    told = here.call("launch", "--here", code=1)
    assert "1 failed" in told.err.splitlines()[-1] or "failed" in told.err


def test_two_launches_at_once_do_not_meet(here: Machine) -> None:
    go = waiting(here)
    process = started(here)
    wait_until(lambda: is_running(here, "alice"))
    told = here.call("launch", "--here", code=4)
    assert "another launch of this folder is at work" in told.err
    assert "running" in here.call("launch", "--here", "--status", code=3).out
    go.touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_stop_ends_orderly_and_the_same_launch_goes_on(here: Machine) -> None:
    go = waiting(here)
    process = started(here)
    wait_until(lambda: is_running(here, "alice") and is_running(here, "bob"))
    here.call("launch", "--here", "--stop", "--now", code=3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "stopped" in here.call("launch", "--here", "--status", code=3).out
    go.touch()
    assert "complete: 3 of 3" in here.call("launch", "--here").out


def test_clean_waits_for_all_to_be_home_and_leaves_what_is_not_ours(here: Machine) -> None:
    here.jobs("echo a >made.txt", "true", "true", machines=TWO)
    here.call("launch", "--here")
    journal = next(here.folder.glob("home/alice/runs/*/*/journal.*"))
    kept = journal.read_bytes()
    journal.write_bytes(kept[:-5])
    told = here.call("launch", "--here", "--clean", "alice", code=2)
    assert "not at home" in told.err
    assert "runs" in os.listdir(far(here, "alice"))
    assert "fetched" in here.call("launch", "--here", "--fetch").err or journal.read_bytes() == kept
    assert journal.read_bytes() == kept
    here.call("launch", "--here", "--clean")
    left = [path.name for machine in ("alice", "bob") for path in (here.folder / "launch/here" / machine).rglob("*.*")]
    assert left == ["made.txt"]
    # Nothing of it is run once more.
    told = here.call("launch", "--here", "-o", "again.csv")
    assert "alice: starting" not in told.err
    assert "ran twice" not in told.err
    assert (here.folder / "again.csv").exists()


def test_what_jobs_write_comes_home_and_files_go_there(here: Machine) -> None:
    here.write("data/in put.txt", "seven\n")
    here.jobs("cat 'data/in put.txt' >\"out $SHAREOUT_JOB.txt\"", "true", machines=TWO)
    here.call("launch", "--here", "--files", "data", "--return", "out *.txt")
    found = list(here.folder.glob("home/*/out *.txt"))
    assert [path.read_text() for path in found] == ["seven\n"]


def test_what_is_printed_instead_of_run_works_when_it_is_pasted(here: Machine) -> None:
    here.jobs("echo a", "echo b", machines=TWO)
    told = here.call("launch", "--here", "--dry-run")
    assert not (here.folder / "launch/here").exists()
    done = subprocess.run(
        ["sh"], input=told.out.encode(), cwd=here.folder, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert here.call("launch", "--here").err.splitlines()[-1] == "2 of 2 started · 2 done · 2 of 2 jobs"
    assert len(list(far(here, "alice").glob("runs/*/*/journal.*"))) == 1


def test_files_of_one_name_stay_apart_and_those_that_differ_are_told(here: Machine) -> None:
    here.jobs(*["echo same >same; echo $SHAREOUT_MACHINE | tee other"] * 4, machines='{"alice": [1, 1], "bob": [1, 1]}')
    told = here.call("launch", "--here", "--return", "same", "other", "--results", "printed")
    assert "other is another file on alice and bob: each is in the folder of its machine, home/MACHINE" in told.err
    assert "same is" not in told.err
    assert "printed" not in told.err
    assert [(here.folder / f"home/{name}/other").read_text() for name in ("alice", "bob")] == ["alice\n", "bob\n"]
    assert len(list(here.folder.glob("home/*/printed/0/*.out"))) == 4


def test_a_pattern_that_leads_elsewhere_is_refused(here: Machine) -> None:
    here.jobs("true", machines=TWO)
    for pattern in ("/etc/*", "../*", "a**b"):
        assert "is no pattern" in here.call("launch", "--here", "--return", pattern, code=2).err
    assert "runs is a name of ours" in here.call("launch", "--here", "--results", "runs/x", code=2).err
    assert "name of a table" in here.call("launch", "--here", "--results", "x.csv", code=2).err


def test_events_are_told_as_json(here: Machine) -> None:
    here.jobs("true", "true", machines=TWO)
    lines = [json.loads(line) for line in here.call("launch", "--here", "--json").out.splitlines()]
    section = re.search(r"^### `launch --json`\n(.*?)(?=^##)", FORMATS, re.DOTALL | re.MULTILINE)
    assert section
    for line in lines[:-1]:
        assert set(line) <= set(re.findall(r"`([a-z_]+)`", section[1]))
    assert [line["state"] for line in lines[:-1] if line["machine"] == "bob"][-1] == "done"
    assert [line["done"] for line in lines[:-1] if line["machine"] == "bob"][-1] == 1
    assert len(lines[-1]["certificate"]) == 64


def test_who_reads_no_events_any_more_ends_the_view_in_one_sentence(here: Machine) -> None:
    here.jobs("true", "true", machines=TWO)
    with open("/dev/full", "w") as full:
        words = [*here.program, "launch", "--here", "--json"]
        ended = subprocess.run(
            words,
            cwd=here.folder,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 74
    assert ended.stderr.startswith("shareout: standard output cannot be written: No space left on device")
    assert ended.stderr.count("\n") == 2


def test_what_is_in_the_way_at_home_is_told_and_not_waited_for(here: Machine) -> None:
    here.jobs("true", "true", machines=TWO)
    here.write("home", "")
    assert "refused: here, home/" in here.call("launch", "--here", code=2).err


def test_hosts_of_the_command_line_become_a_machines_json(here: Machine) -> None:
    here.jobs("true", "true")
    (here.folder / "configs/machines.json").unlink()
    here.call("launch", "-s", "localhost:2,localhost:3")
    assert json.loads((here.folder / "configs/machines.json").read_bytes()) == {
        "localhost": {"perf": 1, "cores": 5, "ssh": "localhost"}
    }
    told = here.call("launch", "-s", "localhost:2", code=2)
    assert "names other machines" in told.err
    (here.folder / "configs/machines.json").unlink()
    assert "-s: '-oProxyCommand=touch no' cannot name a machine: it looks like an option" in (
        here.call("launch", "-s=-oProxyCommand=touch no:4", code=2).err
    )
    assert not (here.folder / "configs/machines.json").exists(), "no other command stumbles over it"
    here.environ = {"DISBATCH_SSH_NODELIST": "localhost:1,localhost:3"}
    here.call("launch", "--status", code=None)
    assert json.loads((here.folder / "configs/machines.json").read_bytes())["localhost"]["cores"] == 4
    assert "HOST:CORECOUNT" in here.call("launch", "-s", "localhost", code=2).err


def test_what_cannot_be_meant_is_refused(here: Machine) -> None:
    here.jobs("true", machines=TWO)
    assert "does not say where alice, bob is" in here.call("launch", code=2).err
    assert 'no machine "carol"' in here.call("launch", "--here", "carol", code=2).err
    assert "not below this folder" in here.call("launch", "--here", "--files", "/etc/hostname", code=2).err
    here.jobs("true", machines='{"alice": {"perf": 1, "cores": 1, "ssh": "-oProxyCommand=touch x"}}')
    assert "looks like an option" in here.call("launch", code=2).err
    here.jobs("true", machines='{"alice": {"perf": 1, "cores": 1, "ssh": "me@host"}}')
    assert "--exe" in here.call("launch", code=2).err


def test_who_asks_for_what_is_not_there_is_told(here: Machine) -> None:
    here.jobs("true", machines=TWO)
    for flag in ("--status", "--stop", "--fetch"):
        told = here.call("launch", "--here", flag, code=3)
        assert "nothing of this launch is there" in told.err + told.out
    here.call("launch", "--here", "--clean")
    assert not list(here.folder.glob("home"))


def test_what_has_not_begun_is_not_told_as_killed(here: Machine) -> None:
    here.jobs("true", "true", machines=TWO)
    here.call("launch", "--here")
    for folder in ("runs", "launch"):
        shutil.rmtree(far(here, "alice") / folder)
    for flag in ("--status", "--stop"):
        told = here.call("launch", "--here", flag, code=3)
        assert "it has not begun there" in told.err + told.out


def test_a_terminal_has_a_line_a_host_and_a_last_one_for_all(here: Machine) -> None:
    here.jobs(*["sleep 0.5"] * 3, machines=TWO)
    screen = Terminal(here, "launch", "--here")
    assert screen.end() == 0
    assert [line for line in screen.lines if line][-4:-2] == [
        "2 of 2 started · 2 done · 3 of 3 jobs",
        "complete: 3 of 3 jobs, each counted once",
    ]
    assert "\x1b[4F" in screen.seen, "it is redrawn in its place"


def test_a_host_that_is_not_reached_keeps_its_last_numbers_paler_and_tells_how_old_they_are(here: Machine) -> None:
    here.write(
        "look.py",
        """
import time
from shareout.launch.standing import Standing, State
from shareout.show.launch import LaunchView
gone = Standing("n3", "me@n3", State.UNREACHABLE, "try 2: refused", jobs=9, done=4, heard=time.time() - 90)
LaunchView(quiet=False).shown([Standing("n1", "n1", State.RUNNING, jobs=9, done=5, started=True), gone])
""",
    )
    here.program = [sys.executable]
    screen = Terminal(here, "look.py")
    assert screen.end() == 0
    line = next(one for one in screen.seen.split("\r\n") if "n3" in one)
    assert line.startswith("\x1b[2mn3")
    assert re.search(r"unreachable +9 +4 +heard 1m 3\ds ago, try 2", line), line
    assert "1 of 2 started · 1 running · 1 unreachable · 9 of 18 jobs; not: n3 (unreachabl" in screen.seen
