"""What a job printed, byte for byte, where the lines of the log do not tell it: the records whose word is `RAW`.

    2026-11-20T19:23:01.123456Z alice job=314 try=1 out 50%
    2026-11-20T19:23:01.123456Z alice job=314 try=1 RAW out 1 10%\\x0d50%\\x0a

The first of them says for how many records before it, of that stream, it stands; those that go on say 0. A backslash is
doubled, control characters and bytes that are no UTF-8 are `\\x` and two hex digits. Written only where it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

RAW = "RAW"
MARK = b" RAW "
# So much stands in one record.
PIECE = 48 << 10
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")
_CODES = {**{code: f"\\x{code:02x}" for code in range(32) if code != 9}, 127: "\\x7f"}
_CODES.update({code: f"\\xc2\\x{code:02x}" for code in range(0x80, 0xA0)})


def raw_texts(data: bytes, stream: str, lines: int) -> Iterator[bytes]:
    """The texts of the records for what stands in so many lines of the log."""
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE].replace(b"\\", b"\\\\")
        text = piece.decode("utf-8", "backslashreplace").translate(_CODES).encode("utf-8")
        yield b"%b %d %b" % (stream.encode(), 0 if start else lines, text)


def raw_of(text: bytes) -> tuple[str, int, bytes]:
    """Stream, for how many records before it, and the bytes. ValueError for what is no such text."""
    stream, lines, escaped = text.split(b" ", 2)
    return stream.decode("ascii"), int(lines), _ESCAPED.sub(_byte, escaped)


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else b"\\"
