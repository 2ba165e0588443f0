"""A program whose standard streams are closed, full or left: it runs what it is to run, and its exit code tells.

More of it, on the module alone: tests/world/test_streams.py.
"""

from __future__ import annotations

import os
import stat

import pytest

from kit.program import Machine
from kit.shell import in_shell


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_with_closed_descriptors_runs_and_mixes_nothing_into_its_files(here: Machine, closed: str) -> None:
    here.jobs("echo to out; echo to err >&2", "exit 3")
    assert in_shell(here, "run --machine alice --yes", closed).code == 1
    assert {facts["job"]: facts["state"] for facts in here.records()} == {0: "done", 1: "failed"}
    assert here.log().count("to out\n") == here.log().count("to err\n") == 1
    for path in here.run_folder.glob("journal*.jsonl"):
        assert b"event=" not in path.read_bytes()


def test_what_was_asked_for_and_cannot_be_written_is_74(here: Machine) -> None:
    here.jobs("echo one").run("-q")
    os.mknod(here.folder / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    for words in ("list", "--version"):
        closed = in_shell(here, words, ">&-")
        assert (closed.code, "standard output cannot be written: it is closed" in closed.err) == (74, True)
        full = in_shell(here, words, "> full")
        assert (full.code, "No space left on device" in full.err) == (74, True)
        assert in_shell(here, words, "<&- >&- 2>&-").code == 74
        assert in_shell(here, words, "2> full").code == 0


def test_quiet_tells_that_jobs_failed_and_nothing_where_nothing_is_wrong(here: Machine) -> None:
    assert here.jobs("true").run("-q").err == ""
    assert "1 failed" in here.jobs("exit 1").run("-q", code=1).err
