"""A merge asks of each record whether it belongs to its machine, its position and its plan, and whether two agree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.journals import rewrite
from kit.program import Machine
from shareout.record.folder import RunFolder

pytestmark = pytest.mark.module_only("what journals say is judged alike in the executable")

SQUARES = (
    "from shareout import run\ndef job(n): return {'n': n, 's': n * n}\n"
    "if __name__ == '__main__': run(job, pool=range(40))\n"
)
TWO = '{"alice": [1, 1], "bob": [1, 1]}'
Lines = list[dict[str, Any]]


def farm(here: Machine) -> Machine:
    here.script(SQUARES, TWO)
    for name in ("alice", "bob"):
        here.run("--quiet", machine=name)
    return here


def of(here: Machine, name: str, below: str = "runs") -> RunFolder:
    (found,) = (here.folder / below).glob(f"*/{name}")
    return RunFolder(found)


def of_first_plan(here: Machine, name: str) -> Path:
    """The journal of a machine's part in the plan that was rebalanced."""
    found = (here.folder / "runs").glob(f"*/{name}/journal.*.jsonl")
    return next(path for path in found if b'"ancestors":[]' in path.read_bytes())


def exchange(key: str) -> Callable[[Lines], None]:
    """Of the third and fourth line of attempts."""

    def change(lines: Lines) -> None:
        one, other = [facts for facts in lines if "job" in facts][2:4]
        one[key], other[key] = other[key], one[key]

    return change


def widen(lines: Lines) -> None:
    lines[1]["ranges"] = [[0, 30]]


def rename(lines: Lines) -> None:
    lines[0]["machine"] = "carol"


CHANGES = {"ids": exchange("job"), "positions": exchange("pos"), "ranges": widen, "name": rename}


# Where the inputs are elsewhere nothing knows the names of the plan's machines.
@pytest.mark.parametrize(
    ("change", "inputs"),
    [
        pytest.param(change, inputs, id=f"{name}, inputs {inputs}")
        for inputs in ("at hand", "elsewhere")
        for name, change in CHANGES.items()
        if (name, inputs) != ("name", "elsewhere")
    ],
)
def test_a_forged_journal_is_refused_with_its_file_and_line(
    here: Machine, change: Callable[[Lines], None], inputs: str
) -> None:
    farm(here)
    rewrite(of(here, "alice"), change)
    if inputs == "elsewhere":
        shutil.rmtree(here.folder / "configs")
        here.program = Machine(here.folder).program
    told = here.call("merge-results", "-o", "t.csv", code=4)
    journal = of(here, "alice").journals()[-1].relative_to(here.folder)
    assert f"{journal}:" in told.err or (change is widen and "said to be of alice" in told.err)
    assert "Bring that journal home anew" in told.err
    assert not (here.folder / "t.csv").exists()


def test_nothing_is_measured_by_records_that_do_not_belong(here: Machine) -> None:
    farm(here)
    rewrite(of(here, "alice"), exchange("pos"))
    journal = of(here, "alice").journals()[-1].relative_to(here.folder)
    for call in (("reweigh", "--measured", "runs", "--dry-run"), ("costs", "runs", "--dry-run")):
        assert f"{journal}:" in here.call(*call, code=4).err


def test_results_that_were_exchanged_are_told_by_the_tally(here: Machine) -> None:
    """Nothing in the journal itself speaks against them."""
    farm(here)
    rewrite(of(here, "alice"), exchange("result"))
    told = here.call("merge-results", "-o", "t.csv", code=1)
    assert ".jsonl is not what its run wrote" in told.err
    assert "certificate" not in told.out
    (changed,) = here.call("merge-results", "--json", code=1).json["changed"]
    assert "/alice/" in changed
    of(here, "alice").tally.unlink()
    assert "certificate" in here.call("merge-results").out


def test_ids_of_a_rebalanced_plan_are_checked_where_its_inputs_are(here: Machine) -> None:
    here.script(SQUARES, TWO)
    here.run("--quiet", "-n", "9", machine="alice", code=None)
    here.call("rebalance", "-o", "configs2")
    for name in ("alice", "bob"):
        here.run("--quiet", "--configs", "configs2", machine=name)
    assert "complete: 40 of 40" in here.call("merge-results", "runs", "--configs", "configs2").out
    rewrite(RunFolder(next((here.folder / "runs").glob("*/bob/journal.*.jsonl")).parent), exchange("job"))
    assert "where the plan has job" in here.call("merge-results", "runs", "--configs", "configs2", code=4).err
    rewrite(RunFolder(next((here.folder / "runs").glob("*/bob/journal.*.jsonl")).parent), exchange("job"))
    first = of_first_plan(here, "alice")
    rewrite(RunFolder(first.parent), exchange("pos"))
    told = here.call("merge-results", "runs", "--configs", "configs2", code=4)
    assert str(first.relative_to(here.folder)) in told.err, "a journal of the plan that these inputs continue"


def test_without_an_old_directory_the_merge_says_that_jobs_are_missing(here: Machine) -> None:
    here.script(SQUARES, TWO)
    here.run("--quiet", machine="alice")
    here.run("--quiet", "-n", "5", machine="bob", code=None)
    here.call("rebalance", "-o", "configs2")
    here.write("new.json", TWO)
    for name in ("alice", "bob"):
        here.run("--quiet", "--configs", "configs2", machine=name, code=None)
    old = of_first_plan(here, "bob")
    shutil.rmtree(old.parent)
    for configs in ("configs2", "configs"):
        told = here.call("merge-results", "runs", "--configs", configs, code=1)
        assert "missing: 5 " in told.err
    told = here.call("status", "runs", "--configs", "configs2")
    assert "5 jobs that an earlier plan settled are in no directory here" in told.err + told.out
    assert here.call("status", "runs", "--json", "--configs", "configs2").json["earlier_absent"] == 5


def second_host(here: Machine) -> Path:
    """The same machine's name on another host, whose results differ."""
    other = here.folder / "other"
    shutil.copytree(here.folder / "runs", other)
    return other


def test_two_records_that_disagree_are_told_with_their_files_and_exit_code_1(here: Machine) -> None:
    farm(here)
    second_host(here)

    def change(lines: Lines) -> None:
        facts = [facts for facts in lines if "job" in facts][2]
        facts["result"] = {"n": 1, "s": "x" * 500}
        facts["end"] += 5

    rewrite(of(here, "alice", "other"), change)
    told = here.call("merge-results", "runs", "other", "-o", "t.csv", code=1)
    assert "disagree: alice says {" in told.err
    assert "runs/" in told.err
    assert "other/" in told.err
    assert max(map(len, told.err.splitlines())) < 700
    assert "certificate" not in told.out
    facts = here.call("merge-results", "runs", "other", "--json", code=1).json
    assert facts["disagreed"] == 1
    assert len({one["journal"] for one in facts["disagreements"][0]["results"]}) == 2


def test_equal_results_in_another_order_of_keys_are_no_disagreement(here: Machine) -> None:
    farm(here)
    second_host(here)

    def change(lines: Lines) -> None:
        for facts in lines:
            if "job" in facts:
                facts["result"] = dict(reversed(facts["result"].items()))

    rewrite(of(here, "alice", "other"), change)
    of(here, "alice", "other").tally.unlink()
    told = here.call("merge-results", "runs", "other", "-o", "t.csv")
    assert "complete: 40 of 40" in told.out
    assert "disagree" not in told.err


def test_a_command_that_failed_in_one_copy_and_not_in_the_other_is_a_disagreement(here: Machine) -> None:
    here.jobs("true", "test ! -e bad", "true")
    here.run("--quiet")
    second_host(here)
    shutil.rmtree(here.folder / "runs")
    here.write("bad", "")
    here.run("--quiet", code=1)
    told = here.call("merge-results", "runs", "other", code=1)
    assert "records of job 1 disagree: alice says 0 (other/" in told.err
    assert "alice says failed: " in told.err


def test_a_retry_is_no_disagreement(here: Machine) -> None:
    here.jobs("true", "test -e good")
    here.run("--quiet", code=1)
    here.write("good", "")
    here.run("--quiet", "--retry-failed")
    assert "disagree" not in here.call("merge-results").err
