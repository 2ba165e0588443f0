"""Ten million rows of each kind of pool through all that is done with them: plan, run, status, resume, merge, report.

The run is set against one of a grid right before it, start taken off: how much a row of this kind costs that a grid's
does not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import Call, once
from place import PYTHON, SHAREOUT, Place, resume_calls, run_calls
from rows.pools import FIRST_JOB, GRID, KINDS, inputs, span

NAMES = (GRID, *KINDS)
PLAN, RUN, RESUME, STATUS, MERGE, REPORT = ACTIONS = ("plan", "run", "resume", "status", "merge", "report")


@dataclass(frozen=True, slots=True)
class Passage:
    """One action, of one kind of pool."""

    kind: str
    action: str
    jobs: int
    wall_s: float
    peak_bytes: int
    in_grids: float | None = None
    """A run's: times as long as a grid's, from its first job to the end of its last."""


def passages(place: Place, kind: str) -> Iterator[Passage]:
    """Each once: most take a minute."""
    count = place.sizes.lines
    of_grid = _of_grid(place, count)
    here = inputs(place, count, kind)
    name = KINDS[kind][0] if kind in KINDS else "grid"
    words: list[str | Path] = [PYTHON, place.script("first-row.py", FIRST_JOB), *([] if name else [str(count)])]
    calls = {
        PLAN: Call(words, cwd=here),
        RUN: run_calls(here),
        RESUME: resume_calls(here),
        STATUS: Call([SHAREOUT, "status", here / "runs"], cwd=here),
        MERGE: Call([SHAREOUT, "merge-results", here / "runs", "-o", here / "all.csv", "--quiet"], cwd=here),
        REPORT: Call([SHAREOUT, "report", here / "runs", "-o", here / "report.html"], cwd=here),
    }
    for action, call in calls.items():
        ran = once(call, with_memory=True)
        fold = span(here) / of_grid if action == RUN else None
        yield Passage(kind, action, count, ran.wall_s, ran.peak_bytes, fold)
        (here / "all.csv").unlink(missing_ok=True)


def _of_grid(place: Place, count: int) -> float:
    """The peak is looked at here too: to look costs what it costs on both sides."""
    here = inputs(place, count, GRID)
    once(run_calls(here), with_memory=True)
    seconds = span(here)
    shutil.rmtree(here / "runs")
    return seconds
