"""`shareout.read`: what became of each job, for who reads runs in Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import shareout
from kit.program import Machine
from shareout.errors import PlanMismatch, UsageError


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    here = Machine(tmp_path / "one")
    here.jobs("echo a", "printf '\\377'", "echo no >&2; exit 3", "echo d", machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.run("--quiet", code=None)
    monkeypatch.chdir(here.folder)
    return here


def test_every_job_of_the_pool_comes_in_its_order(ran: Machine) -> None:
    partial = list(shareout.read("runs"))
    assert [one.job for one in partial] == [0, 1, 2, 3]
    assert {one.state for one in partial} > {"missing"}
    ran.run("--quiet", machine="bob", code=None)
    first, second, third, last = shareout.read()
    assert (first.state, first.result, first.inputs, first.stdout) == ("done", 0, "echo a", "a\n")
    assert second.stdout == b"\xff"
    assert (third.state, third.result, third.error, third.stderr) == ("failed", 3, "exit status 3", "no\n")
    assert {first.machine, second.machine, third.machine, last.machine} == {"alice", "bob"}
    assert first.duration is not None
    assert first.duration >= 0


def test_a_table_for_who_has_no_pandas(ran: Machine) -> None:
    ran.run("--quiet", machine="bob", code=None)
    titles, rows = shareout.read("runs").table("line,stdout", "done")
    assert titles == ["job", "line", "stdout", "stdout_base64"]
    assert [row[:3] for row in rows] == [[0, "echo a", "a"], [1, "printf '\\377'", None], [3, "echo d", "d"]]
    assert "3 of 4 jobs done, 1 failed, 0 missing" in shareout.read()._repr_html_()


def test_what_is_wrong_is_said_in_words(ran: Machine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file or folder nowhere"):
        list(shareout.read("nowhere"))
    with pytest.raises(UsageError, match='no column "lime"'):
        shareout.read().table("lime")
    other = Machine(tmp_path / "two")
    other.jobs("true")
    other.run("--quiet")
    with pytest.raises(PlanMismatch):
        list(shareout.read("runs", os.fspath(other.folder / "runs")))
