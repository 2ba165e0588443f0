"""The last run of a directory, by the end of its journal: when jobs ended, and how it ended itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, Line, Session, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Incarnation, incarnations_of

# Some thousand lines: enough for a rate, however long the journal has become.
TAIL_BYTES = 256 << 10


class LastEnds:
    """Of one run directory, looked at again and again: what stood there at the last look is not taken apart again."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._known: dict[bytes, tuple[float, int] | None] = {}
        self._told: tuple[list[tuple[float, int]], float | None] = [], None
        self._seen: tuple[Path, int, int] | None = None
        """Of the journal that it was told from: its size, and when it was written."""

    def look(self) -> tuple[list[tuple[float, int]], float | None]:
        """When the last jobs of the present run ended, in order, and which they were; and when it began, if these are
        all that ended in it."""
        run = _last_run(self._folder)
        if run is None:
            return [], None
        about = run.path.stat()
        seen = run.path, about.st_size, about.st_mtime_ns
        if seen == self._seen:
            return self._told
        lines, is_all = _tail(run)
        before = self._known
        self._known = {line: before[line] if line in before else _end(line) for line in lines}
        ends = [end for end in self._known.values() if end]
        self._seen, self._told = seen, (sorted(ends), run.header.start.time if is_all else None)
        return self._told


def last_session(folder: RunFolder) -> Session | None:
    """How the last run ended, or that it began and no more is known of it; what was taken over or amended is no run."""
    run = _last_run(folder)
    if run is None:
        return None
    found = run.header.start
    for record in _records(_tail(run)[0]):
        if isinstance(record, Session):
            found = record
    return found


def has_ended(one: Incarnation) -> bool:
    """Whether a start has said how it ended."""
    return any(isinstance(last, Session) for last in _records(_tail(one)[0][-1:]))


def _last_run(folder: RunFolder) -> Incarnation | None:
    return next((one for one in reversed(incarnations_of(folder)) if not one.header.start.reason), None)


def _end(line: bytes) -> tuple[float, int] | None:
    for record in _records([line]):
        if isinstance(record, Attempt) and record.state in (State.DONE, State.FAILED):
            return record.end, record.job
    return None


def _records(lines: Sequence[bytes]) -> Iterator[Line]:
    """What they say. Damage is told by who reads all."""
    for line in lines:
        try:
            yield parse(line)
        except BadLine:
            continue


def _tail(one: Incarnation) -> tuple[list[bytes], bool]:
    """The whole lines at the end of a journal, and whether these are all behind the header."""
    with one.path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(one.begin, size - TAIL_BYTES)
        file.seek(start)
        lines = file.read(TAIL_BYTES).split(b"\n")[:-1]
    return (lines, True) if start == one.begin else (lines[1:], False)
