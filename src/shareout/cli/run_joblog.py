"""`run --joblog FILE`: GNU parallel's job log, a line a job as soon as it has ended.

What is recorded is in the journal; this is for who reads such files already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.errors import UsageError, cannot_write
from shareout.events import Counts, Running
from shareout.export.joblog import HEADER, joblog_line
from shareout.export.runs import Ended
from shareout.fields import replace
from shareout.linux import host_name
from shareout.pool import Pool
from shareout.record.outcome import Attempt, State

_FINAL = (State.DONE, State.FAILED)


class JobLog:
    """A Listener. The same command goes on with its file; a first run begins it anew, as there."""

    wants_every_attempt = True

    def __init__(self, path: Path, machine: str, pool: Pool, command: Callable[[int], str] | None) -> None:
        self._path, self._machine, self._pool, self._command = path, machine, pool, command
        self._host = host_name()
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"{path} is no place for a file", way_out="Name a file after --joblog, in a folder.")

    def began(self, counts: Counts) -> None:
        """With the line of titles, where it begins."""
        goes_on = bool(counts.done + counts.failed) and self._path.is_file() and self._path.stat().st_size > 0
        if not goes_on:
            self._write(HEADER.encode(), "wb")

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """One write for all that ended together."""
        lines = [joblog_line(self._ended(one)) for one in attempts if one.state in _FINAL]
        if lines:
            self._write(b"".join(lines), "ab")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Nothing has ended."""
        return

    def said(self, line: str) -> None:
        """It has no place for sentences."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """All is written."""
        return

    def _ended(self, attempt: Attempt) -> Ended:
        row = self._pool.row(attempt.job)
        if self._command is not None:
            row = replace(row, text=self._command(attempt.job))
        return Ended(row, attempt, self._machine, self._host)

    def _write(self, data: bytes, mode: str) -> None:
        try:
            with self._path.open(mode) as file:
                file.write(data)
        except OSError as error:
            raise cannot_write(self._path, error, way_out="Name another place after --joblog.") from error
