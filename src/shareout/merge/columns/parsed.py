"""Text that a job printed → what stands in the table: as it is, or read as JSON, CSV or a number."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from shareout.merge.columns.asked import BASE64, Parse
from shareout.record.values import decode


class Unreadable(Exception):
    """It is not what `--stdout` says that it is."""


def read_as(data: bytes, name: str, parse: Parse) -> Any:
    """Laid out as a result is: a text in the column `name`, what is no UTF-8 as base64 in one of its own. Raises
    Unreadable."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if parse is not Parse.TEXT:
            raise Unreadable from None
        return {name + BASE64: base64.b64encode(data).decode("ascii")}
    return READERS[parse](text)


def _text(text: str) -> Any:
    """Without the end of its last line, as a shell's `$(…)` has it."""
    # One only: what stands before it is what was printed.
    return text.removesuffix("\n").removesuffix("\r")


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return decode(text.encode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable from None


def _csv(text: str) -> Any:
    """A line has a row's cells; where there are two, the first one names them."""
    import csv

    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except csv.Error:
        raise Unreadable from None
    if not rows:
        return None
    if len(rows) == 1:
        return [_cell(cell) for cell in rows[0]]
    names, cells = rows[0], rows[1]
    if len(rows) > 2 or len(names) != len(cells) or len(set(names)) < len(names):
        raise Unreadable
    return {name: _cell(cell) for name, cell in zip(names, cells, strict=True)}


def _cell(text: str) -> Any:
    """A number where it is one, and written as numbers are: `007` and an empty cell are texts."""
    word = text.strip().lstrip("+-")
    if not word or (len(word) > 1 and word[0] == "0" and word[1].isdigit()):
        return text
    try:
        return _number(text)
    except Unreadable:
        return text


def _number(text: str) -> Any:
    """Whole, or with a fraction; NaN and infinities as Python reads them."""
    word = text.strip()
    if not word:
        return None
    if "_" in word:
        raise Unreadable
    try:
        return int(word) if len(word) < 4000 else float(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        raise Unreadable from None


READERS: dict[Parse, Callable[[str], Any]] = {
    Parse.TEXT: _text,
    Parse.JSON: _json,
    Parse.CSV: _csv,
    Parse.NUMBER: _number,
}
