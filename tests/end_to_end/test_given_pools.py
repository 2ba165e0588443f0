"""A pool that a call gives by itself: what is asked of machines.json, and what later commands know of it."""

from __future__ import annotations

import pytest

from kit.program import Machine

CODE = """from shareout import run
def square(n): return n * n
if __name__ == "__main__":
    run(square, pool=range(6))
"""


@pytest.mark.parametrize("words", [["tasks"], ["-"], ["--pool", "tasks"]])
def test_every_command_knows_the_jobs_of_a_pool_that_was_named(here: Machine, words: list[str]) -> None:
    tasks = here.write("tasks", "#SHAREOUT GROUP one\necho a\n#SHAREOUT GROUP two\nfalse b\necho c\n")
    here.call("run", *words, "--quiet", stdin=tasks.read_bytes(), code=1)
    assert "echo a" in here.call("list").out
    assert here.call("show", "1").out.startswith("job 1: false b\n")
    explained = here.call("explain", "1").out
    assert explained.startswith("job 1: false b\n")
    assert "it failed" in explained
    assert "two" in here.call("status", "--by", "group").out
    here.call("requeue", "1")
    assert "1 skipped" in here.call("skip", "1").out
    assert "complete: 2 of 3 jobs" in here.call("merge-results").out
    assert "recorded the same" in here.call("replay", "0").out
    here.call("report", "-o", "report.html")


def test_plan_takes_what_run_takes(here: Machine) -> None:
    here.write("tasks", "true\nfalse\n")
    planned = here.call("plan", "tasks", "--json").json
    told = here.call("run", "tasks", "--json", "--expect", planned["fingerprint"], code=1).json
    assert planned["digest"] == told["digest"]
    assert here.call("plan", "--pool", "tasks", "--json").json == planned


def test_a_pool_from_code_needs_no_machines_json_when_this_host_runs_all(here: Machine) -> None:
    here.script(CODE)
    (here.folder / "configs" / "machines.json").unlink()
    # A folder that was forgotten must not make every machine run everything.
    assert "--machine all needs none" in here.call("run", code=2).err
    assert "--machine all needs none" in here.run(code=2).err
    here.run(machine="all")
    assert sorted(facts["result"] for facts in here.records()) == [0, 1, 4, 9, 16, 25]
    assert "it is done" in here.call("explain", "3").out
    assert "complete: 6 of 6" in here.call("merge-results").out
    (here.folder / "configs").rmdir()
    assert here.call("plan", "--machine", "all", "--ids").out.split() != []


def test_without_a_pool_the_ways_to_give_one_are_named(here: Machine) -> None:
    here.script(CODE.replace(", pool=range(6)", ""))
    assert "run(job, pool=…)" in here.run(code=2).err


def test_without_a_terminal_the_machines_are_named_and_where_they_come_from(here: Machine) -> None:
    here.jobs("true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    told = here.call("run", "-", stdin=b"true\n", code=2).err
    assert "configs/machines.json names alice, bob" in told
    assert "--machine NAME --yes (all: this host runs every job)" in told
