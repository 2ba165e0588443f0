"""The measuring program itself: no time is asserted here, only that what was measured is told, and all of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import figures
from measure import Aspect, Call, Failed, Row, measure, once
from results import Findings, table, told

MACHINE = {"cpu": "a cpu", "cores": 2, "kernel": "6.1", "python": "3.11", "date": "2026-11-24"}


def toy(count: int, *, rounds: int = 2) -> Row:
    """Ours writes `count` lines in a child of its own; the peer does nothing."""
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, {count})'], check=True)"
    memory = Aspect("memory of a toy", "MB", lambda run: run.peak_bytes / 1e6, 10_000)
    return Row("a toy", "nothing", Call([sys.executable, "-c", child]), Call(["true"]), 1e6, rounds, [memory])


def test_each_side_runs_as_often_as_was_asked_and_a_missed_promise_is_told() -> None:
    result = measure(toy(3))
    ratio, memory = told(result)
    assert len(ratio.values) == len(ratio.ours_s) == len(ratio.theirs_s) == 2
    assert not ratio.holds
    assert memory.holds
    assert memory.values[0] > 0
    written = table(Findings(MACHINE, {"nothing": "1"}, [ratio, memory]))
    assert "| a toy | nothing |" in written
    assert "(short)" in written
    assert "a cpu, 2 cores" in written
    assert "a toy | nothing" in figures.ratios([ratio, memory])


def test_the_time_of_children_counts(tmp_path: Path) -> None:
    busy = tmp_path / "busy.py"
    busy.write_text("sum(i * i for i in range(2_000_000))\n")
    parent = f"import subprocess, sys; subprocess.run([sys.executable, {str(busy)!r}], check=True)"
    run = once(Call([sys.executable, "-c", parent]))
    assert run.cpu_s > run.own_cpu_s


def test_a_peer_that_fails_is_not_measured() -> None:
    failing = Call([sys.executable, "-c", "import sys; sys.exit('no such thing')"])
    with pytest.raises(Failed, match=r"ended with 1 .*no such thing"):
        once(failing)
