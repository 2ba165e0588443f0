"""Rows as a SQLite database with one table `results`, whose key is `job`.

A column is declared as integer, real, text or boolean (0 and 1) where all its cells are that. What SQLite has no type
for is kept as text: integers of more than 64 bits, NaN, and JSON of what has parts.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from shareout.errors import CannotWrite, UsageError
from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import storable
from shareout.merge.tables.kinds import BOOL, FLOAT, INT, TEXT, kind_of, kind_of_all
from shareout.merge.tables.rows import rows_of
from shareout.record.values import encode

# As SQLite is built where nobody has changed it (SQLITE_MAX_COLUMN).
MOST_COLUMNS = 2000
_TYPES = {INT: "integer", FLOAT: "real", BOOL: "boolean", TEXT: "text"}


class Sqlite:
    """A RowStore."""

    looks_first = True
    _base: sqlite3.Connection
    _sheet: Sheet
    _insert: str

    def begin(self, path: Path, sheet: Sheet) -> None:
        """Opens nothing: a column is declared with the type of what it holds."""
        if len(sheet.titles) > MOST_COLUMNS:
            raise UsageError(f"SQLite has no room for {len(sheet.titles)} columns", way_out="Write a *.csv instead.")
        self._sheet, self._path = sheet, path
        self._kinds: list[set[str]] = [set() for _ in sheet.titles]
        self._is_open = False

    def learn(self, block: Block) -> None:
        """Notes which kinds of values each column has."""
        for row in rows_of(self._sheet, block):
            for kinds, cell in zip(self._kinds, row, strict=True):
                if cell is not None:
                    kinds.add(kind_of(cell))

    def _open(self) -> None:
        """Neither journal nor sync: the file has a temporary name, and is synced whole by who renames it."""
        self._is_open = True
        titles = self._sheet.titles
        declared = [_declared(title, kinds) for title, kinds in zip(titles[1:], self._kinds[1:], strict=True)]
        try:
            # Without transactions of Python's own: one holds all rows, and ends when all are there.
            self._base = sqlite3.connect(self._path, isolation_level=None)
            self._base.execute("pragma synchronous = off")
            self._base.execute("pragma journal_mode = off")
            self._base.execute(f"create table results ({', '.join(['job integer primary key', *declared])})")
            self._insert = f"insert into results values ({', '.join('?' * len(titles))})"
            self._base.execute("begin")
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error

    def add(self, block: Block) -> None:
        """Within the one transaction that `begin` opened."""
        if not self._is_open:
            self._open()
        rows = [list(map(_stored, cells)) for cells in rows_of(self._sheet, block)]
        try:
            self._base.executemany(self._insert, rows)
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error

    def finish(self) -> None:
        """Commits, and closes whatever comes of it. A table without rows is a file too."""
        if not self._is_open:
            self._open()
        try:
            self._base.execute("commit")
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error
        finally:
            self._base.close()


def _declared(title: str, kinds: set[str]) -> str:
    # Only where all that it holds is of the type: SQLite would make a number of a text that looks like one, and a text
    # of a number, as the type says. Without one each cell is kept as it is.
    name, kind = '"{}"'.format(title.replace('"', '""')), kind_of_all(kinds)
    return f"{name} {_TYPES[kind]}" if kind in _TYPES and len(kinds) == 1 else name


def _stored(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else encode(value)
    if isinstance(value, float):
        # SQLite makes NULL of it, which is what a missing value is.
        return value if value == value else "NaN"
    if isinstance(value, list | dict):
        return encode(value)
    return storable(value) if isinstance(value, str) else value
