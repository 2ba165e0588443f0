"""[run] audit: some jobs run on a second machine too; one that is wrong is found, and named."""

from __future__ import annotations

import shutil

import pytest

from kit.program import Machine

pytestmark = pytest.mark.module_only("audits are judged by the same code")

WRONG = (
    "import os\nfrom shareout import run\n"
    "def job(n, *, info):\n"
    "    bad = info.machine in os.environ.get('BAD', '').split()\n"
    "    if bad and 'CRASH' in os.environ: raise ValueError(n)\n"
    "    return n * n + (bad and n % 2 == 0)\n"
    "if __name__ == '__main__':\n    run(job, pool=range(120))\n"
)
THREE = '{"alice": [1, 1], "bob": [1, 1], "carol": [1, 1]}'


def farm(here: Machine, machines: str = THREE, audit: str = "20%") -> Machine:
    here.script(WRONG, machines)
    here.write("configs/runner.config", f"[run]\naudit = {audit}\n")
    for name in ("alice", "bob", "carol"):
        if name in machines:
            here.run("--quiet", machine=name, code=None)
    return here


def test_where_all_agree_the_merge_says_so(here: Machine) -> None:
    farm(here)
    told = here.call("merge-results", "-o", "all.csv")
    assert "complete: 120 of 120 jobs, each counted once" in told.out
    assert "audit: 24 jobs ran on more than one machine, to the same result" in told.out
    assert told.err == ""
    facts = here.call("status", "--json").json
    assert (facts["jobs"], facts["done"], facts["todo"]) == (120, 120, 0)
    assert facts["audits"] == {"jobs": 24, "ended": 24}
    assert "24 of 24 jobs of other machines are run again" in here.call("status").out
    here.call("wait")


def test_a_machine_that_returns_wrong_numbers_is_named(here: Machine) -> None:
    here.environ = {"BAD": "bob"}
    farm(here)
    told = here.call("merge-results", "-o", "all.csv", code=1)
    assert "bob differs from two: it disagrees with alice on " in told.err
    assert "who agree with each other on all 8 that they share" in told.err
    assert "certificate" not in told.out
    assert (here.folder / "all.csv").exists(), "the table is whole; what it is worth was told"
    facts = here.call("merge-results", "--json", code=1).json
    assert (facts["complete"], facts["certificate"]) == (True, None)
    assert facts["audit"]["alone"] == ["bob"]
    assert facts["audit"]["unsure"] == []
    assert facts["audit"]["compared"] == 24
    assert facts["audit"]["disagreed"] == len(facts["disagreements"]) > 0
    assert {tuple(one["machines"]): one["differ"] > 0 for one in facts["audit"]["pairs"]} == {
        ("alice", "bob"): True, ("alice", "carol"): False, ("bob", "carol"): True,
    }  # fmt: skip


@pytest.mark.both_ways
def test_of_two_machines_a_replay_elsewhere_tells_who_is_wrong(here: Machine) -> None:
    here.environ = {"BAD": "bob"}
    farm(here, '{"alice": [1, 1], "bob": [1, 1]}')
    told = here.call("merge-results", code=1)
    assert "alice or bob is wrong: alice and bob disagree on " in told.err
    job = told.err.partition("`replay ")[2].partition("`")[0]
    here.environ = {}
    told = here.call("replay", job, code=1)
    assert "alice recorded the same (try 1)" in told.out
    assert f"bob recorded done, result {int(job) ** 2 + 1} (try 1)" in told.out


def test_failing_at_what_another_machine_did_is_told(here: Machine) -> None:
    here.environ = {"BAD": "bob", "CRASH": "yes"}
    farm(here)
    told = here.call("merge-results", code=1)
    assert "bob failed at 16 audited jobs that another machine did" in told.err
    assert "failed: 32 " in told.err, "of bob's forty, carol did eight"


def test_what_an_audit_has_done_of_a_lost_machine_is_not_run_again(here: Machine) -> None:
    farm(here)
    shutil.rmtree(next((here.folder / "runs").glob("*/bob")))
    told = here.call("rebalance", "-o", "configs2")
    assert "32 of 120 jobs are left" in told.out
    for name in ("alice", "bob", "carol"):
        here.run("--quiet", "--configs", "configs2", machine=name)
    assert "complete: 120 of 120" in here.call("merge-results", "runs").out


def test_an_audit_is_resumed_like_everything_else(here: Machine) -> None:
    here.script(WRONG, THREE)
    here.write("configs/runner.config", "[run]\naudit = 50%\n")
    for name in ("alice", "bob", "carol"):
        for _ in range(3):
            here.run("--quiet", "-n", "24", machine=name, code=None)
    told = here.call("merge-results")
    assert "audit: 60 jobs ran on more than one machine, to the same result" in told.out
    assert "60 jobs are run by a second machine too" in here.call("plan").out
