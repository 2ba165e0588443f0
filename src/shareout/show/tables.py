"""Plain tables, aligned for any terminal and easy to cut with awk: no lines, no colours."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

_OURS = dict.fromkeys(map(ord, "…·×→≥"))
"""What we print ourselves beside ASCII takes a column each, and nobody has to be asked."""


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = (), columns: int | None = None
) -> str:
    """Two blanks between columns; the columns in `right` are aligned at their end; nothing trails. On a terminal that
    is too narrow for it, a paragraph a row."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    lines = [_line(row, widths, right) for row in cells]
    if columns is not None and max(map(width, lines)) > columns:
        lines = [line for row in rows for line in _paragraph(head, row, columns)]
    return "\n".join(lines)


def width(text: str) -> int:
    """Columns on a terminal: East Asian signs take two, accents none."""
    if text.translate(_OURS).isascii():
        return len(text)
    # Loaded at its start by a run, which may say such a thing in its second week.
    import unicodedata

    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def clip(text: str, columns: int) -> str:
    """The text in at most so many columns, control characters shown as blanks."""
    # Before anything is measured: a line break or an escape would take no column, and tear the table or steer the
    # terminal.
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    if width(clean) <= columns:
        return clean
    # Sign by sign, for wide ones take two columns.
    while clean and width(clean) > columns - 1:
        clean = clean[:-1]
    return clean + "…" if columns > 0 else ""


def _paragraph(head: Sequence[str], row: Sequence[str], columns: int) -> Iterator[str]:
    """The first cell, and under it each other one after its column's name; a name and its value stay together."""
    yield clip(row[0], columns)
    line = ""
    for name, cell in zip(head[1:], row[1:], strict=True):
        if cell:
            said = f"{name} {cell}".strip()
            if line and width(line) + 2 + width(said) > columns:
                yield line
                line = ""
            line = f"{line}  {said}" if line else clip(f"  {said}", columns)
    if line:
        yield line


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = []
    for column, (cell, columns) in enumerate(zip(row, widths, strict=True)):
        space = " " * (columns - width(cell))
        padded.append(space + cell if column in right else cell + space)
    return "  ".join(padded).rstrip()
