"""`explain`: why a job does not run, whatever the reason, and the call that changes it: the one that was given."""

from __future__ import annotations

from typing import Any

import pytest

from kit.program import Machine
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("what is recorded is read by the same code")
GIVEN = "--machine alice --yes"


def explained(here: Machine, job: int) -> dict[str, Any]:
    facts: dict[str, Any] = here.call("explain", str(job), "--json").json
    return facts


def test_a_job_of_a_bare_pool_is_run_by_the_call_that_was_given(here: Machine) -> None:
    here.write("tasks", "true\nfalse\ntrue\n")
    here.call("run", "tasks", "-j", "1", "-n", "2", "--template", "sh -c {}", code=1)
    left = explained(here, 2)
    assert "the last run was to run 2 jobs at most (-n)" in left["why"]
    assert left["way_out"].endswith("shareout run tasks -j 1 -n 2 --template 'sh -c {}'")
    assert "shareout run tasks -j 1 -n 2 --template 'sh -c {}' -R" in explained(here, 1)["way_out"]
    here.write("elsewhere/note", "")
    there = Machine(here.folder / "elsewhere")
    assert f"in {here.folder}: " in there.call("explain", "2", "--runs", "../runs").out


def test_a_job_behind_a_barrier_waits_for_what_is_before_it(here: Machine) -> None:
    here.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done", "true", "#SHAREOUT BARRIER", "true")
    process = here.start("-j", "2")
    wait_until((here.folder / "begun").exists)
    wait_until(lambda: len(here.records()) == 1)
    assert "a barrier stands before it: 1 job before that is to do" in explained(here, 2)["why"]
    (here.folder / "go").touch()
    process.communicate()


def test_a_barrier_that_checks_lets_nothing_through_after_a_failure(here: Machine) -> None:
    here.jobs("false", "false", "#SHAREOUT BARRIER CHECK", "true", "#SHAREOUT BARRIER", "true")
    here.run(code=1)
    for job in (2, 3):
        left = explained(here, job)
        assert "a barrier with CHECK stands before it, and 2 jobs before that failed" in left["why"]
        assert f"{GIVEN} -R" in left["way_out"]
        assert "skip" in left["way_out"]


def test_a_job_of_another_group_than_was_asked_for_is_left_out(here: Machine) -> None:
    here.jobs("#SHAREOUT GROUP one", "true", "#SHAREOUT GROUP two", "true")
    here.run("--group", "one")
    left = explained(here, 1)
    assert "it is of group two, and the last run was only of one" in left["why"]
    assert "Leave out --group" in left["way_out"]


@pytest.mark.parametrize(
    ("words", "code", "why", "says"),
    [
        (["--until", "1ms"], 3, "stopped at its deadline: no job was started that would not have ended by then",
         "a later --until"),
        (["--halt", "soon,fail=1"], 1, "was stopped by its halt rule, soon,fail=1", GIVEN),
    ],
)  # fmt: skip
def test_what_stopped_the_last_run_is_told(here: Machine, words: list[str], code: int, why: str, says: str) -> None:
    here.jobs("false", "true")
    here.write("configs/runner.config", "[run]\norder = given\n")
    here.run("-j", "1", *words, code=code)
    left = explained(here, 1)
    assert "alice is not running; " in left["why"]
    assert why in left["why"]
    assert says in left["way_out"]


def test_a_run_that_was_killed_is_told_so(here: Machine) -> None:
    here.jobs("touch begun; sleep 60", "true")
    process = here.start("-j", "1", "--order", "given")
    wait_until((here.folder / "begun").exists)
    process.kill()
    process.communicate()
    assert "the last run was killed, or its host went down" in explained(here, 1)["why"]


def test_the_machine_that_runs_a_job_again_as_an_audit_is_named(here: Machine) -> None:
    here.jobs(*["true"] * 8, machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.write("configs/runner.config", "[run]\naudit = 100%\n")
    here.run()
    ids = here.call("plan", "--machine", "alice", "--ids").out.split()
    assert explained(here, int(ids[0]))["audit"] == "bob"
    assert "bob runs it too, as an audit: not yet" in here.call("explain", ids[0]).out
    here.run(machine="bob")
    assert "bob runs it too, as an audit: it has" in here.call("explain", ids[0]).out
