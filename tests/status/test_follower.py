"""Looking at a run directory: only what is new is read, and a long journal without a tally gets one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.journals import JOBS, attempt, header, last_journal, run_folder
from shareout.record.journal import attempt_line
from shareout.record.tallies import tally
from shareout.status import machine
from shareout.status.machine import Follower


def test_a_long_journal_without_a_tally_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_folder(tmp_path / "alice", [attempt(position) for position in range(5)])
    folder.tally.unlink(missing_ok=True)
    assert Follower(folder).look().done == 5
    assert not folder.tally.exists(), "a short one is read as quickly"
    monkeypatch.setattr(machine, "WORTH_KEEPING_S", -1.0)
    assert Follower(folder).look().done == 5
    assert folder.tally.exists()
    monkeypatch.setattr(tally.Tally, "catch_up", lambda *_: None)
    assert Follower(folder).look().done == 5, "the next look reads nothing"


def test_what_an_audit_runs_is_counted_apart(tmp_path: Path) -> None:
    made_for = header(ranges=((0, 10),))
    done = [attempt(position) for position in (0, 1, 12)]
    folder = run_folder(tmp_path / "alice", done, replace(made_for, audit=((12, 15),)))
    seen = Follower(folder).look()
    assert (seen.jobs, seen.done, seen.todo) == (10, 2, 8)
    assert (seen.audits, seen.audited, seen.left) == (3, 1, 10)


def test_a_second_look_reads_what_is_new(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "alice", [attempt(position) for position in range(5)])
    follower = Follower(folder)
    assert follower.look().done == 5
    with last_journal(folder).open("ab") as file:
        file.writelines(attempt_line(attempt(position)) for position in range(5, JOBS))
    (part,) = follower.tally.parts.values()
    before = part.offset
    assert follower.look().done == JOBS
    assert part.offset == last_journal(folder).stat().st_size > before
