"""Records of a CSV in which fields are quoted: they may go over several lines, so that no line tells by itself where
one begins. The csv module reads the file once, in its order; from then on a record is found by its marks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import accumulate, chain, islice
from pathlib import Path

from shareout.errors import InputError, Place
from shareout.pool.lines import BLANK, Lines
from shareout.pool.places.marks import Marks
from shareout.pool.places.quotes import quote_mistake

# Python's own limit, 128 KiB, is less than a field of an honest pool may have.
csv.field_size_limit(2**31 - 1)


class Records:
    """The records of a file, by number; the header is one."""

    def __init__(self, lines: Lines, path: Path) -> None:
        self._lines = lines
        self._path = path
        self._marks = Marks(lines.size)

    def at(self, number: int) -> list[str]:
        """The fields of a record, once all were read."""
        start, stop, nth = self._marks.around(number)
        return next(islice(_reader(_told(self._lines, self._lines.text(start, stop))), nth, None))

    def all(self) -> Iterator[tuple[list[str], int]]:
        """The fields of each, and the number of the line that it begins in. InputError where a record cannot be read:
        where the next one begins nobody can know."""
        feed = _Feed(self._lines)
        reader = csv.reader(chain.from_iterable(feed), strict=True)
        marks, begin = Marks(self._lines.size), 0
        step = marks.step
        try:
            for fields in reader:
                # A blank line between two records is no row.
                if fields:
                    if marks.count % step:
                        marks.count += 1
                    else:
                        marks.add(feed.place(begin))
                    yield fields, begin + 1
                begin = reader.line_num
        except csv.Error:
            raise self._refused(begin + 1) from None
        marks.close(self._lines.size)
        self._marks = marks

    def line_of(self, number: int) -> int:
        """The line that a record begins in."""
        start, stop, nth = self._marks.around(number)
        text = self._lines.text(start, stop)
        reader = csv.reader(io.StringIO(_told(self._lines, text), newline="\n"), strict=True)
        begin = 0
        for fields in reader:
            if fields:
                if not nth:
                    break
                nth -= 1
            begin = reader.line_num
        return self._lines.number_at(start) + begin

    def _refused(self, line: int) -> InputError:
        what, found, column = quote_mistake(self._from(line))
        return InputError(what, where=Place(str(self._path), found or line, column))

    def _from(self, line: int) -> Iterator[tuple[str, int]]:
        for first, block in self._lines.blocks():
            for number, text in enumerate(block, first):
                if number >= line:
                    yield text.decode("utf-8", "surrogateescape").removesuffix("\r"), number


class _Feed:
    """Lines on the way into a reader, and where those that it may still ask about begin."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._first = 0
        self._places: list[int] = []
        self._asked = 0

    def __iter__(self) -> Iterator[Iterator[str]]:
        for _, offset, text in self._lines.texts():
            # Only what lies behind the last place that was asked for can be asked for.
            del self._places[: self._asked - self._first]
            self._first = self._asked
            ends = accumulate((len(line) + 1 for line in text.split(b"\n")), initial=offset)
            self._places += ends
            self._places.pop()
            yield io.StringIO(_told(self._lines, text + b"\n"), newline="\n")

    def place(self, line: int) -> int:
        """Where a line begins that was read; lines count from 0, and are asked for in their order."""
        self._asked = line
        return self._places[line - self._first]


def _told(lines: Lines, text: bytes) -> str:
    """What the csv module is to read: lines end by a newline alone, and blank ones are empty."""
    told = text.decode("utf-8", "surrogateescape")
    if "\r" in told:
        told = told.replace("\r\n", "\n").removesuffix("\r")
    if lines.has_gaps:
        blank = BLANK.decode()
        told = "\n".join(line if line.strip(blank) else "" for line in told.split("\n"))
    return told


def _reader(told: str) -> Iterator[list[str]]:
    return filter(None, csv.reader(io.StringIO(told, newline="\n"), strict=True))
