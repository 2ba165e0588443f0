"""Rows as Parquet, when pyarrow is installed. A column is int64, double, bool, string or a list of one of them; what is
mixed is text, and what has parts JSON.

The rows are kept as text until all of them are known, because a type must fit all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shareout.errors import UsageError
from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import storable
from shareout.merge.tables.kinds import BOOL, FLOAT, INT, LIST, LONG, kind_of, kind_of_all
from shareout.merge.tables.rows import rows_of
from shareout.record.values import encode


class Parquet:
    """A RowStore that looks first."""

    looks_first = True

    def __init__(self) -> None:
        try:
            import pyarrow  # type: ignore[import-not-found,unused-ignore]
            import pyarrow.parquet  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise UsageError(
                "a .parquet table needs pyarrow, which is not installed here",
                way_out="Write a *.csv or *.sqlite instead, or `pip install pyarrow`.",
            ) from None
        self._arrow: Any = pyarrow
        self._parquet: Any = pyarrow.parquet
        self._kinds: list[set[str]] = []
        self._writer: Any = None
        self._schema: Any = None
        self._path = Path()

    def begin(self, path: Path, sheet: Sheet) -> None:
        """Opens nothing: the file needs its types first."""
        self._sheet, self._path, self._writer = sheet, path, None
        self._kinds = [set() for _ in sheet.titles]

    def learn(self, block: Block) -> None:
        """Notes which kinds of values each column has."""
        for column, kinds in zip(self._columns(block), self._kinds, strict=True):
            kinds.update(kind_of(cell) for cell in column if cell is not None)

    def add(self, block: Block) -> None:
        """A row group a block."""
        if self._writer is None:
            self._open()
        arrays = []
        for column, field in zip(self._columns(block), self._schema, strict=True):
            values: list[Any] = column
            if field.type == self._arrow.string():
                values = list(map(_text, column))
            elif field.type == self._arrow.list_(self._arrow.string()):
                values = list(map(_texts, column))
            # from_pandas would make NaN a missing value: it is a result.
            arrays.append(self._arrow.array(values, type=field.type, from_pandas=False))
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def finish(self) -> None:
        """A table without rows is a file too."""
        if self._writer is None:
            self._open()
        self._writer.close()

    def _open(self) -> None:
        fields = [
            (title, self._type(kind_of_all(kinds)))
            for title, kinds in zip(self._sheet.titles, self._kinds, strict=True)
        ]
        self._schema = self._arrow.schema(fields)
        self._writer = self._parquet.ParquetWriter(self._path, self._schema)

    def _type(self, kind: str) -> Any:
        if kind.startswith(LIST):
            return self._arrow.list_(self._type(kind.removeprefix(LIST)))
        arrow = self._arrow
        whole = arrow.int64()
        types = {INT: whole, LONG: whole, FLOAT: arrow.float64(), BOOL: arrow.bool_()}
        return types.get(kind, arrow.string())

    def _columns(self, block: Block) -> list[list[Any]]:
        return [list(column) for column in zip(*rows_of(self._sheet, block), strict=True)]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return storable(value) if value else value
    return encode(value)


def _texts(values: list[Any] | None) -> list[str | None] | None:
    return None if values is None else list(map(_text, values))
