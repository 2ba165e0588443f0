"""The tasks of disBatch's status files, which are taken over as they ended there: all at once where a machine runs
alone; where hosts share their work, by whoever would begin one, who records how it ended instead."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from shareout.errors import InputError, raise_all
from shareout.plan.plan import Plan
from shareout.record.foreign.outcome import Earlier
from shareout.record.foreign.status_file import StatusFile, Told, read_status, told_at
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Attempt

MOST_MISTAKES = 50
DONE, FAILED = 1, 2
WAY_OUT = "Use the task file that it was written for; --force-resume goes by the numbers alone."
FILES = 20
"""Bits for the number of a file."""


def of_status_files(paths: Sequence[Path], plan: Plan, *, failed_too: bool, force: bool) -> Iterator[Earlier]:
    """The tasks of these files, each once: one that is done counts before any failure, of failures the last. Refused
    when a command is another one here, unless forced; without `failed_too` failures are not looked at."""
    numbers = _Numbers(plan)
    seen = _outcomes(paths, numbers, failed_too=failed_too, force=force)
    # The files are read twice, for outputs are long: which of a task's failures is its last is known only at the end.
    failures: dict[int, Earlier] = {}
    for told in _all(paths, failed_too=failed_too):
        state = seen.get(told.task)
        if state == DONE and not told.exit:
            del seen[told.task]
            yield _earlier(numbers.job(told.task), told)
        elif state == FAILED:
            failures[told.task] = _earlier(numbers.job(told.task), told)
    yield from failures.values()


def check_status_files(paths: Sequence[Path], plan: Plan, *, failed_too: bool, force: bool) -> None:
    """Refused where one of them tells of another list."""
    _outcomes(paths, _Numbers(plan), failed_too=failed_too, force=force)


def _outcomes(paths: Sequence[Path], numbers: _Numbers, *, failed_too: bool, force: bool) -> dict[int, int]:
    """What each task came to, by their numbers there."""
    seen: dict[int, int] = {}
    mistakes: list[InputError] = []
    for told in _all(paths, failed_too=failed_too):
        what = numbers.mistake(told, by_number=force)
        if what is None:
            seen[told.task] = FAILED if told.exit and seen.get(told.task) != DONE else DONE
        elif not force and len(mistakes) < MOST_MISTAKES:
            mistakes.append(InputError(what, where=told.place, way_out=WAY_OUT))
    raise_all(mistakes)
    return seen


def _all(paths: Sequence[Path], *, failed_too: bool) -> Iterator[Told]:
    for path in paths:
        yield from (told for told in read_status(path) if failed_too or not told.exit)


def _earlier(job: int, told: Told, origin: str = "") -> Earlier:
    """As it is taken over; `origin`: what the file is called, where it has another name here."""
    return Earlier(
        job,
        told.exit,
        start=told.start,
        end=told.end,
        origin=origin or Path(told.place.path).name,
        pid=told.pid,
        printed=told.printed,
    )


class _Numbers:
    """Tasks as disBatch numbers them, its barriers among them, and our ids."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._barriers = [barrier.task for barrier in plan.pool.barriers]

    def job(self, task: int) -> int:
        """The id of a task that is no barrier."""
        return task - bisect_left(self._barriers, task)

    def mistake(self, told: Told, *, by_number: bool) -> str | None:
        """Why a line is not about a job of these inputs, in words; None when it is."""
        at = bisect_left(self._barriers, told.task)
        if told.task - at >= self._plan.total or told.task in self._barriers[at : at + 1]:
            return f"there is no task {told.task} in these inputs"
        command = self._plan.pool.command(self.job(told.task))
        if by_number or command.replace("\n", "\\n") == told.command:
            return None
        return f"task {told.task} is another command here: {command}"


class EndedThere:
    """Of each job where it stands, in sixteen bytes; the line is read when it is its turn."""

    def __init__(self, files: Sequence[StatusFile], plan: Plan, log: LogWriter) -> None:
        self._files, self._plan, self._log = files, plan, log
        self._numbers = _Numbers(plan)
        found = self._found()
        self._jobs = array("q", sorted(found))
        self._where = array("q", map(found.__getitem__, self._jobs))

    def _found(self) -> dict[int, int]:
        """One that is done counts before any failure, of failures the last."""
        found: dict[int, int] = {}
        done: set[int] = set()
        for number, file in enumerate(self._files):
            for told in read_status(file.path):
                if told.exit and not file.failed_too:
                    continue
                if self._numbers.mistake(told, by_number=file.by_number) is not None:
                    continue
                job = self._numbers.job(told.task)
                if job not in done:
                    found[job] = told.at << FILES | number
                if not told.exit:
                    done.add(job)
        return found

    def __call__(self, positions: Sequence[int]) -> list[Attempt]:
        """Records of those of them that have ended."""
        found: list[Attempt] = []
        for position in positions:
            job = self._plan.job_at(position)
            at = bisect_left(self._jobs, job)
            if self._jobs[at : at + 1] == array("q", [job]):
                found.append(self._taken(job, position, self._where[at]))
        return found

    def _taken(self, job: int, position: int, where: int) -> Attempt:
        file = self._files[where & ((1 << FILES) - 1)]
        earlier = _earlier(job, told_at(Path(file.path), where >> FILES), file.name)
        for stream, (_, text) in earlier.printed.items():
            self._log.record(text, level=stream, job=job, attempt=1)
        return earlier.attempt(position)
