"""The questions of a run, on a real pseudo-terminal."""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
import time

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until


def own_name() -> str:
    return socket.gethostname().partition(".")[0]


def test_the_machine_of_this_host_is_preselected(here: Machine) -> None:
    here.jobs(*["true"] * 6, machines=f'{{"alice": [1, 1], "{own_name()}": [1, 1]}}')
    terminal = Terminal(here, "run")
    terminal.wait_for("Which machine is this?")
    terminal.wait_for("all machines")
    terminal.send("\r")
    terminal.wait_for("Is the digest the same")
    assert here.call("plan", "--json").json["fingerprint"] in terminal.seen
    assert f"3 of 6 jobs for {own_name()}" in terminal.seen
    terminal.send("y\r")
    assert terminal.end() == 0
    assert here.run_folder.name == own_name()


def test_enter_alone_starts_nothing_where_the_machine_was_only_picked(here: Machine) -> None:
    here.jobs("true")
    terminal = Terminal(here)
    terminal.answer({"(arrow keys": "\r", "(y/N)": "\r"})
    assert terminal.end() == 130
    assert not list(here.folder.glob("runs/*"))
    terminal = Terminal(here, "run", "--machine", "alice")
    terminal.answer({"(Y/n)": "\r"})
    assert terminal.end() == 0
    assert len(here.records()) == 1


def test_arrow_keys_choose_and_no_starts_nothing(here: Machine) -> None:
    here.jobs("true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    terminal = Terminal(here)
    terminal.wait_for("all machines")
    terminal.send("\x1b[B\x1b[B\r")
    terminal.wait_for("1 of 1 jobs for all")
    terminal.send("n\r")
    assert terminal.end() == 130
    assert not list(here.folder.glob("runs/*"))


def test_leaving_the_prompt_is_no_error(here: Machine) -> None:
    here.jobs("true")
    terminal = Terminal(here, "run")
    terminal.wait_for("all machines")
    terminal.send("\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


@pytest.mark.module_only("the same interpreter handles signals in both")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_at_a_question_starts_nothing_and_leaves_the_terminal_as_it_was(
    here: Machine, number: signal.Signals
) -> None:
    here.jobs("true")
    terminal = Terminal(here, "run", "--machine", "alice")
    terminal.wait_for("(Y/n)")
    assert not terminal.echoes()
    terminal.process.send_signal(number)
    assert terminal.end() == (143 if number == signal.SIGTERM else 130)
    assert terminal.echoes()
    assert "Traceback" not in terminal.seen
    assert not list(here.folder.glob("runs/*"))


IN_THE_MIDDLE = """
import os, signal
from shareout.edges import Interrupted, edges
edges.begin()
edges.at_work()
from shareout.show import prompts
import questionary
question = questionary.confirm("Shall it?", auto_enter=False)
question.application.pre_run_callables.append(lambda: (os.kill(os.getpid(), signal.SIGTERM), print("went on")))
try:
    prompts._asked(question)
except Interrupted as stop:
    print("left by", stop.number)
"""


@pytest.mark.module_only("the same interpreter handles signals in both")
def test_a_signal_is_not_thrown_into_the_middle_of_a_question(here: Machine) -> None:
    """It left a task behind there that was waited for, for ever: now and then."""
    here.write("ask.py", IN_THE_MIDDLE)
    here.program = [sys.executable, "ask.py"]
    terminal = Terminal(here)
    assert terminal.end() == 0
    assert terminal.seen.index("went on") < terminal.seen.index("left by 15")


def test_without_a_terminal_the_flags_are_named(here: Machine) -> None:
    here.jobs("true")
    assert "--machine NAME --yes" in here.call("run", code=2).err
    assert "Add --yes" in here.call("run", "--machine", "alice", code=2).err


def test_any_other_plan_than_the_expected_is_refused(here: Machine) -> None:
    here.jobs("true")
    facts = here.call("plan", "--json").json
    told = here.run("--expect", "lusab-babad-gutih-tugad", code=2)
    assert facts["fingerprint"] in told.err
    assert "lusab-babad-gutih-tugad" in told.err
    here.run("--expect", facts["fingerprint"])
    here.run("--expect", facts["digest"][:16])


def test_the_live_view_keeps_to_the_width_of_the_terminal(here: Machine) -> None:
    here.jobs(*[f"while [ ! -e go ]; do sleep 0.01; done; true {'long ' * 60}"] * 4)
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", columns=100)
    terminal.wait_for("2 running")
    terminal.resize(40)
    before = len(terminal.seen)
    terminal.wait_for("\x1b[J")
    end = time.monotonic() + 10
    while terminal.seen[before:].count("\x1b[J") < 3:
        assert time.monotonic() < end
        terminal.wait_for("\x1b[J")
        terminal._read()
    drawn = [line for line in terminal.seen[before:].split("\n") if "running" in line]
    assert drawn
    assert all(len(line.rpartition("\x1b[J")[2].rstrip("\r")) < 40 for line in drawn[1:])
    (here.folder / "go").touch()
    assert terminal.end() == 0


def test_ctrl_c_twice_stops_at_once(here: Machine) -> None:
    here.jobs("touch begun; sleep 50")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes")
    terminal.wait_for("1 running")
    # What a slot was given and has not begun would only be taken back.
    wait_until((here.folder / "begun").exists)
    terminal.send("\x03")
    terminal.wait_for("running jobs are let finish")
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        terminal.wait_for("running jobs are let finish")
        select.select([], [], [], 0.05)
    terminal.send("\x03")
    terminal.wait_for("running jobs are ended")
    assert terminal.end() == 130


def test_more_cores_than_the_host_grants_are_told(here: Machine) -> None:
    here.jobs("true", machines='{"alice": [1, 9999]}')
    assert "grants" not in here.run("-j", "1").err, "who says how many jobs at once knows"
    assert "machines.json says 9999 cores, but this host grants" in here.run().err


def many(own: str) -> str:
    names = [f"node{number:03}" for number in range(499)]
    return json.dumps({name: [1, 1] for name in [*names[:250], own, *names[250:]]})


def test_of_many_machines_the_own_is_preselected_and_others_are_found_by_typing(here: Machine) -> None:
    here.jobs(*["true"] * 500, machines=many(own_name()))
    terminal = Terminal(here, columns=40)
    terminal.wait_for("letters of it")
    terminal.wait_for(own_name())
    terminal.send("\r")
    terminal.wait_for(f"1 of 500 jobs for {own_name()}")
    terminal.send("n\r")
    assert terminal.end() == 130
    terminal = Terminal(here, columns=40)
    terminal.wait_for("letters of it")
    terminal.send("node437")
    terminal.wait_to_see("node437")
    terminal.send("\r")
    terminal.wait_for("jobs for node437")
    terminal.send("n\r")
    assert terminal.end() == 130


def test_with_yes_one_line_says_which_machine_of_which_plan(here: Machine) -> None:
    here.jobs("true", "true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    words = here.call("plan", "--json").json["fingerprint"]
    first = here.run().err.splitlines()[0]
    assert first.startswith(f"shareout: alice of {words} (")
    assert first.endswith("): 1 of 2 jobs")
    assert here.run("--quiet", machine="bob").err == ""


def test_quiet_tells_failures_in_one_line_with_the_exit_code(here: Machine) -> None:
    here.jobs("true", "false")
    (line,) = here.run("--quiet", code=1).err.splitlines()
    assert line.startswith("1 done, 1 failed, 0 to do: runs/")
    assert "`list --failed` names them" in line
    assert line.endswith("(exit 1)")


@pytest.mark.module_only("parsed before anything is done")
def test_a_misspelt_choice_names_the_nearest(here: Machine) -> None:
    assert '(did you mean "given"?)' in here.call("run", "--order", "givn", code=2).err
    assert '(did you mean "--keep-order"?)' in here.call("run", "--keep-oder", code=2).err


@pytest.mark.module_only("drawn by the same code")
def test_what_is_read_for_long_is_said_at_once_and_taken_away(here: Machine) -> None:
    here.jobs("true")
    here.write("configs/jobs.txt", b"true # a long line for a large file, and not many jobs in it" * 20 + b"\n")
    with (here.folder / "configs/jobs.txt").open("ab") as file:
        file.write((b"true " + b"x" * (1 << 20) + b"\n") * 20)
    terminal = Terminal(here, "plan", columns=100)
    assert terminal.end() == 0
    said = terminal.seen.index("reading and hashing configs/jobs.txt (20MiB)")
    assert said < terminal.seen.index("\r\x1b[Kinput") < terminal.seen.index("digest")
    assert "reading" not in here.call("plan").err
