"""Rows as CSV: UTF-8, a comma, LF, quotes only where they are needed.

Numbers stand as the journal has them, of any length (NaN and Infinity as these words), None is empty, as an empty text
is, truth is true and false, what has parts is compact JSON. Blocks of plain numbers and simple words, as nearly all
are, go by `quick`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.quick import quick_rows
from shareout.merge.tables.rows import rows_of
from shareout.record.values import encode

_SPECIAL = re.compile(r'[,"\r\n]')


class Csv:
    """A TextForm. `marked`: it begins with a byte order mark, by which Excel knows UTF-8."""

    def __init__(self, *, marked: bool = False) -> None:
        self._mark = b"\xef\xbb\xbf" if marked else b""

    def head(self, sheet: Sheet) -> bytes:
        """The titles: a table without rows has them too."""
        return self._mark + _line(sheet.titles)

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        """Rows of plain numbers and words are put together as text, others go cell by cell: to the same bytes."""
        rows = quick_rows(block, sheet)
        if rows is None:
            rows = b"".join([_line(list(map(_cell, row))) for row in rows_of(sheet, block)])
        return rows


def _cell(value: Any) -> str:
    if type(value) is int:
        return encode(value)
    if isinstance(value, str):
        return storable(value)
    return "" if value is None else encode(value)


def storable(text: str) -> str:
    """Half of a surrogate pair, as an undecodable file name has, is no character: it stands as `\\udc80`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _line(cells: Sequence[str]) -> bytes:
    text = ",".join([_quoted(cell) if _SPECIAL.search(cell) else cell for cell in cells]) + "\n"
    return text.encode("utf-8")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
