"""Lines for a terminal that is narrower than they are: folded between words. What goes elsewhere stays as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

from shareout.show.tables import width

# Narrower ones are taken for so many: no table is readable there, and no cut may come to nothing.
LEAST = 20
USUAL = 80


def columns_of(stream: TextIO) -> int | None:
    """How wide the terminal is that a stream goes to; None when it goes to no terminal."""
    try:
        # A terminal that knows no size says 0.
        return max(LEAST, os.get_terminal_size(stream.fileno()).columns or USUAL) if stream.isatty() else None
    except (OSError, ValueError):
        return None


def folded(text: str, columns: int | None) -> str:
    """Every line that is too wide folded, with what follows it indented."""
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in fold(line, columns))


def fold(line: str, columns: int) -> list[str]:
    """The line in pieces of at most so many columns, later ones indented as the first, at least by two. A word that
    is wider than that, such as a path, stays whole: the terminal wraps it so that it can be copied."""
    # Not textwrap: it knows nothing of wide signs, and would break paths that a person is to copy.
    if width(line) <= columns:
        return [line]
    indent = " " * max(2, len(line) - len(line.lstrip(" ")))
    pieces: list[str] = []
    current = ""
    for word, gap in _words(line):
        # Measured in columns and not in letters: a path in Chinese is twice as wide as it is long.
        if current and width(current + gap + word) > columns:
            pieces.append(current)
            current = indent + word
        else:
            current += gap + word
    return [*pieces, current]


def _words(line: str) -> Iterator[tuple[str, str]]:
    """Each word, and the blanks before it; those at the beginning belong to the first word."""
    start = len(line) - len(line.lstrip(" "))
    before = line[:start]
    gap = ""
    for part in line[start:].split(" "):
        if part:
            yield before + part, gap
            before, gap = "", " "
        else:
            gap += " "
