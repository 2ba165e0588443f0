"""How time and memory grow with the number of jobs, from a thousand to ten million: one action after the other.

For each size: the plan of a file of lines, a run (commands, Python jobs), the same run again when all is done,
status, merge and report. Each is run a few times; the median counts, and the largest memory that was seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from measure import Call, Run, once
from place import PYTHON, SHAREOUT, Place, resume_calls, run_calls, run_commands
from rows.commands import SHORT
from rows.planning import FIRST_JOB, write_lines

PLAN, COMMANDS, CALLS, RESUME, STATUS, MERGE, REPORT = (
    "plan of lines", "run of commands", "run of Python jobs", "resume", "status", "merge", "report",
)  # fmt: skip
FEW_FROM = {COMMANDS: 100_000, **dict.fromkeys((PLAN, CALLS, RESUME, STATUS, MERGE, REPORT), 10_000_000)}
ACTIONS = (COMMANDS, CALLS, MERGE, REPORT, RESUME, STATUS, PLAN)


@dataclass(frozen=True, slots=True)
class Point:
    """One action at one size."""

    action: str
    jobs: int
    wall_s: tuple[float, ...]
    peak_bytes: int

    @property
    def seconds(self) -> float:
        return median(self.wall_s)


def points(place: Place, jobs: int, failed: Callable[[str, Exception], None]) -> Iterator[Point]:
    """Of one size; an action that fails is told and left out."""
    for action, call in _calls(place, jobs):
        # Twice is enough where one takes a minute.
        rounds = 2 if jobs >= FEW_FROM[action] else place.sizes.rounds
        try:
            yield _point(action, jobs, [once(call, with_memory=True) for _ in range(rounds)])
        except Exception as error:  # noqa: BLE001
            failed(f"{action} of {jobs} jobs", error)


def _calls(place: Place, jobs: int) -> Iterator[tuple[str, Call]]:
    lines = place.inputs(f"grown-lines-{jobs}", {"jobs.txt": ""})
    write_lines(lines / "configs" / "jobs.txt", jobs)
    yield PLAN, Call([PYTHON, place.script("first-job.py", FIRST_JOB)], cwd=lines)
    shutil.rmtree(lines)
    if jobs in place.sizes.growth_of_commands:
        yield COMMANDS, run_commands(place.commands(SHORT, jobs))
    here = place.calls(jobs)
    yield CALLS, run_calls(here)
    yield RESUME, resume_calls(here)
    yield STATUS, Call([SHAREOUT, "status", here / "runs"], cwd=here)
    yield MERGE, Call([SHAREOUT, "merge-results", here / "runs", "-o", here / "all.csv", "--quiet"], cwd=here)
    (here / "all.csv").unlink(missing_ok=True)
    yield REPORT, Call([SHAREOUT, "report", here / "runs", "-o", here / "report.html"], cwd=here)


def _point(action: str, jobs: int, runs: list[Run]) -> Point:
    return Point(action, jobs, tuple(run.wall_s for run in runs), max(run.peak_bytes for run in runs))
