"""Paths that a user types and that cannot be what they should: an error with what to do, never a bug of ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kit.program import Machine

BUG = 70
# All calls in one process: what is looked at happens before anything runs.
DRIVER = """
import contextlib, io, json, sys
from shareout.cli import main
found = []
for words in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        try:
            code = main(words)
        except SystemExit as error:
            code = error.code
    found.append((words, code, said.getvalue()))
print(json.dumps(found))
"""
READS = [
    ["plan", "--configs", "PLACE"],
    ["plan", "--pool", "PLACE"],
    ["plan", "--compare", "PLACE"],
    ["run", "--machine", "alice", "--yes", "PLACE"],
    ["status", "PLACE"],
    ["status", "--runs", "PLACE"],
    ["wait", "PLACE"],
    ["list", "PLACE"],
    ["show", "0", "--in", "PLACE"],
    ["requeue", "0", "--in", "PLACE"],
    ["replay", "0", "--in", "PLACE"],
    ["explain", "0", "--configs", "PLACE"],
    ["skip", "1", "--configs", "PLACE"],
    ["merge-results", "PLACE"],
    ["merge-logs", "PLACE"],
    ["report", "PLACE", "-o", "report.html"],
    ["export", "PLACE", "--format", "runmaker"],
    ["rebalance", "PLACE", "-o", "rest"],
    ["rebalance", "-o", "rest2", "--machines", "PLACE"],
]
WRITES = [
    ["run", "--machine", "alice", "--yes", "--runs", "PLACE"],
    ["skip", "1", "--runs", "PLACE"],
    ["merge-results", "--partial", "-o", "PLACE.csv"],
    ["merge-results", "--partial", "-o", "PLACE.jsonl"],
    ["merge-results", "--partial", "-o", "PLACE.sqlite"],
    ["merge-results", "--failed", "-o", "PLACE.csv"],
    ["merge-results", "--partial", "-o", "PLACE_status.txt"],
    ["merge-logs", "-o", "PLACE.log"],
    ["merge-logs", "-o", "PLACE.log.gz"],
    ["report", "-o", "PLACE.html"],
    ["export", "--format", "runmaker", "-o", "PLACE"],
    ["rebalance", "-o", "PLACE"],
    ["init", "--configs", "PLACE"],
]
NOWHERE = ["no/such/place", "file/below", "name" * 100, "/proc/nothing/here", "loop/x", "folder", "file", "/dev/null/x"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A folder in which two of three jobs have run."""
    here = Machine(tmp_path_factory.mktemp("wrong") / "pl ace")
    here.jobs("echo one", "false", "echo three")
    here.run("-n", "2", code=None)
    here.write("file", "something\n")
    (here.folder / "folder" / "inner").mkdir(parents=True)
    (here.folder / "loop").symlink_to("loop")
    return here


@pytest.mark.parametrize("where", NOWHERE)
def test_a_wrong_path_is_told_with_its_name_and_is_never_a_bug(place: Machine, where: str) -> None:
    calls = [[word.replace("PLACE", where) for word in words] for words in [*READS, *WRITES]]
    # What is there may well be run; that is not what is looked at here.
    calls = [words for words in calls if words[0] != "run" or where not in ("folder", "file")]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=place.folder,
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
    )
    for words, code, said in json.loads(done.stdout):
        assert code != BUG, (words, said)
        assert code in (0, 1, 2, 4), (words, said)
        assert code < 2 or (said.startswith("shareout: ") and where.split("/")[0] in said), (words, said)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "sqlite"])
def test_a_table_for_a_folder_that_is_missing_is_refused_before_any_work(here: Machine, ending: str) -> None:
    here.jobs("echo one").run()
    said = here.call("merge-results", "-o", f"nodir/x.{ending}", code=2).err
    assert f"there is no folder nodir to write x.{ending} into" in said
    assert "Make it first." in said


def test_rebalance_blames_the_machines_file_that_was_typed(here: Machine) -> None:
    here.jobs("echo one", "echo two").run("-n", "1", code=None)
    here.write("new.json", '{"bob": [1, -2]}')
    assert "new.json:1:" in here.call("rebalance", "-o", "rest", "--machines", "new.json", code=2).err
    assert (
        "nofile.json: cannot be read" in here.call("rebalance", "-o", "rest", "--machines", "nofile.json", code=2).err
    )


def test_rebalance_says_that_failed_jobs_stay_unless_they_are_asked_for(here: Machine) -> None:
    here.jobs("echo one", "false").run(code=1)
    said = here.call("rebalance", "-o", "rest").err
    assert "1 jobs have failed, and stay so; --failed gives them away as well" in said
    assert "nothing is left to do" in said
