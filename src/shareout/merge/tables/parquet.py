"""Rows as Parquet, when pyarrow is installed. A column is int64, double, bool or string; what is mixed is text.

The rows are kept as text until all of them are known, because a type must fit all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shareout.errors import UsageError
from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import storable, values_of
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
        self._sheet, self._path = sheet, path
        self._kinds = [set() for _ in sheet.titles]

    def learn(self, block: Block) -> None:
        """Notes which kinds of values each column has."""
        for column, kinds in zip(self._columns(block), self._kinds, strict=True):
            kinds.update(_kind(cell) for cell in column if cell is not None)

    def add(self, block: Block) -> None:
        """A row group a block."""
        if self._writer is None:
            self._open()
        arrays = []
        for column, field in zip(self._columns(block), self._schema, strict=True):
            is_text = field.type == self._arrow.string()
            values = [_text(cell) if is_text else cell for cell in column]
            # from_pandas would make NaN a missing value: it is a result.
            arrays.append(self._arrow.array(values, type=field.type, from_pandas=False))
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def finish(self) -> None:
        """A table without rows is a file too."""
        if self._writer is None:
            self._open()
        self._writer.close()

    def _open(self) -> None:
        # The narrowest that holds every value of the column as it is, and text where none does: a number that is nearly
        # right is wrong.
        types = {
            "int": self._arrow.int64(),
            "long": self._arrow.int64(),
            "float": self._arrow.float64(),
            "bool": self._arrow.bool_(),
            "text": self._arrow.string(),
        }
        fields = []
        for title, kinds in zip(self._sheet.titles, self._kinds, strict=True):
            kind = "int" if kinds == {"int", "long"} else "float" if kinds == {"int", "float"} else "text"
            kind = next(iter(kinds)) if len(kinds) == 1 else kind
            fields.append((title, types[kind if kinds else "text"]))
        self._schema = self._arrow.schema(fields)
        self._writer = self._parquet.ParquetWriter(self._path, self._schema)

    def _columns(self, block: Block) -> list[list[Any]]:
        sheet = self._sheet
        rows: list[Sequence[Any]] = []
        for at, (job, value) in enumerate(values_of(block)):
            meta = sheet.meta_cells(block.metas[at]) if sheet.meta else ()
            rows.append([int(job), *sheet.cells(value)[: sheet.width], *meta])
        return [list(column) for column in zip(*rows, strict=True)]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        # Beyond 2^53 a double would not hold it, should the column have some.
        return "int" if abs(value) <= 2**53 else "long" if -(2**63) <= value < 2**63 else "text"
    return "float" if isinstance(value, float) else "text"


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return storable(value) if value else value
    return encode(value)
