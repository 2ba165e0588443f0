"""Rows as CSV: UTF-8, a comma, LF, quotes only where they are needed.

Numbers stand as the journal has them, of any length (NaN and Infinity as these words), None is empty, as an empty text
is, truth is true and false, what has parts is compact JSON. Blocks of plain numbers and simple words, as nearly all
are, become CSV by deleting brackets and quotes: a hundred times cheaper than reading them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.rows import rows_of
from shareout.record.values import encode

_TO_COMMA = bytes.maketrans(b"\t", b",")
_NUMBERS = b"0123456789.-+eE"
_WORDS = (b"true", b"false", b"null", b"NaN", b"Infinity")
_SPECIAL = re.compile(r'[,"\r\n]')


class Csv:
    """A TextForm. `marked`: it begins with a byte order mark, by which Excel knows UTF-8."""

    def __init__(self, *, marked: bool = False) -> None:
        self._mark = b"\xef\xbb\xbf" if marked else b""

    def head(self, sheet: Sheet) -> bytes:
        """The titles: a table without rows has them too."""
        return self._mark + _line(sheet.titles)

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        """Rows that are plain numbers and words go by translation of bytes, all others cell by cell: the same text."""
        if not sheet.meta and not sheet.keys and not sheet.single_apart and not block.beside and sheet.picks is None:
            text = _simple(block.text, len(block.rows), sheet.width)
            if text is not None:
                _note(sheet, block)
                return text
        return _with_inputs(sheet, block) or b"".join([_line(list(map(_cell, row))) for row in rows_of(sheet, block)])


def _with_inputs(sheet: Sheet, block: Block) -> bytes:
    """Simple rows with inputs by name before them, which all have the same: put together as text, in a fourth of the
    time. Nothing where they are more than that."""
    if sheet.meta or sheet.keys or sheet.single_apart or sheet.after or sheet.picks or len(sheet.before) != 1:
        return b""
    inputs, names = block.beside[0], sheet.before[0].keys
    if sheet.before[0].places or not all(type(row) is dict and tuple(row) == names for row in inputs):
        return b""
    text = _simple(block.text, len(block.rows), sheet.width)
    if text is None:
        return b""
    _note(sheet, block)
    sheet.before[0].seen.note(inputs[0])
    made = []
    for line, row in zip(text.decode("utf-8").split("\n"), inputs, strict=False):
        job, _, rest = line.partition(",")
        cells = [_quoted(cell) if _SPECIAL.search(cell) else cell for cell in map(_cell, row.values())]
        made.append(f"{job},{','.join(cells)},{rest}\n")
    return "".join(made).encode("utf-8")


def _simple(text: bytes, count: int, width: int) -> bytes | None:
    """Rows of plain numbers and words, all of the right width; None when they are more than that."""
    shapes = [(b"\t[" + b"," * (width - 1) + b"]\n") * count, *([b"\t\n" * count] if width == 1 else [])]
    if text.translate(None, _NUMBERS) in shapes:
        return text.translate(_TO_COMMA, b"[]")
    # An escaped quote or line end would be taken for one that ends the text.
    if b"\\" in text:
        return None
    pieces = text.split(b'"')
    outside, inside = b"".join(pieces[0::2]), b"".join(pieces[1::2])
    # Only outside of texts: a text may be `null`, and has to stay.
    for word in _WORDS:
        outside = outside.replace(word, b"")
    if outside.translate(None, _NUMBERS) not in shapes or b"null" in inside:
        return None
    if len(inside.translate(None, b",[]\t\r\n")) < len(inside):
        return None
    return text.replace(b"null", b"").translate(_TO_COMMA, b'[]"')


def _note(sheet: Sheet, block: Block) -> None:
    """The shape of simple rows, which are all alike but for None."""
    if b"[" in block.text:
        sheet.seen.widest = max(sheet.seen.widest, sheet.width)
    if b"]" not in block.text or block.text.count(b"]") < len(block.rows):
        nulls = block.text.count(b"\tnull\n")
        sheet.seen.has_single |= nulls + block.text.count(b"]\n") < len(block.rows)


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
