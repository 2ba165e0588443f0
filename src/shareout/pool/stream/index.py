"""The number of a REPEAT in the line of a stream: `#SHAREOUT INDEX 100 work`. No other line of one begins with a #."""

from __future__ import annotations

import re

_INDEXED = re.compile(r"#SHAREOUT INDEX (-?[0-9]+) (.*)", re.DOTALL)


def with_index(number: int, line: bytes) -> bytes:
    """Such a line."""
    return b"#SHAREOUT INDEX %d %b" % (number, line)


def indexed(line: str) -> tuple[str, int | None]:
    """What its job is, and its number."""
    if line.startswith("#") and (found := _INDEXED.fullmatch(line)):
        return found[2], int(found[1])
    return line, None
