"""Plain tables, aligned for any terminal and easy to cut with awk: no lines, no colours."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Two blanks between columns; the columns in `right` are aligned at their end; nothing trails."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(_line(row, widths, right) for row in cells)


def width(text: str) -> int:
    """Columns on a terminal: East Asian signs take two, accents none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def clip(text: str, columns: int) -> str:
    """The text in at most so many columns, control characters shown as blanks."""
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    if width(clean) <= columns:
        return clean
    while clean and width(clean) > columns - 1:
        clean = clean[:-1]
    return clean + "…" if columns > 0 else ""


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = []
    for column, (cell, columns) in enumerate(zip(row, widths, strict=True)):
        space = " " * (columns - width(cell))
        padded.append(space + cell if column in right else cell + space)
    return "  ".join(padded).rstrip()
