"""status, wait, list, show, explain, requeue, skip: on a live run, on what was brought home, and on nothing."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until

TWO = '{"alice": [1, 2], "bob": [1, 1]}'
GATE = "touch begun-$SHAREOUT_JOB; while [ ! -e go ]; do sleep 0.01; done"


@pytest.fixture
def mixed(here: Machine) -> Machine:
    """Alice has run her share of thirty jobs, one in ten of which fails; Bob has not begun."""
    lines = [f"echo out-{number}; exit {3 * (number % 10 == 9)}" for number in range(30)]
    here.jobs("#SHAREOUT GROUP even", *lines[:15], "#SHAREOUT GROUP odd", *lines[15:], machines=TWO)
    here.run("--quiet", code=None)
    return here


def states(here: Machine, *words: str) -> dict[int, str]:
    return {one["job"]: one["state"] for one in json.loads(here.call("list", "--json", *words).out)}


def test_status_counts_machines_groups_and_those_that_left_nothing(mixed: Machine) -> None:
    facts = mixed.call("status", "--json", "--by", "group").json
    assert (facts["jobs"], facts["done"] + facts["failed"], facts["todo"]) == (30, 20, 10)
    assert facts["absent"] == {"bob": 10}
    assert facts["machines"]["alice"]["todo"] == 0
    assert not facts["live"]
    assert {name: one["jobs"] for name, one in facts["groups"].items()} == {"even": 15, "odd": 15}
    assert sum(one["todo"] for one in facts["groups"].values()) == 10
    low, share, high = (facts["failure_rate"][key] for key in ("low", "share", "high"))
    assert 0 <= low <= share <= high <= 1
    text = mixed.call("status").out
    assert "10 to do  of 30" in text
    assert "no run directory here of bob (10 jobs)" in text
    assert "random sample" in text


def test_a_live_run_tells_what_runs_its_rate_and_when_it_ends(here: Machine) -> None:
    here.jobs(*["true"] * 40, GATE, GATE)
    process = here.start("--quiet", "-j", "3")
    wait_until(lambda: len(list(here.folder.glob("begun-*"))) == 2 and len(here.records()) == 40)

    def seen() -> Any:
        facts = here.call("status", "--json").json
        return facts if facts["running"] == 2 else None

    facts = wait_until(seen)
    assert facts["live"]
    assert (facts["done"], facts["todo"]) == (40, 2)
    assert facts["rate"] > 0
    assert facts["eta_low"] <= facts["eta"] <= facts["eta_high"]
    assert {one["job"] for one in facts["active"]} == {40, 41}
    shown = here.call("status", "--active").out
    assert "touch begun" in shown
    assert states(here, "--state", "r") == {40: "r", 41: "r"}
    assert "it runs now, on alice" in here.call("explain", "40").out
    (here.folder / "go").touch()
    last = here.call("wait", "--progress").err.splitlines()[-1]
    assert last == "progress:  42 of  42 jobs processed, 0 errors [================]"
    process.communicate()


def test_a_run_that_was_killed_is_told_as_not_running(here: Machine) -> None:
    here.jobs(GATE)
    process = here.start("--quiet")
    wait_until((here.folder / "begun-0").exists)
    process.kill()
    process.communicate()
    facts = here.call("status", "--json").json
    assert not facts["live"]
    assert facts["running"] == 0
    assert facts["eta"] is None
    here.call("wait", code=3)
    assert "alice is not running; 1 of its jobs are to do" in here.call("explain", "0").out


def test_wait_ends_as_the_run_ended(mixed: Machine, here: Machine) -> None:
    told = mixed.call("wait", code=1)
    assert "only alice was waited for" in told.err
    whole = Machine(here.folder / "whole").jobs("true")
    whole.run()
    whole.call("wait")


def test_watch_goes_on_until_the_run_is_over(here: Machine) -> None:
    here.jobs(GATE)
    process = here.start("--quiet")
    wait_until((here.folder / "begun-0").exists)
    terminal = Terminal(here, "status", "--watch", "100ms")
    terminal.wait_for("0.0%")
    (here.folder / "go").touch()
    terminal.wait_for("100.0%")
    assert terminal.end() == 0
    process.communicate()


def test_list_is_a_line_a_job_that_other_tools_read(mixed: Machine) -> None:
    rows = list(csv.DictReader(io.StringIO(mixed.call("list", "--format", "tsv").out), delimiter="\t"))
    assert [int(row["job"]) for row in rows] == list(range(30))
    by_state = {state: [int(row["job"]) for row in rows if row["state"] == state] for state in ".d!"}
    assert len(by_state["."]) == 10
    assert all(job % 10 == 9 for job in by_state["!"])
    assert all(row["exit"] == "3" and float(row["seconds"]) > 0 for row in rows if row["state"] == "!")
    assert rows[4]["text"] == "echo out-4; exit 0"
    done = mixed.call("list", "--state", "d", "--format", "line").out.splitlines()
    assert done == [rows[job]["text"] for job in by_state["d"]]
    for line in mixed.call("list", "--format", "dkvp").out.splitlines():
        assert [part.partition("=")[0] for part in line.split(",")][:6] == [
            "state", "job", "machine", "attempt", "exit", "seconds",
        ]  # fmt: skip
    assert '"x" is no state' in mixed.call("list", "--state", "x", code=2).err


def test_a_reader_that_leaves_early_is_no_error(mixed: Machine) -> None:
    call = " ".join(f"'{word}'" for word in mixed.program)
    done = subprocess.run(
        ["sh", "-c", f"{call} list | head -1"], cwd=mixed.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_show_tells_outcome_and_output_of_a_job(mixed: Machine) -> None:
    failed = next(job for job, state in states(mixed).items() if state == "!")
    facts = mixed.call("show", str(failed), "--json").json[0]
    assert facts["attempts"][0]["exit"] == 3
    assert facts["output"].splitlines()[0] == f"out-{failed}"
    text = mixed.call("show", str(failed)).out
    assert "try 1 on alice: failed, exit status 3" in text
    assert f"    out-{failed}" in text
    assert 'there is no job "99"' in mixed.call("show", "99", code=2).err


def test_a_failed_job_shows_its_traceback(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def job(n):\n    print('so far')\n    raise ValueError(f'wrong {n}')\n"
        "if __name__ == '__main__':\n    run(job, pool=range(1))\n"
    )
    here.run(code=1)
    text = here.call("show", "0").out
    assert "so far" in text
    assert "ValueError: wrong 0" in text
    assert "in job" in text


def test_explain_tells_whose_a_job_is_and_why_it_does_not_run(mixed: Machine) -> None:
    of = states(mixed)
    new, done, failed = (next(job for job, state in of.items() if state == letter) for letter in ".d!")
    assert mixed.call("explain", str(new), "--json").json["machine"] == "bob"
    assert "no run directory of bob is here" in mixed.call("explain", str(new)).out
    assert "it is done, by alice" in mixed.call("explain", str(done)).out
    facts = mixed.call("explain", str(failed), "--json").json
    assert facts["state"] == "failed"
    ids = mixed.call("plan", "--machine", "alice", "--ids").out.split()
    assert ids[facts["order"] - 1] == str(failed)


def test_what_is_requeued_runs_again_and_what_is_skipped_never(mixed: Machine) -> None:
    of = states(mixed)
    new, failed = (next(job for job, state in of.items() if state == letter) for letter in ".!")
    count = sum(state == "!" for state in of.values())
    assert f"{count} to do again" in mixed.call("requeue", "--failed").out
    assert set(states(mixed).values()) == {".", "d"}
    mixed.call("skip", str(new), str(failed))
    mixed.run("--quiet", code=None)
    mixed.run("--quiet", machine="bob", code=None)
    assert {job for job, state in states(mixed).items() if state == "s"} == {new, failed}
    mixed.call("requeue", str(new))
    assert states(mixed)[new] == "."
    told = mixed.call("requeue", "--all")
    assert told.out.startswith("29 to do again")
    assert set(states(mixed).values()) == {"."}


def test_a_merge_is_complete_when_the_rest_is_skipped(here: Machine) -> None:
    here.jobs("true", "false", "true")
    here.run(code=1)
    assert "failed: 1 (1)" in here.call("merge-results", code=1).err
    here.call("requeue", "1")
    here.call("skip", "1")
    told = here.call("merge-results", "-o", "all.csv")
    assert "complete: 2 of 3 jobs, each counted once, 1 skipped" in told.out


def test_nothing_is_changed_under_a_run_that_goes_on(here: Machine) -> None:
    here.jobs(GATE)
    process = here.start("--quiet")
    wait_until((here.folder / "begun-0").exists)
    for words in (["requeue", "--all"], ["skip", "0"]):
        assert "is in use by process" in here.call(*words, code=4).err
    (here.folder / "go").touch()
    process.communicate()


def test_what_was_brought_home_tells_the_same(mixed: Machine, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "home.tar", "w") as archive:
        archive.add(mixed.folder / "runs", "runs")
    elsewhere = Machine(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    # There the inputs are not.
    (mixed.folder / "configs").rename(mixed.folder / "gone")
    facts = elsewhere.call("status", "--json", str(tmp_path / "home.tar")).json
    assert facts["done"] == mixed.call("status", "--json").json["done"]
    assert facts["absent"] == {}
    rows = elsewhere.call("list", str(tmp_path / "home.tar"), "--format", "tsv").out.splitlines()
    assert len(rows) == 31
    assert "cannot be changed" in elsewhere.call("requeue", "--all", "--in", str(tmp_path / "home.tar"), code=2).err


def test_where_nothing_has_run_every_command_says_so(here: Machine) -> None:
    here.jobs("true")
    for words in (["status"], ["wait"], ["list"], ["show", "0"], ["requeue", "--all"]):
        assert "nothing has run here yet" in here.call(*words, code=2).err
    assert "it has not begun" in here.call("explain", "0").out
