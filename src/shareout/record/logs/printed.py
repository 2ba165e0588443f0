"""What one job printed, try by try, as pieces of text: a job may have printed more than memory holds."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.record.logs.exact import RAW
from shareout.record.logs.job_log import Said, said_by
from shareout.record.outcome import Stream
from shareout.record.reader import newest_header

STEP = 1 << 18
_STREAMS = frozenset(map(str, Stream))


@dataclass(frozen=True, slots=True)
class Printed:
    """Of one try on one machine; of all its tries there, when a log was kept for the job alone. `pieces` make the
    text together, and are to be taken before the next one is asked for."""

    machine: str
    attempt: int | None
    pieces: Iterator[str]


def printed_by(job: int, folders: Sequence[RunFolder], tell: Callable[[str], None]) -> Iterator[Printed]:
    """From the logs, without what stands before the text. A log for the job alone has it byte by byte."""
    for folder in folders:
        machine, alone = newest_header(folder).machine, folder.job_log(job)
        if alone.exists():
            yield Printed(machine, None, _of_file(alone))
            continue
        for attempt, said in groupby(said_by(folder, job, tell), lambda one: one.attempt):
            yield Printed(machine, attempt, _of_records(said))


def _of_records(said: Iterator[Said]) -> Iterator[str]:
    between = ""
    for one in said:
        if one.word == RAW:
            continue
        text = one.text.decode("utf-8", "backslashreplace")
        yield between + (text if one.word in _STREAMS else f"{one.word} {text}")
        between = "\n"


def _of_file(path: Path) -> Iterator[str]:
    """All of it but a newline at the end."""
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    held = ""
    with path.open("rb") as file:
        while data := file.read(STEP):
            text = held + decoder.decode(data)
            held = "\n" if text.endswith("\n") else ""
            yield text.removesuffix("\n")
    yield held.removesuffix("\n") + decoder.decode(b"", final=True)
