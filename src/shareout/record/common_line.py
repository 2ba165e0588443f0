"""The common line, read in bulk: a first try that is done. Nine of ten records are that, and a journal may hold
ten million of them, so they are matched a chunk at a time and their results are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Not json.loads: a result may be a megabyte, and is of no matter here. The keys stand in one order, which the writer
# keeps, so that an expression may ask for it.
_HEAD = (
    rb'\{"job":([0-9]+),"pos":([0-9]+),"try":1,"state":"done","start":([0-9]+\.[0-9]+),"end":([0-9]+\.[0-9]+)'
    rb',"slot":[0-9]+[,}]'
)
_LINE = re.compile(_HEAD)
# Every line matches, so that the answers stand in the order of the lines; a line of another kind gives blanks.
_LINES = re.compile(rb"(?:" + _HEAD + rb")?[^\n]*\n")
# Up to so many lines all are looked at, of more a few: several hundred times a second they come.
MANY, SAMPLE = 64, 16

Plain = tuple[bytes, bytes, bytes, bytes]
"""Job, position, start and end, as they stand in the line; all empty for a line of another kind."""


def plain_lines(data: bytes) -> list[Plain]:
    """One answer for each line of `data`, which ends with a newline. Checksums are somebody else's business."""
    return _LINES.findall(data)


def plain_line(line: bytes) -> Plain | None:
    """The same for a single line."""
    found = _LINE.match(line)
    return (found[1], found[2], found[3], found[4]) if found else None


def sampled(data: bytes, count: int) -> Iterator[tuple[float, float, int]]:
    """Start, end and weight of the plain lines among `count` lines: of all of them, or of some when there are many."""
    if count <= MANY:
        for job, _, start, end in plain_lines(data):
            if job:
                yield float(start), float(end), 1
        return
    step = len(data) // SAMPLE
    weight, odd = divmod(count, SAMPLE)
    at = 0
    for number in range(SAMPLE):
        found = _LINE.match(data, at)
        if found:
            yield float(found[3]), float(found[4]), weight + (number < odd)
        at = data.find(b"\n", (number + 1) * step - 1) + 1
