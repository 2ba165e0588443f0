"""No job is started too soon after another one, nor while the host has no room for it."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until
from shareout.config import load_settings
from shareout.fields import replace
from shareout.run.host.gate import Gate, free_memory
from shareout.settings_values import SlotCount


def test_between_the_starts_of_two_jobs_the_delay_passes(here: Machine) -> None:
    here.jobs(*["true"] * 5)
    here.run("--quiet", "-j", "2", "--delay", "0.2s")
    starts = sorted(record["start"] for record in here.records())
    assert all(after - before >= 0.19 for before, after in itertools.pairwise(starts))


@pytest.mark.module_only("the same gate")
def test_nothing_starts_while_there_is_no_room_and_a_stop_ends_the_waiting(here: Machine) -> None:
    here.jobs("true")
    process = here.start("--quiet", "--memfree", "9000TB")
    wait_until(lambda: list(here.folder.glob("runs/*/*/live.json")))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    assert not here.records()


@pytest.mark.module_only("flags are read by the same code")
def test_what_is_no_limit_is_refused(here: Machine) -> None:
    here.jobs("true")
    assert "is no load; write 12, or 80% of the cores" in here.run("--load", "much", code=2).err
    assert "must be more than 0" in here.run("--memfree", "0", code=2).err
    assert "-N 0 is no number of values a job" in here.call("run", "-N", "0", "configs/jobs.txt", code=2).err
    assert "-d takes a single sign" in here.call("run", "-d", "ab", "configs/jobs.txt", code=2).err
    assert "::: is followed by no values" in here.call("run", "--template", "echo {}", ":::", code=2).err
    assert "is no place for a file" in here.run("--joblog", "none/x", code=2).err


@pytest.mark.module_only("no program of ours")
def test_the_gate_opens_when_there_is_room() -> None:
    limits = load_settings(Path("none")).limits
    assert Gate.of(limits) is None
    free = [1 << 20]
    gate = Gate(replace(limits, memory_free=1 << 30), lambda: free[0])
    assert not gate.is_open()
    free[0] = 1 << 31
    wait_until(gate.is_open)
    assert Gate(replace(limits, load=SlotCount(1_000_000, ""))).is_open()
    assert 0 < free_memory() < 1 << 50


def test_what_a_running_job_has_printed_stands_in_the_file_of_its_slot(here: Machine) -> None:
    here.jobs("echo early; until test -e go; do sleep 0.05; done; echo late")
    process = here.start("--quiet")
    wait_until(lambda: [one for one in here.folder.glob("runs/*/*/slots/*.out") if one.read_text() == "early\n"])
    here.write("go", "")
    assert process.wait(60) == 0
    assert here.log().count(" out ") == 2


def test_a_job_log_goes_on_with_its_run_and_begins_anew_with_another(here: Machine) -> None:
    here.jobs("echo a", "echo b", "exit 3")
    here.run("--quiet", "-n", "1", "--joblog", "log", code=None)
    here.run("--quiet", "--joblog", "log", code=1)
    head, *lines = (here.folder / "log").read_text().splitlines()
    assert head.split("\t")[0] == "Seq"
    assert sorted(line.split("\t")[0] for line in lines) == ["1", "2", "3"]
    here.jobs("echo c")
    here.run("--quiet", "--joblog", "log")
    assert len((here.folder / "log").read_text().splitlines()) == 2


@pytest.mark.module_only("the same code")
def test_braces_that_nothing_fills_are_told(here: Machine) -> None:
    here.jobs("find . -name x -exec echo {} +", "true", "echo {} x")
    told = here.run("--quiet", code=None).err
    assert "{}" not in told, "quiet"
    here.call("requeue", "--all")
    assert "line 3 has {}, which nothing fills: there is no template." in here.run().err
    here.jobs("awk '{}' /dev/null", "seq 3 | xargs -I {} echo {}", "echo {a}")
    assert "which nothing fills" not in here.run().err
