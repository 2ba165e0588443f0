"""A `.gz` is the text in it: unpacked once by each command, into a file without a name, which is mapped as any other.

Not into memory, for a pool may be larger; and not kept, for who compresses a pool wants no second copy on the disk.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from shareout.errors import InputError, Place, cannot_read, cannot_write

ENDING = ".gz"
# What it is unpacked from at once: a thousand times as much text, at most.
STEP = 1 << 14
_GZIP = 31
_unpacked: dict[Path, tuple[tuple[int, ...], int]] = {}


def is_compressed(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(ENDING)


def plain_name(path: Path) -> str:
    """Its name in small letters, as if it were not compressed: that says what kind of pool it is."""
    return path.name.lower().removesuffix(ENDING)


def text_of(path: Path) -> Path:
    """Where the text of a file is to be read: the file itself, or what is in it. By this process and its children."""
    if not is_compressed(path) or not path.is_file():
        return path
    try:
        now = path.stat()
        sign = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
        known, handle = _unpacked.get(path, ((), -1))
        if known != sign:
            fresh = _unpack(path)
            if handle >= 0:
                os.close(handle)
            _unpacked[path] = (sign, fresh)
    except OSError as error:
        raise cannot_read(path, error) from error
    return Path(f"/dev/fd/{_unpacked[path][1]}")


def _unpack(path: Path) -> int:
    if sys.platform == "win32":
        raise InputError("is compressed, which is not read on Windows", where=Place(str(path)), way_out="Unpack it.")
    import tempfile

    with path.open("rb") as packed, ExitStack() as stack:
        with _room():
            text = stack.enter_context(tempfile.TemporaryFile())
        for piece in _pieces(path, packed):
            with _room():
                text.write(piece)
        with _room():
            text.flush()
        return os.dup(text.fileno())


def _pieces(path: Path, packed: IO[bytes]) -> Iterator[bytes]:
    lines = 0
    unpacker = zlib.decompressobj(_GZIP)
    while data := packed.read(STEP):
        while data := data.lstrip(b"\0") if unpacker.eof else data:
            # Several in a row are one text. What tapes and disks fill up with behind the last is none.
            unpacker = zlib.decompressobj(_GZIP) if unpacker.eof else unpacker
            try:
                piece = unpacker.decompress(data)
            except zlib.error as error:
                said = str(error).rpartition(": ")[2]
                raise _damaged(path, f"is damaged, or no gzip ({said})", lines, packed.tell() - len(data)) from None
            lines += piece.count(b"\n")
            yield piece
            data = unpacker.unused_data
    if not unpacker.eof:
        raise _damaged(path, "is cut short", lines, packed.tell())


def _damaged(path: Path, what: str, lines: int, offset: int) -> InputError:
    told = f"{what}: {lines:,} lines of text could be read, up to about byte {offset:,} of the file"
    return InputError(told, where=Place(str(path)), way_out="Copy or make it again; `gzip -t` looks at the whole file.")


@contextmanager
def _room() -> Iterator[None]:
    """For what is written: that a disk is full is not the fault of the pool."""
    try:
        yield
    except OSError as error:
        import tempfile

        place = tempfile.gettempdir()
        raise cannot_write(place, error, way_out="A pool is unpacked there: name another place by TMPDIR.") from error
