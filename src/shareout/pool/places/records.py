"""Records of a CSV in which fields are quoted: they may go over several lines, so that no line tells by itself where
one begins. The file is read once, in its order; from then on a record is found by its marks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import accumulate, chain, count, islice
from pathlib import Path

from shareout.errors import InputError, Place
from shareout.pool.lines import BLANK, Lines, is_kept
from shareout.pool.places.blanked import HIDDEN, blanked
from shareout.pool.places.commas import each_has
from shareout.pool.places.marks import Marks
from shareout.pool.places.quotes import quote_mistake

# Python's own limit, 128 KiB, is less than a field of an honest pool may have.
csv.field_size_limit(2**31 - 1)
# Made once: a reader that is asked for `strict` by its name makes such an object each time, for half its time.
_STRICT = csv.reader((), strict=True).dialect
# Rows of which columns are handed out at once.
MANY = 4096
_RECORD = rb'[^\n"]*+(?:"[^"]*+"[^\n"]*+)*+'


class Records:
    """The records of a file, by number; the header is one."""

    def __init__(self, lines: Lines, path: Path) -> None:
        self._lines = lines
        self._path = path
        self.marks = Marks(lines.size)
        """Where they begin, once all were read."""
        self._has_gaps = lines.has_gaps
        self.is_surveyed = False
        """Whether all are as everybody writes them."""
        # How the nth record behind a mark is found where each ends at the first newline outside quotes.
        self._nth: list[re.Pattern[bytes]] = []
        # One reader for all of those: it is given a record, and gives its fields.
        self._given: list[str] = []
        self._reader = csv.reader(iter(self._given.pop, None), _STRICT)

    def survey(self, width: int) -> int | None:
        """How many records there are, when all have so many fields, and quotes are as everybody has them; from then on
        they are found by their number. None where the csv module must read them, which takes twice as long."""
        marks, commas = Marks(self._lines.size), width - 1
        for begin, block in self.blanked():
            if block is None:
                return None
            rows = block.split(b"\n")
            if not self._has_gaps:
                marks.add_lines(begin, rows)
            else:
                rows = self._add_kept(marks, begin, rows)
                block = b"\n".join(rows)
            if rows and not each_has(commas, block):
                return None
        marks.close(self._lines.size)
        return self.go_on(marks, is_surveyed=True)

    def go_on(self, marks: Marks, *, is_surveyed: bool) -> int:
        """With what a survey has found out, or a reading. How many there are."""
        self.marks, self.is_surveyed = marks, is_surveyed
        if is_surveyed and not self._has_gaps:
            self._nth = [re.compile(rb"(?:%b\n){%d}(%b)" % (_RECORD, nth, _RECORD)) for nth in range(marks.step)]
        return marks.count

    @staticmethod
    def _add_kept(marks: Marks, begin: int, rows: list[bytes]) -> list[bytes]:
        """Blank lines between two records are none."""
        kept = []
        for row in rows:
            if is_kept(row, False):
                marks.add(begin)
                kept.append(row)
            begin += len(row) + 1
        return kept

    def blanked(self) -> Iterator[tuple[int, bytes | None]]:
        """Blocks of whole records as `blanked` tells them, each with its place; None where it tells nothing."""
        inside, begin = False, 0
        rest: list[bytes] = []
        for _, offset, text in self._lines.texts():
            begin = begin if rest else offset
            found = blanked(text, inside)
            if found is None:
                break
            block, inside = found
            ended, newline, open_end = block.rpartition(b"\n") if inside else (block, b"\n", b"")
            if newline:
                yield begin, HIDDEN.join([*rest, ended])
                rest, begin = [], offset + len(ended) + 1
            # Of a record that goes on in the next block.
            rest += [open_end] if inside else []
        else:
            if not rest:
                return
        yield begin, None

    def at(self, number: int) -> list[str]:
        """The fields of a record, once all were read."""
        marks = self.marks
        if self._nth:
            at, nth = divmod(number, marks.step)
            record = self._nth[nth].match(self._lines.data, marks.offsets[at])[1]  # type: ignore[index]
            told = record.decode("utf-8", "surrogateescape")
            self._given.append(_plain(told, False) if "\r" in told else told)
            return next(self._reader)
        start, stop, nth = marks.around(number)
        return next(islice(self._read(self._lines.text(start, stop)), nth, None))

    def columns(self, places: Sequence[int], width: int) -> Iterator[list[Sequence[str]]]:
        """The texts in these columns, many records at a time, without the first."""
        if not self.is_surveyed:
            every = (fields for fields, _ in self.all())
            next(every)
            yield from in_columns(every, places)
            return
        header = 1
        for begin, block in self.blanked():
            assert block is not None
            told = None if self._has_gaps else _unquoted(block, places, width)
            if told is None:
                told = _picked(list(self._read(self._lines.text(begin, begin + len(block)))), places)
            yield [texts[header:] for texts in told]
            # Before it there may be blank lines, in a block of their own.
            header = 0 if told[0] else header

    def _read(self, text: bytes) -> Iterator[list[str]]:
        """The fields of each of these whole records. A blank line between two is none."""
        return filter(None, csv.reader(StringIO(_told(self._lines, text), newline="\n"), _STRICT))

    def all(self) -> Iterator[tuple[list[str], int]]:
        """The fields of each, and the number of the line that it begins in. InputError where a record cannot be read:
        where the next one begins nobody can know."""
        feed = _Feed(self._lines)
        reader = csv.reader(chain.from_iterable(feed), _STRICT)
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
        self.marks = marks

    def lines_of(self, number: int) -> list[tuple[str, int]]:
        """The lines of a record, each with its number in the file."""
        start, stop, nth = self.marks.around(number)
        text = _told(self._lines, self._lines.text(start, stop))
        reader = csv.reader(StringIO(text, newline="\n"), _STRICT)
        begin = 0
        for fields in reader:
            if fields:
                if not nth:
                    break
                nth -= 1
            begin = reader.line_num
        first = self._lines.number_at(start) + begin
        return list(zip(text.split("\n")[begin : reader.line_num], count(first)))

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
            yield StringIO(_told(self._lines, text + b"\n"), newline="\n")

    def place(self, line: int) -> int:
        """Where a line begins that was read; lines count from 0, and are asked for in their order."""
        self._asked = line
        return self._places[line - self._first]


def in_columns(rows: Iterator[list[str]], places: Sequence[int]) -> Iterator[list[Sequence[str]]]:
    """The texts in these columns, many rows at a time."""
    while some := list(islice(rows, MANY)):
        yield _picked(some, places)


def _picked(rows: list[list[str]], places: Sequence[int]) -> list[Sequence[str]]:
    return [[fields[at] for fields in rows] for at in places]


def _unquoted(block: bytes, places: Sequence[int], width: int) -> list[Sequence[str]] | None:
    """The texts in these columns of a block that is blanked; None where one of them is quoted."""
    fields = block.replace(b"\r", b"").replace(b"\n", b",").split(b",")
    texts = [b",".join(fields[at::width]) for at in places]
    if any(b'"' in text or HIDDEN in text for text in texts):
        return None
    return [text.decode("utf-8", "surrogateescape").split(",") for text in texts]


def _told(lines: Lines, text: bytes) -> str:
    """What the csv module is to read."""
    told = text.decode("utf-8", "surrogateescape")
    return _plain(told, lines.has_gaps) if lines.has_gaps or "\r" in told else told


def _plain(told: str, has_gaps: bool) -> str:
    """Lines that end by a newline alone; blank ones are empty."""
    told = told.replace("\r\n", "\n").removesuffix("\r")
    if has_gaps:
        blank = BLANK.decode()
        told = "\n".join(line if line.strip(blank) else "" for line in told.split("\n"))
    return told
