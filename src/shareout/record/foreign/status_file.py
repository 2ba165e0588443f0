"""Reads disBatch's status files, its own and ours: which task ended how.

Lines that tell of no task (barriers, PERENGINE, late answers of engines that were given up) are passed over; anything
else that is no line of such a file is refused.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from shareout.errors import InputError, Place, cannot_read
from shareout.fields import dataclass
from shareout.record.outcome import Stream

FIELDS = 15
OTHER_KINDS = "PZBCD"
EXAMPLE = "A line has fifteen fields with tabs between them, as disBatch's *_status.txt has."


class StatusFile(NamedTuple):
    """One, and what of it counts."""

    path: Path
    name: str
    """What it is called where it comes from."""
    failed_too: bool
    """A task that failed has failed here as well, and does not run again."""
    by_number: bool
    """Whatever the commands are."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line about a task."""

    place: Place
    at: int
    """Where in the file it begins."""
    task: int
    pid: int
    exit: int
    start: float
    end: float
    printed: Mapping[Stream, tuple[int, str]]
    """How many bytes, and what is left of them; only of streams that something was printed on."""
    command: str
    """Bytes that are not UTF-8 as surrogates."""


def read_status(path: Path) -> Iterator[Told]:
    """Streaming, in order of the file."""
    try:
        with path.open("rb") as file:
            at = 0
            for number, line in enumerate(file, 1):
                fields = _fields(line)
                if line.strip() and not line.startswith(b"ROE[") and not _is_of_no_task(fields[0]):
                    yield _told(fields, Place(str(path), number), at)
                at += len(line)
    except IsADirectoryError:
        raise InputError("is a directory, not a status file", where=Place(str(path))) from None
    except OSError as error:
        raise cannot_read(path, error) from error


def told_at(path: Path, at: int) -> Told:
    """The line that begins there, which was read before."""
    with path.open("rb") as file:
        file.seek(at)
        return _told(_fields(file.readline()), Place(str(path)), at)


def _fields(line: bytes) -> list[str]:
    # The command stands last, and may have tabs of its own.
    return line.decode("utf-8", "surrogateescape").removesuffix("\n").split("\t", FIELDS - 1)


def _is_of_no_task(flags: str) -> bool:
    return len(flags) >= 4 and (flags[0] in OTHER_KINDS or flags[3] in OTHER_KINDS)


def _told(fields: list[str], place: Place, at: int) -> Told:
    if len(fields) != FIELDS:
        raise InputError(f"is no line of a status file: {len(fields)} fields", where=place, way_out=EXAMPLE)
    try:
        numbers = [int(fields[at]) for at in (1, 5, 6, 10, 12)]
        start, end = float(fields[8]), float(fields[9])
        task, pid, code, *sizes = numbers
        # Nearly all tasks print nothing, and reading that as Python is a third of all the work.
        # They stand there as Python shows a text; `literal_eval` reads that, and runs nothing.
        texts = ["" if field == "''" else literal_eval(field) for field in (fields[11], fields[13])]
        if task < 0 or min(sizes) < 0 or not 0 <= start <= end < 1e11 or {*map(type, texts)} != {str}:
            raise ValueError
        command = fields[14]
        if command.startswith(("b'", 'b"')):
            # As Python shows bytes that are not UTF-8.
            command = bytes(literal_eval(command)).decode("utf-8", "surrogateescape")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise InputError("is no line of a status file: a number is none", where=place, way_out=EXAMPLE) from None
    said = zip(Stream, zip(sizes, texts, strict=True), strict=True)
    printed = {stream: (size, text) for stream, (size, text) in said if size}
    return Told(place, at, task, pid=pid, exit=code, start=start, end=end, printed=printed, command=command)
