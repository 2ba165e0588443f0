"""jobs.csv: rows by number. Every row is checked when the pool is opened, none is kept.

Where no field is quoted a line is a row; else see `records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool import InputFile
from shareout.pool.lines import Lines
from shareout.pool.needs import FIELDS, Said, one_by_one, said_by
from shareout.pool.places.commas import each_has
from shareout.pool.places.quotes import field_place
from shareout.pool.places.records import Records, in_columns
from shareout.pool.places.shelf import Findings, Shelf
from shareout.pool.rows import MOST_MISTAKES, RowPool


class CsvPool(RowPool):
    """A header row names the parameters; values are text, converted by the job's annotations."""

    kind = "csv"

    def __init__(self, path: Path, template: str, shelf: Shelf | None = None) -> None:
        super().__init__(path, template)
        self._lines = Lines(path, comments=False, shelf=shelf, kind=self.kind)
        self.inputs = (InputFile("pool", path, hash=self._lines.hash),)
        if not len(self._lines):
            raise InputError("is empty: its first row must name the parameters", where=Place(str(path)))
        records = Records(self._lines, path)
        header = next(records.all())[0]
        self.names = header
        mistakes = self._check_header(header)
        self._records: Records | None = None
        found = self._lines.found
        self._count = self._as_before(records, found) if found else self._look(records, mistakes)
        self._fields_of = records.at if self._records else self._fields_of_line
        raise_all(mistakes)
        if "group" in header:
            groups = found.facts["groups"] if found else (row[0] for row in self.columns(["group"]))
            self.groups = tuple(dict.fromkeys(groups))
        self.settle()

    def _look(self, records: Records, mistakes: list[InputError]) -> int:
        """At every row. How many there are."""
        # One quote anywhere, and a line may be no row: then all of it is read by the csv module, more slowly.
        if not any(map(_is_quoted, self._lines.texts())):
            return self._check_lines(mistakes)
        self._records = records
        return self._check_records(records, mistakes)

    def _as_before(self, records: Records, found: Findings) -> int:
        """The same, of what an earlier look has told."""
        if not found.facts["records"]:
            return len(self._lines) - 1
        self._records = records
        return records.go_on(found.marks, is_surveyed=found.facts["surveyed"]) - 1

    def __len__(self) -> int:
        return self._count

    def prepare(self) -> None:
        """Of records there are marks already."""
        if self._records is None:
            self._lines.prepare()

    def keep(self) -> None:
        """With the names of groups, and how quoted rows are found."""
        records = self._records
        surveyed = records is not None and records.is_surveyed
        facts = {"groups": list(self.groups), "records": records is not None, "surveyed": surveyed}
        self._lines.keep(facts, records.marks if records else None)

    def arguments(self, job: int) -> dict[str, Any]:
        """By name; all values are text."""
        if not 0 <= job < self._count:
            raise IndexError(job)
        # That there are as many as names was looked at when it was opened; `strict` would ask again, for 0.3 µs.
        return dict(zip(self.names or (), self._fields_of(job + 1)))  # noqa: B905

    def _fields_of_line(self, number: int) -> list[str]:
        return _fields(self._lines.line(number))

    def line_of(self, job: int) -> int:
        """Where the row begins, when it goes over several lines."""
        return self._lines_of(job)[0][1]

    def place_of(self, job: int, name: str) -> tuple[int, int]:
        """The line and the column where its field begins."""
        assert self.names is not None
        return field_place(self._lines_of(job), self.names.index(name))

    def _lines_of(self, job: int) -> list[tuple[str, int]]:
        if not 0 <= job < self._count:
            raise IndexError(job)
        if self._records is not None:
            return self._records.lines_of(job + 1)
        line, number = self._lines.at(job + 1)
        return [(line.decode("utf-8", "surrogateescape"), number)]

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """A row at a time, read in the file's order."""
        assert self.names is not None
        return one_by_one(self._said(names)) if set(names) & set(self.names) else super().needs()

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """A column; an empty text stays one."""
        assert self.names is not None
        return (block[0] for block in self.column_blocks([name])) if name in self.names else None

    def _said(self, names: Sequence[str]) -> Iterator[Said]:
        assert self.names is not None
        known = [name for name in FIELDS if name in names and name in self.names]
        for texts in self.columns(known):
            yield said_by(dict(zip(known, texts, strict=True)), names)

    def columns(self, names: Sequence[str]) -> Iterator[Sequence[str]]:
        """The texts in these columns, of all rows in turn: faster than by number."""
        for block in self.column_blocks(names):
            yield from zip(*block, strict=True)

    def column_blocks(self, names: Sequence[str]) -> Iterator[list[Sequence[str]]]:
        """The same, thousands of rows at a time: of each column the texts."""
        assert self.names is not None
        places, width = [self.names.index(name) for name in names], len(self.names)
        if self._records is not None:
            yield from self._records.columns(places, width)
            return
        if not self._lines.has_gaps:
            for first, _, text in self._lines.texts():
                told = text.decode("utf-8", "surrogateescape").replace("\r\n", "\n").removesuffix("\r")
                fields = told.replace("\n", ",").split(",")
                yield [fields[at + (width if first == 1 else 0) :: width] for at in places]
            return
        rows = (_fields(line.rstrip(b"\r")) for _, block in self._lines.blocks() for line in block if line.strip())
        next(rows)
        yield from in_columns(rows, places)

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

    def _check_lines(self, mistakes: list[InputError]) -> int:
        """A line is a row: only its commas are counted, a block at a time. How many rows there are."""
        assert self.names is not None
        commas = len(self.names) - 1
        for first, _, text in self._lines.texts():
            if each_has(commas, text):
                continue
            for at, line in enumerate(text.split(b"\n")):
                if line.strip() and line.count(b",") != commas and len(mistakes) < MOST_MISTAKES:
                    mistakes.append(self._too(line.count(b",") + 1, first + at))
        return len(self._lines) - 1

    def _check_records(self, records: Records, mistakes: list[InputError]) -> int:
        """Every record is looked at, and read where one is odd. How many rows there are."""
        assert self.names is not None
        count, width = -1, len(self.names)
        if (found := records.survey(width)) is not None:
            return found - 1
        try:
            for fields, line in records.all():
                count += 1
                if len(fields) != width and len(mistakes) < MOST_MISTAKES:
                    mistakes.append(self._too(len(fields), line))
        except InputError as error:
            mistakes.append(error)
        return count

    def _too(self, found: int, line: int) -> InputError:
        assert self.names is not None
        few = "few" if found < len(self.names) else "many"
        what = f"too {few} fields: found {found}, the header names {len(self.names)}"
        return InputError(what, where=Place(str(self.path), line))


def _fields(line: bytes) -> list[str]:
    """Of a line without quotes."""
    return line.decode("utf-8", "surrogateescape").split(",")


def _is_quoted(block: tuple[int, int, bytes]) -> bool:
    """Whether there is a quote in it, or a carriage return that ends no line."""
    text = block[2]
    if b'"' in text:
        return True
    returns = text.count(b"\r")
    return bool(returns) and returns != text.count(b"\r\n") + text.endswith(b"\r")
