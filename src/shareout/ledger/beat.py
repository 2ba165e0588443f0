"""How a beat stands in a file of a folder: a checksum, the text, and line ends up to a fixed size, so that it is
overwritten in place and one that is just being written is known for it. And where such a folder has what.
"""

from __future__ import annotations

import zlib

SIZE = 4_096
MACHINES, BEATS = "machines", "beats"


def framed(text: bytes) -> bytes:
    """The bytes of the file."""
    return (b"%08x " % zlib.crc32(text) + text).ljust(SIZE, b"\n")


def unframed(data: bytes) -> bytes | None:
    """The text; None where it is half of one and half of another, or none."""
    told = data.rstrip(b"\n")
    return told[9:] if told[:9] == b"%08x " % zlib.crc32(told[9:]) else None
