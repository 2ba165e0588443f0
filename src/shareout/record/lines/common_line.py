"""The common line, read in bulk: a first try that is done, as this version writes it. Nine of ten records are that,
and a journal may hold ten million of them, so they are matched a chunk at a time.

A line that matches has the form of a record (`form` judges all others); the result in it is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from shareout.record.outcome import Stream

# Not json.loads: a result may be a megabyte, and is of no matter here. The keys stand in one order, which the writer
# keeps, so that an expression may ask for it.
_WHOLE, _COUNT = "0|[1-9][0-9]{0,17}", "[1-9][0-9]{0,17}"
TIME = r"[1-9][0-9]{0,10}\.[0-9]{1,9}"
_FROM = r'"from":"[^"\\\n]*"'
_IMPRINTS = [rf'"{stream}":\[{_COUNT},"[0-9a-f]*"\]' for stream in Stream]
BEHIND_EXIT = "".join(f"(?:,{one})?" for one in (rf'"pid":{_COUNT}', *_IMPRINTS, rf'"mem":{_COUNT}', _FROM))
BEFORE_RESULT = "".join(f"(?:{one},)?" for one in (*_IMPRINTS, _FROM))


def head(told: Collection[str], time: str = TIME) -> str:
    """The expression of such a line up to its slot, with a group for each of these keys."""
    forms = {"job": _WHOLE, "pos": _WHOLE, "start": time, "end": time, "slot": _WHOLE}
    job, position, start, end, slot = (f"({'' if key in told else '?:'}{form})" for key, form in forms.items())
    return rf'\{{"job":{job},"pos":{position},"try":1,"state":"done","start":{start},"end":{end},"slot":{slot},'


_KNOWN = (
    head(("job", "pos", "start", "end", "slot")) + rf'(?:"exit":0{BEHIND_EXIT}.{{18}}|{BEFORE_RESULT}"result":[^\n]*)'
)
# Up to so many lines all are looked at, of more a few: several hundred times a second they come.
MANY, SAMPLE = 64, 16

Plain = tuple[bytes, bytes, bytes, bytes, bytes]
"""Job, position, start, end and slot, as they stand in the line; all empty for a line of another kind."""
OTHER: Plain = (b"", b"", b"", b"", b"")


# Both are made when a journal is read: a first start has none.
@cache
def _line() -> re.Pattern[bytes]:
    return re.compile(_KNOWN.encode("ascii"))


@cache
def _lines() -> re.Pattern[bytes]:
    """Every line matches, so that the answers stand in the order of the lines; a line of another kind gives blanks."""
    return re.compile(rf"(?:{_KNOWN}\n|[^\n]*\n)".encode("ascii"))


def plain_lines(data: bytes) -> list[Plain]:
    """One answer for each line of `data`, which ends with a newline. Checksums are somebody else's business."""
    return _lines().findall(data)


def plain_line(line: bytes) -> Plain:
    """The same for a single line, without its newline."""
    found = _line().fullmatch(line)
    return (found[1], found[2], found[3], found[4], found[5]) if found else OTHER


def sampled(data: bytes, count: int) -> Iterator[tuple[float, float, int]]:
    """Start, end and weight of the plain lines among `count` lines: of all of them, or of some when there are many."""
    if count <= MANY:
        for job, _, start, end, _ in plain_lines(data):
            if job:
                yield float(start), float(end), 1
        return
    # By bytes and not by lines: so none has to be looked at to find the next.
    step = len(data) // SAMPLE
    weight, odd = divmod(count, SAMPLE)
    at = 0
    for number in range(SAMPLE):
        found = _line().match(data, at)
        if found:
            yield float(found[3]), float(found[4]), weight + (number < odd)
        at = data.find(b"\n", (number + 1) * step - 1) + 1
