"""How many commas lines have, asked of many at once: at the speed of memory, where counting them line by line takes a
tenth of a microsecond each."""

from __future__ import annotations

_NO_SEPARATORS = bytes(sign for sign in range(256) if sign not in b",\n")


def each_has(commas: int, lines: bytes) -> bool:
    """Whether each of these lines has so many. The last one has no newline."""
    # What is left without all other signs is the same of each.
    left = lines.translate(None, _NO_SEPARATORS) + b"\n"
    return left == (b"," * commas + b"\n") * left.count(b"\n")
