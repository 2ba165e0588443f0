"""Every command that a person gives about runs, given the folder that hosts share, while they work and when all is
over: by somebody who has neither inputs nor runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.program import Machine
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the same files are read")
MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'
OF_GROUPS = 8


@pytest.fixture
def joiners(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    yield made
    made.end_all()


def gated(number: int) -> str:
    """The first jobs run at once, and one of them fails; the others wait for the gate."""
    wait = "" if number < 8 else "while [ ! -e ../go ]; do sleep 0.02; done; "
    return f"{wait}echo out {number}; exit {3 * (number == 1)}"


def told(looker: Machine, words: str, code: int) -> str:
    said = looker.call(*words.split(), code=code)
    return said.out + said.err


WORKING = [
    ("status ../shared", 0, "has to do  alice "),
    ("status --json ../shared", 0, '"live": true'),
    ("status --active ../shared", 0, "alice"),
    ("list --state r ../shared", 0, "r "),
    ("list --failed ../shared", 0, "!       1 alice"),
    ("show 1 --in ../shared", 0, "out 1"),
    ("explain 0 --in ../shared", 0, "it is done, by alice\n  show 0 tells its outcome.\n"),
    ("explain 1 --in ../shared", 0, "it failed (1 try)\n  show 1 tells why. `requeue 1 --join ../shared`"),
    ("explain 19 --in ../shared", 0, "by plan alice's, position 19"),
    ("explain 39 --in ../shared", 0, "its machine has not come yet"),
    ("merge-results ../shared", 1, "20 of bob, which has not come"),
    ("merge-results ../shared", 1, "12 of alice"),
    ("merge-results ../shared --partial -o part.csv", 1, "7 of 40 jobs"),
    ("merge-logs ../shared --job 0", 0, "out 0"),
    ("report ../shared -o report.html", 0, "wrote report.html"),
    ("export ../shared --format joblog", 0, "exit 3"),
    ("export ../shared --format runmaker", 0, "! echo out 1"),
    ("replay 0 --in ../shared", 0, "alice recorded the same"),
    ("plans ../shared", 0, "alice (running)"),
    ("rebalance ../shared --configs ../alice/configs -o rest", 0, "at work still: alice"),
    ("costs ../shared --configs ../alice/configs --dry-run", 0, "alice"),
    ("requeue 19 --join ../shared", 1, "job 19 is not over yet"),
    ("requeue 18 19 --join ../shared", 1, "2 jobs are not over yet: there is nothing to take back (18-19)"),
    ("skip 39 --join ../shared", 0, "1 to be skipped; the hosts that work see it within seconds"),
    ("release bob --join ../shared", 2, "Those that have: alice."),
    ("drain bob --join ../shared", 2, "no host of ../shared works as bob"),
]
OVER = [
    ("status ../shared", 0, "finished"),
    ("wait ../shared", 1, ""),
    ("list --state s ../shared", 0, "s      39"),
    ("merge-results ../shared", 1, "38 of 40 jobs are done; failed: 1 (1)"),
    ("merge-results ../shared --failed", 1, "1,alice,1,exit,3"),
    ("explain 39 --in ../shared", 0, "requeue 39 --join ../shared takes that back"),
    ("plans ../shared", 0, " alice "),
    ("requeue 0 --join ../shared", 1, "job 0 is done, and stays so"),
    ("skip 0 2 --join ../shared", 1, "2 jobs are done already, and stay so (0, 2)"),
    ("release alice --join ../shared", 2, "None has any now."),
    ("drain alice --join ../shared", 2, "no host of ../shared works as alice"),
    ("halt --join ../shared", 0, "all hosts halt"),
    ("resume --join ../shared", 0, "hosts that join now go on"),
    ("requeue --failed --join ../shared", 0, "1 to do again; all hosts have ended"),
]


def test_every_command_tells_of_the_folder_while_hosts_work_and_when_all_is_over(joiners: Joiners) -> None:
    host = joiners.host("alice").jobs(*map(gated, range(40)), machines=MACHINES)
    host.write("configs/runner.config", "[run]\norder = given\n")
    joiners.run("alice", dead="12s")
    looker = joiners.looker()
    wait_until(lambda: list(joiners.shared.glob("*/*/machines/alice/journal*")))
    wait_until(lambda: (seen := joiners.status())["done"] + seen["failed"] == 8 and len(seen["active"]) == 2)
    # What jobs printed is shipped after their records.
    wait_until(lambda: "out 0" in told(looker, "merge-logs ../shared --job 0", 0))
    for words, code, expected in WORKING:
        assert expected in told(looker, words, code), words
    plan = looker.call("plans", "../shared", "--json").json["plans"][0]["fingerprint"]
    assert "its beat in the ledger moves" in told(looker, f"plans ../shared --remove {plan} --yes", 4)
    waiting = looker.spawn("wait", "../shared")
    # It looks for what it is asked once in three beats: at a job that is to be skipped before bob's share is its own.
    beat = beats_of(joiners, "alice")
    wait_until(lambda: beats_of(joiners, "alice") >= beat + 5)
    (joiners.folder / "go").touch()
    joiners.ended("alice", code=1)
    waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    for words, code, expected in OVER:
        assert expected in told(looker, words, code), words
    assert f"removed ../shared/{plan_folder(joiners)}" in told(looker, f"plans ../shared --remove {plan} --yes", 0)
    assert not list(joiners.shared.iterdir())


def beats_of(joiners: Joiners, name: str) -> int:
    (beat,) = joiners.shared.glob(f"*/*/beats/{name}")
    found = re.search(rb'"count": (\d+)', beat.read_bytes())
    assert found
    return int(found[1])


def plan_folder(joiners: Joiners) -> str:
    return next(joiners.shared.glob("*/*/ledger.json")).parents[1].name


def test_of_several_ledgers_each_can_be_named_and_a_job_is_looked_up_in_its_own(joiners: Joiners) -> None:
    """One for each group."""
    lines = [line for group in "abc" for line in (f"#SHAREOUT GROUP {group}", *["test ! -e ../bad"] * OF_GROUPS)]
    joiners.host("alice").jobs(*lines).write("configs/runner.config", "[run]\norder = given\n")
    joiners.run("alice", "--group", "a", "-n", "2", dead="1h")
    assert "2 done" in joiners.ended("alice", code=0)
    (a,) = joiners.shared.glob("*/*/ledger.json")
    joiners.host("alice").write("../bad", "")
    joiners.run("alice", "--group", "b", dead="1h")
    joiners.ended("alice", code=1)
    (joiners.folder / "bad").unlink()
    (b,) = {*joiners.shared.glob("*/*/ledger.json")} - {a}
    looker, one, other = joiners.looker(), f"../shared/{a.parents[1].name}/{a.parent.name}", str(b.parent)
    assert "holds several ledgers" in (said := told(looker, "halt --join ../shared", 2))
    assert f"{a.parent.name} (a)" in said
    assert f"{b.parent.name} (b)" in said
    assert "has 2 runs" in told(looker, "join ../shared --yes --name x", 2)
    assert "nobody has it now" in told(looker, "explain 5 --in ../shared", 0)
    assert "it failed (1 try)" in told(looker, "explain 9 --in ../shared", 0)
    assert "it is of no group that hosts share there: a, b" in told(looker, "explain 17 --in ../shared", 0)
    missing = told(looker, "merge-results ../shared", 1)
    assert "6 of nobody now" in missing
    assert "8 of groups that nobody shares here" in missing
    assert "1 to be skipped" in told(looker, f"skip 5 --join {one}", 0)
    assert "8 to do again" in told(looker, f"requeue --failed --join {other}", 0)
    assert "7 done, 0 failed" in told(looker, f"join {one} --yes --name gast", 0)
    joiners.run("alice", "--group", "b", dead="1h")
    joiners.ended("alice", code=0)
    assert "not complete: 15 of 24 jobs are done" in told(looker, "merge-results ../shared", 1)
