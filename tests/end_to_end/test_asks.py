"""What hosts of a shared folder do together beside their lanes: barriers, and what a person asks of all of them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.program import Machine
from kit.tree import send, tree_of
from kit.wait import wait_until

MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'
BOTH = ("alice", "bob")
pytestmark = pytest.mark.module_only("what is asked is the same there")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    yield made
    made.end_all()


def give(hosts: Joiners, *lines: str, machines: str = MACHINES, config: str = "[run]\norder = given\n") -> None:
    for name in BOTH:
        hosts.host(name).jobs(*lines, machines=machines).write("configs/runner.config", config)


def begin(hosts: Joiners, *words: str, dead: str = "3s") -> None:
    for name in BOTH:
        hosts.run(name, *words, dead=dead)


def say(hosts: Joiners, *words: str, code: int = 0) -> str:
    """A command of a person at one of the hosts."""
    told = hosts.host("alice").call(*words, "--join", str(hosts.shared), code=code)
    return told.out + told.err


def failed(hosts: Joiners) -> int:
    """How many, as the folder tells."""
    return int(hosts.status()["failed"]) if list(hosts.shared.glob("*/*/machines/*/journal*")) else 0


@pytest.mark.both_ways
def test_no_host_begins_a_phase_before_all_have_ended_the_one_before(hosts: Joiners) -> None:
    phase = [f"sleep 0.1; echo {number}" for number in range(20)]
    give(hosts, *phase, "#SHAREOUT BARRIER", *phase, "#SHAREOUT BARRIER", *phase, config="")
    begin(hosts)
    for name in BOTH:
        assert "60 done, 0 failed, 0 to do" in hosts.ended(name)
    spans: dict[int, list[tuple[float, float]]] = {}
    for name in BOTH:
        for one in hosts.host(name).records():
            spans.setdefault(one["job"] // 20, []).append((one["start"], one["end"]))
    for phase_number in (1, 2):
        assert min(start for start, _ in spans[phase_number]) >= max(end for _, end in spans[phase_number - 1])
    assert min(hosts.done(name) for name in BOTH) > 0
    assert "complete: 60 of 60 jobs, each counted once" in hosts.merged()
    verbs = [one["verb"] for one in hosts.entries("asks/*").values()]
    assert verbs == ["phase", "phase", "end"]


def test_a_barrier_with_check_holds_all_back_until_what_failed_is_asked_for_again(hosts: Joiners) -> None:
    good = hosts.folder / "good"
    give(hosts, f"test -e {good}", *["sleep 0.05"] * 9, "#SHAREOUT BARRIER CHECK", *["true"] * 6)
    begin(hosts)
    for name in BOTH:
        assert "a barrier with CHECK was reached after 1 failed job" in hosts.ended(name, code=1)
    assert hosts.done("alice") + hosts.done("bob") == 9
    good.touch()
    assert "1 to do again" in say(hosts, "requeue", "--failed")
    begin(hosts)
    for name in BOTH:
        assert "16 done, 0 failed, 0 to do" in hosts.ended(name)
    assert "complete: 16 of 16 jobs" in hosts.merged()


@pytest.mark.both_ways
def test_what_failed_is_run_again_while_all_work_and_each_job_counts_once(hosts: Joiners) -> None:
    good, gate = hosts.folder / "good", hosts.folder / "gate"
    wait = f"while test ! -e {gate}; do sleep 0.05; done"
    give(hosts, *[f"test -e {good}"] * 3, *["sleep 0.05"] * 20, wait)
    begin(hosts)
    wait_until(lambda: failed(hosts) == 3)
    assert "is not over yet" in say(hosts, "requeue", "23", code=1)
    good.touch()
    assert "3 to do again; the hosts that work see it" in say(hosts, "requeue", "--failed")
    wait_until(lambda: failed(hosts) == 0)
    assert "job 0 is done, and stays so" in say(hosts, "requeue", "0", code=1)
    gate.touch()
    for name in BOTH:
        assert "24 done, 0 failed, 0 to do" in hosts.ended(name)
    assert "complete: 24 of 24 jobs, each counted once" in hosts.merged()
    assert "in a run that hosts share what is done stays done" in say(hosts, "requeue", "--all", code=2)


def test_what_is_skipped_is_run_by_nobody_and_can_be_taken_back_when_all_is_over(hosts: Joiners) -> None:
    give(hosts, *["true"] * 4, *["false"] * 2, *["sleep 0.05"] * 20)
    hosts.run("alice", "-n", "1")
    hosts.ended("alice")
    assert "10 to be skipped" in say(hosts, "skip", "16-25")
    begin(hosts)
    for name in BOTH:
        assert "14 done, 2 failed, 0 to do" in hosts.ended(name, code=1)
    assert "2 to be skipped; all hosts have ended" in say(hosts, "skip", "4", "5")
    assert "12 skipped" in again(hosts, "14 done, 0 failed, 0 to do")
    assert "3 to do again; all hosts have ended" in say(hosts, "requeue", "16-18")
    assert "9 skipped" in again(hosts, "17 done, 0 failed, 0 to do")


def again(hosts: Joiners, told: str) -> str:
    hosts.run("alice")
    assert told in hosts.ended("alice")
    return hosts.merged()


def test_what_is_over_and_in_no_journal_any_more_is_given_out_again(hosts: Joiners) -> None:
    give(hosts, *["sleep 0.02; echo $SHAREOUT_JOB"] * 40)
    begin(hosts)
    for name in BOTH:
        assert "40 done, 0 failed, 0 to do" in hosts.ended(name)
    lost = hosts.done("bob")
    assert lost
    (there,) = hosts.shared.glob("*/*/machines/bob")
    shutil.rmtree(there)
    shutil.rmtree(hosts.host("bob").folder / "runs")
    assert f"{lost} to do again; all hosts have ended" in say(hosts, "requeue", "--missing")
    hosts.run("alice")
    assert "40 done, 0 failed, 0 to do" in hosts.ended("alice")
    assert "complete: 40 of 40 jobs" in hosts.host("alice").call("merge-results", "-o", "all.csv").out
    assert "nothing is to do again" in say(hosts, "requeue", "--missing")
    assert (
        "alone, what no journal has is to do anyway" in Machine.call(alone(hosts), "requeue", "--missing", code=2).err
    )


def alone(hosts: Joiners) -> Machine:
    """Who shares with nobody."""
    folder = hosts.folder / "alone"
    folder.mkdir()
    return Machine(folder).jobs("true")


def test_one_that_is_drained_ends_what_runs_and_the_others_do_the_rest(hosts: Joiners) -> None:
    give(hosts, *["sleep 0.1"] * 120)
    begin(hosts, dead="1h")
    wait_until(lambda: hosts.done("bob") > 5)
    assert "no host of" in say(hosts, "drain", "bobb", code=2)
    assert "bob is asked to go" in say(hosts, "drain", "bob")
    told = hosts.ended("bob", code=3)
    assert "this host is drained" in told
    assert "120 done, 0 failed, 0 to do" in hosts.ended("alice")
    assert max(hosts.done(name) for name in BOTH) < 120
    assert "complete: 120 of 120 jobs, each counted once" in hosts.merged()


def test_the_work_of_one_that_stands_still_is_released_and_of_one_that_lives_it_is_not(hosts: Joiners) -> None:
    """DEAD is long: only a person's word is quicker."""
    give(hosts, *["sleep 0.1"] * 100)
    begin(hosts, dead="6s")
    wait_until(lambda: hosts.done("bob") > 5)
    assert "alice has answered: it lives" in say(hosts, "release", "alice", code=1)
    tree = tree_of(hosts.host("bob"), hosts.processes["bob"]).all
    send(tree, signal.SIGSTOP)
    assert "of bob are anybody's now" in say(hosts, "release", "bob")
    assert "100 done, 0 failed, 0 to do" in hosts.ended("alice")
    send(tree, signal.SIGCONT)
    assert "has taken over" in hosts.ended("bob")
    assert "complete: 100 of 100 jobs" in hosts.merged()


def test_what_is_released_at_once_may_run_twice_and_counts_once(hosts: Joiners) -> None:
    give(hosts, *["sleep 0.3; echo $$"] * 24)
    begin(hosts, dead="1h")
    wait_until(lambda: hosts.done("bob") > 2)
    assert "may run twice: it is counted once" in say(hosts, "release", "bob", "--now")
    for name in BOTH:
        assert "24 done, 0 failed, 0 to do" in hosts.ended(name)
    assert "complete: 24 of 24 jobs" in hosts.merged()
    seized = [one for one in hosts.entries("lanes/*/*").values() if one["verb"] == "seize"]
    assert all(one["kid"][0] == one["kid"][1] for one in seized)


@pytest.mark.both_ways
def test_a_halt_of_one_ends_what_runs_on_all_and_who_comes_starts_nothing_until_it_is_resumed(hosts: Joiners) -> None:
    gate = hosts.folder / "gate"
    fails_there = (
        f"case $SHAREOUT_MACHINE in alice) while test ! -e {gate}; do sleep 0.05; done; exit 1;; esac; sleep 60"
    )
    give(hosts, *[fails_there] * 8)
    begin(hosts, "--fail-fast", dead="1h")
    wait_until(lambda: len(hosts.status()["active"]) == 4 if list(hosts.shared.glob("*/*/beats/*")) else False)
    gate.touch()
    assert "stopping by the halt rule" in hosts.ended("alice", code=1)
    assert "all hosts halt, as alice has asked: " in hosts.ended("bob", code=3)
    assert hosts.done("bob") == 0
    hosts.run("bob")
    assert "all hosts halt, as alice has asked" in hosts.ended("bob", code=3)
    assert "halted by alice (" in say(hosts, "resume")
    assert "nothing is halted here" in say(hosts, "resume")


def test_a_person_halts_all_and_they_go_on_when_it_is_resumed(hosts: Joiners) -> None:
    give(hosts, *["sleep 0.1"] * 80)
    begin(hosts)
    wait_until(lambda: hosts.done("bob") > 3)
    assert "all hosts halt when what runs has ended" in say(hosts, "halt")
    for name in BOTH:
        assert "all hosts halt, as" in hosts.ended(name, code=3)
    assert hosts.done("alice") + hosts.done("bob") < 80
    say(hosts, "resume")
    begin(hosts)
    for name in BOTH:
        assert "80 done, 0 failed, 0 to do" in hosts.ended(name)
    assert "complete: 80 of 80 jobs, each counted once" in hosts.merged()


def test_what_fails_on_one_host_is_tried_on_another_and_a_host_on_which_all_fails_goes(hosts: Joiners) -> None:
    # So slowly there that the others are heard of first: until then it tries again by itself.
    give(hosts, *["sleep 0.05; test $SHAREOUT_MACHINE = alice || { sleep 0.2; false; }"] * 300)
    begin(hosts, "--retries", "1")
    told = hosts.ended("bob", code=3)
    assert "10 jobs in a row have failed here" in told
    assert "those of alice end well: this host takes nothing more" in told
    assert "300 done, 0 failed, 0 to do" in hosts.ended("alice")
    assert "complete: 300 of 300 jobs" in hosts.merged()
    tries = {one["job"]: one["try"] for one in hosts.host("alice").records()}
    tried = {one["job"] for one in hosts.host("bob").records() if one["state"] == "retry"}
    assert {tries[job] for job in tried} == {2}


def test_where_jobs_fail_everywhere_no_host_goes(hosts: Joiners) -> None:
    give(hosts, *["false"] * 60)
    begin(hosts)
    for name in BOTH:
        assert "0 done, 60 failed, 0 to do" in hosts.ended(name, code=1)


def test_start_and_stop_of_each_host_and_repeated_jobs_hold_where_work_is_shared(hosts: Joiners) -> None:
    give(
        hosts,
        "#SHAREOUT PERENGINE START echo began >> told",
        "#SHAREOUT PERENGINE STOP echo ended >> told",
        "#SHAREOUT REPEAT 20 start 5 sleep 0.05; echo $SHAREOUT_REPEAT_INDEX",
        "#SHAREOUT NEED cores=2",
        "sleep 0.05; echo last",
        config="[logging]\nper_job = true\n",
    )
    begin(hosts)
    for name in BOTH:
        assert "21 done, 0 failed, 0 to do" in hosts.ended(name)
        assert hosts.host(name).folder.joinpath("told").read_text() == "began\nended\n"
    assert "complete: 21 of 21 jobs, each counted once" in hosts.merged()
    logs = [path for name in BOTH for path in hosts.host(name).folder.glob("runs/*/*/job-logs/*/*")]
    assert len(logs) == 21


def test_barriers_that_hosts_would_keep_together_are_no_single_ones(hosts: Joiners) -> None:
    give(hosts, "true", "#SHAREOUT BARRIER", "true", config=f"[join]\nat = {hosts.shared}\n")
    alice = hosts.host("alice")
    assert "one machine of 2 cannot keep them alone" in alice.run("--alone", code=2).err
    alice.run("--alone", "--barriers", "local")
    assert not list(hosts.shared.iterdir())


def test_an_ask_that_is_none_stops_a_host_and_names_it(hosts: Joiners) -> None:
    give(hosts, *["sleep 0.2"] * 60)
    hosts.run("alice", "-n", "1")
    hosts.ended("alice")
    ledger = next(hosts.shared.glob("*/*"))
    (ledger / "asks").mkdir(exist_ok=True)
    (ledger / "asks" / "1").symlink_to("../../etc")
    begin(hosts)
    for name in BOTH:
        assert "ask 1 of the ledger is none: there stands" in hosts.ended(name, code=4)


def test_what_is_no_shared_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    host = Machine(tmp_path).jobs("true")
    for words in (["drain", "bob"], ["resume"], ["halt"]):
        assert "which shared run is meant?" in host.call(*words, code=2).err
    for words in (
        ["drain", "bob"],
        ["resume"],
        ["halt", "--now"],
        ["requeue", "--failed"],
        ["skip", "0"],
        ["release", "x"],
    ):
        assert "there is no ledger in it" in host.call(*words, "--join", str(tmp_path), code=2).err
