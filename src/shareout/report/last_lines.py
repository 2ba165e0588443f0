"""The last lines that some jobs printed, found in the logs: a block is looked into only where it names one of them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable

from shareout.record.folder import RunFolder
from shareout.record.logs.exact import RAW
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Stream

LINES_KEPT = 12
LONGEST_LINE = 400
_STREAMS = frozenset(stream.encode() for stream in Stream)
_EXACT = f"{RAW} ".encode()


def last_lines(
    folder: RunFolder, wanted: Iterable[tuple[int, int]], said: Callable[[str], None]
) -> dict[int, list[str]]:
    """By job, the last lines of one attempt. Damage is told, and what can be read of the rest is read."""
    marks = {b" job=%d try=%d " % (job, attempt): job for job, attempt in wanted}
    kept: dict[int, deque[str]] = {job: deque(maxlen=LINES_KEPT) for job in marks.values()}
    # One pass for all of them: they have their beginning in common, which is what is searched for.
    # It takes half a second for 300 MB of text, as long as unpacking them.
    any_mark = re.compile(b"|".join(mark.removeprefix(b" job=") for mark in marks).join((b" job=(?:", b")")))
    for segment in folder.log_segments() if marks else ():
        try:
            for text in read_segment(segment):
                _look(text, any_mark, marks, kept)
        # What stands behind the damage is lost, and the failures are told all the same.
        except DamagedLog as error:
            said(str(error))
        except OSError as error:
            said(f"{segment} cannot be read: {error.strerror}")
    return {job: list(lines) for job, lines in kept.items() if lines}


def _look(text: bytes, any_mark: re.Pattern[bytes], marks: dict[bytes, int], kept: dict[int, deque[str]]) -> None:
    for found in any_mark.finditer(text):
        at, start = found.span()
        # A job may print such words itself: only where they stand behind time and machine are they the prefix.
        if text.count(b" ", text.rfind(b"\n", 0, at) + 1, at) == 1 and not text.startswith(_EXACT, start):
            end = text.find(b"\n", start)
            kept[marks[found[0]]].append(_shown(text[start : end if end >= 0 else len(text)]))


def _shown(line: bytes) -> str:
    """What was printed as it was, what was logged behind its level; a very long line is cut."""
    word, _, printed = line.partition(b" ")
    said = printed if word in _STREAMS else line
    text = said[: LONGEST_LINE + 4].decode("utf-8", "replace")
    return text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + "…"
