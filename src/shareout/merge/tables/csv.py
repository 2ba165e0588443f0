"""Rows as CSV: UTF-8, a comma, LF, quotes only where they are needed.

Numbers stand as the journal has them (NaN and Infinity as these words), None is empty, truth is true and false,
what has parts is compact JSON. Blocks of plain numbers and simple words, as nearly all are, become CSV by
deleting brackets and quotes: a hundred times cheaper than reading them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from operator import methodcaller
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.record.values import decode

_TO_COMMA = bytes.maketrans(b"\t", b",")
_NUMBERS = b"0123456789.-+eE,[]\t\n"
# Brackets inside brackets, lists without anything in them, and what a list never is beside.
_NESTED = (b"[[", b",[", b"[]", b"]]", b"],")
_SPECIAL = re.compile(r'[,"\r\n]')
_commas = methodcaller("count", b",")


class Csv:
    """A TextForm."""

    def head(self, sheet: Sheet) -> bytes:
        return _line(sheet.titles)

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        if not sheet.meta and not sheet.by_name:
            text = _simple(block.rows, sheet.width)
            if text is not None:
                return text
        values = values_of(block)
        made = []
        for at, (job, value) in enumerate(values):
            cells = [job, *map(_cell, sheet.cells(value))]
            if sheet.meta:
                cells += [str(cell) for cell in sheet.meta_cells(block.metas[at])]
            made.append(_line(cells))
        return b"".join(made)


def values_of(block: Block) -> list[tuple[str, Any]]:
    """(id as text, result) of every row."""
    pairs = [row.split(b"\t", 1) for row in block.rows]
    values = decode(b"[" + b",".join([result for _, result in pairs]) + b"]")
    return [(job.decode(), value) for (job, _), value in zip(pairs, values, strict=True)]


def _simple(rows: Sequence[bytes], width: int) -> bytes | None:
    """Rows of plain numbers and words, all of the right width; None when they are more than that."""
    text = b"\n".join([*rows, b""])
    if text.translate(None, _NUMBERS):
        pieces = text.split(b'"')
        outside, inside = b"".join(pieces[0::2]), b"".join(pieces[1::2])
        outside = outside.replace(b"true", b"").replace(b"false", b"")
        if b"\\" in text or inside.translate(None, b",[]{}\r") != inside or outside.translate(None, _NUMBERS):
            return None
    if any(nested in text for nested in _NESTED):
        return None
    if width == 1:
        if b"," in text:
            return None
    elif set(map(_commas, rows)) != {width - 1}:
        return None
    return text.translate(_TO_COMMA, b'[]"')


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def _line(cells: Sequence[str]) -> bytes:
    text = ",".join([_quoted(cell) if _SPECIAL.search(cell) else cell for cell in cells]) + "\n"
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
