"""jobs.csv: rows by number. Every row is checked when the pool is opened, none is kept.

Where no field is quoted a line is a row; else the place of every so manieth row is kept, and those between are counted.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool.lines import Lines
from shareout.pool.needs import FIELDS, Said, one_by_one, said_by
from shareout.pool.quotes import quote_mistake
from shareout.pool.rows import MOST_MISTAKES, RowPool

# Python's own limit, 128 KiB, is less than a field of an honest pool may have.
csv.field_size_limit(2**31 - 1)
# To keep the place of every row would take 80 MB for ten million.
SPARSE = 256


class CsvPool(RowPool):
    """A header row names the parameters; values are text, converted by the job's annotations."""

    kind = "csv"

    def __init__(self, path: Path, template: str) -> None:
        super().__init__(path, template)
        self._lines = Lines(path, comments=False)
        if not len(self._lines):
            raise InputError("is empty: its first row must name the parameters", where=Place(str(path)))
        self._starts: array[int] | None = None
        header, end = self._record(0)
        self.names = header
        mistakes = self._check_header(header)
        self._first = end
        self._count = 0
        self._index(mistakes)
        raise_all(mistakes)
        self.groups = self._groups(header)
        self.settle()

    def __len__(self) -> int:
        return self._count

    def arguments(self, job: int) -> dict[str, Any]:
        """By name; all values are text."""
        assert self.names is not None
        return dict(zip(self.names, self._record(self._line_number(job))[0], strict=True))

    def line_of(self, job: int) -> int:
        """Where the row begins, when it goes over several lines."""
        return self._lines.at(self._line_number(job))[1]

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """A row at a time, read in the file's order."""
        assert self.names is not None
        return one_by_one(self._said(names)) if set(names) & set(self.names) else super().needs()

    def _said(self, names: Sequence[str]) -> Iterator[Said]:
        assert self.names is not None
        known = [name for name in FIELDS if name in names and name in self.names]
        for texts in self.columns(known):
            yield said_by(dict(zip(known, texts, strict=True)), names)

    def columns(self, names: Sequence[str]) -> Iterator[Sequence[str]]:
        """The texts in these columns, of all rows in turn: faster than by number."""
        if self._starts is not None:
            for job in range(self._count):
                row = self.arguments(job)
                yield [row[name] for name in names]
            return
        assert self.names is not None
        places = [self.names.index(name) for name in names]
        header = True
        for _, block in self._lines.blocks():
            for line in block:
                if not line.strip():
                    continue
                if header:
                    header = False
                    continue
                fields = line.decode("utf-8", "surrogateescape").rstrip("\r").split(",")
                yield [fields[at] for at in places]

    def _check_header(self, header: Sequence[str]) -> list[InputError]:
        mistakes = []
        for column, name in enumerate(header):
            what = ""
            if not name.strip():
                what = f"column {column + 1} has no name"
            elif name in header[:column]:
                what = f'the column "{name}" is named twice'
            if what:
                mistakes.append(InputError(what, where=Place(str(self.path), 1)))
        return mistakes

    def _record(self, kept: int) -> tuple[list[str], int]:
        """The record that starts at a kept line, and the kept line after it."""
        lines = _Counted(self._text_from(kept))
        try:
            return next(csv.reader(lines, strict=True)), kept + lines.count
        except csv.Error:
            what, line, column = quote_mistake(self._text_from(kept, ending=""))
            line = line or self._lines.at(kept)[1]
            raise InputError(what, where=Place(str(self.path), line, column)) from None

    def _text_from(self, kept: int, ending: str = "\n") -> Iterator[tuple[str, int]]:
        """Lines from a kept one on, with their numbers; blank ones between them belong to a quoted field."""
        before = 0
        for at in range(kept, len(self._lines)):
            line, number = self._lines.at(at)
            blank = "\n" * (number - before - 1) if before else ""
            yield blank + line.decode("utf-8", "surrogateescape") + ending, number
            before = number

    def _line_number(self, job: int) -> int:
        if not 0 <= job < self._count:
            raise IndexError(job)
        if self._starts is None:
            return self._first + job
        line = self._starts[job // SPARSE]
        for _ in range(job % SPARSE):
            line = self._record(line)[1]
        return line

    def _index(self, mistakes: list[InputError]) -> None:
        assert self.names is not None
        width = len(self.names)
        # One quote anywhere, and a line may be no row: then all of it is read by the csv module, more slowly.
        if any(b'"' in line or b"\r" in line[:-1] for _, block in self._lines.blocks() for line in block):
            self._index_quoted(width, mistakes)
        else:
            self._index_plain(width, mistakes)

    def _index_plain(self, width: int, mistakes: list[InputError]) -> None:
        """A line is a row: only its commas are counted, a block at a time."""
        self._count = len(self._lines) - self._first
        for first, block in self._lines.blocks():
            if all(line.count(b",") == width - 1 for line in block):
                continue
            for at, line in enumerate(block):
                if line.strip() and line.count(b",") != width - 1:
                    mistakes.append(self._too(line.count(b",") + 1, first + at))
                    if len(mistakes) >= MOST_MISTAKES:
                        return

    def _index_quoted(self, width: int, mistakes: list[InputError]) -> None:
        self._starts = array("Q")
        line = self._first
        while line < len(self._lines):
            if self._count % SPARSE == 0:
                self._starts.append(line)
            try:
                fields, after = self._record(line)
            except InputError as error:
                # Where the next record begins nobody can know.
                mistakes.append(error)
                return
            if len(fields) != width and len(mistakes) < MOST_MISTAKES:
                mistakes.append(self._too(len(fields), self._lines.at(line)[1]))
            self._count += 1
            line = after

    def _too(self, found: int, line: int) -> InputError:
        assert self.names is not None
        few = "few" if found < len(self.names) else "many"
        what = f"too {few} fields: found {found}, the header names {len(self.names)}"
        return InputError(what, where=Place(str(self.path), line))

    def _groups(self, header: Sequence[str]) -> Sequence[str]:
        if "group" not in header:
            return ()
        return tuple(dict.fromkeys(str(self.arguments(job)["group"]) for job in range(self._count)))


class _Counted:
    """Lines on the way into a reader; `count`: how many it has taken."""

    def __init__(self, lines: Iterator[tuple[str, int]]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        text, _ = next(self._lines)
        self.count += 1
        return text
