"""Rows as a SQLite database with one table `results`, whose key is `job`.

What SQLite has no type for is kept as text: integers of more than 64 bits, NaN, and JSON of what has parts.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from shareout.errors import CannotWrite, UsageError
from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import storable, values_of
from shareout.record.values import encode

# As SQLite is built where nobody has changed it (SQLITE_MAX_COLUMN).
MOST_COLUMNS = 2000


class Sqlite:
    """A RowStore."""

    looks_first = False
    _base: sqlite3.Connection
    _sheet: Sheet
    _insert: str

    def begin(self, path: Path, sheet: Sheet) -> None:
        """Neither journal nor sync: the file has a temporary name, and is synced whole by who renames it."""
        titles = sheet.titles
        if len(titles) > MOST_COLUMNS:
            raise UsageError(f"SQLite has no room for {len(titles)} columns", way_out="Write a *.csv instead.")
        self._sheet = sheet
        try:
            # Without transactions of Python's own: one holds all rows, and ends when all are there.
            self._base = sqlite3.connect(path, isolation_level=None)
            self._base.execute("pragma synchronous = off")
            self._base.execute("pragma journal_mode = off")
            named = ", ".join('"{}"'.format(title.replace('"', '""')) for title in titles[1:])
            self._base.execute(f"create table results (job integer primary key{', ' if named else ''}{named})")
            self._insert = f"insert into results values ({', '.join('?' * len(titles))})"
            self._base.execute("begin")
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error

    def learn(self, block: Block) -> None:
        """Not called: SQLite's columns take values of any type."""
        return

    def add(self, block: Block) -> None:
        """Within the one transaction that `begin` opened."""
        sheet, width = self._sheet, self._sheet.width
        rows = []
        for at, (job, value) in enumerate(values_of(block)):
            cells = [_stored(cell) for cell in sheet.cells(value)[:width]]
            rows.append([int(job), *cells, *(sheet.meta_cells(block.metas[at]) if sheet.meta else ())])
        try:
            self._base.executemany(self._insert, rows)
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error

    def finish(self) -> None:
        """Commits, and closes whatever comes of it."""
        try:
            self._base.execute("commit")
        except sqlite3.Error as error:
            raise CannotWrite(f"the database cannot be written: {error}") from error
        finally:
            self._base.close()


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
