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
    on_error: bool = False
    """Whether it is what came on standard error, where the streams are told apart."""


def printed_by(
    job: int, folders: Sequence[RunFolder], tell: Callable[[str], None], *, apart: bool = False
) -> Iterator[Printed]:
    """From the logs, without what stands before the text. A log for the job alone has it byte by byte, as it came.
    `apart`: each stream of a try by itself."""
    for folder in folders:
        machine, alone = newest_header(folder).machine, folder.job_log(job)
        if alone.exists():
            yield Printed(machine, None, _of_file(alone))
            continue
        key = _by_stream() if apart else _by_try
        for (attempt, on_error), said in groupby(said_by(folder, job, tell), key):
            yield Printed(machine, attempt, _of_records(said), on_error)


def _by_try(one: Said) -> tuple[int, bool]:
    return one.attempt, False


def _by_stream() -> Callable[[Said], tuple[int, bool]]:
    """What is of neither stream, as what Python code has logged, stays with what stands before it."""
    now = (0, False)

    def key(one: Said) -> tuple[int, bool]:
        nonlocal now
        if one.word in _STREAMS:
            now = (one.attempt, one.word == Stream.ERR)
        elif one.attempt != now[0]:
            now = (one.attempt, False)
        return now

    return key


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
