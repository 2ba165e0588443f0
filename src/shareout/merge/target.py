"""The file that a merged table becomes: written under a temporary name beside it, renamed when it is whole.

Several processes write their pieces in turn: each hands the place where the next piece begins to the next.
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from shareout.errors import ShareoutError, UsageError, cannot_write
from shareout.files import sync_folder

WAY_OUT = "Nothing was left behind. Name another place with -o."
_PLACE = struct.Struct("<q")


def check_place(path: Path) -> None:
    """Refused before any work is done for it: no folder to write into, or a folder of that very name."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", way_out="Name a file after -o.")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} to write {path.name} into", way_out="Make it first.")


class Target:
    """A context manager: what is not finished is taken away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        self._handle = -1

    def __enter__(self) -> Target:
        try:
            self._handle = os.open(self.fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self.fresh.unlink(missing_ok=True)

    def begin(self, head: bytes) -> int:
        """From the start, also when it was begun before; where the next piece goes."""
        os.ftruncate(self._handle, 0)
        self.write_at(0, head)
        return len(head)

    def write_at(self, place: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                if hasattr(os, "pwrite"):
                    written = os.pwrite(self._handle, view, place)
                else:
                    os.lseek(self._handle, place, os.SEEK_SET)
                    written = os.write(self._handle, view)
                view, place = view[written:], place + written
        except OSError as error:
            raise self._refused(error) from error

    def write_all(self, pieces: Iterable[bytes], *, packed: bool) -> None:
        """All of it, by one process. Packed pieces are gzip members of their own: any number of them is one file."""
        place = self.begin(b"")
        for piece in filter(None, pieces):
            data = gzip.compress(piece, 6, mtime=0) if packed else piece
            self.write_at(place, data)
            place += len(data)

    def finish(self) -> None:
        """All is written: sync, rename, sync the folder."""
        try:
            # Opened anew: a row store may have made another file under the temporary name.
            os.close(self._handle)
            self._handle = os.open(self.fresh, os.O_RDWR)
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1
            self.fresh.replace(self.path)
            sync_folder(self.path.resolve().parent)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> ShareoutError:
        return cannot_write(self.path, error, way_out=WAY_OUT)


class Relay:
    """Who may say where its piece goes: one process after the other, in the order of the pieces."""

    def __init__(self, count: int, place: int) -> None:
        self._pipes = [os.pipe() for _ in range(count)]
        os.write(self._pipes[0][1], _PLACE.pack(place))

    def turn(self, number: int, size: int) -> int:
        """Waits for process `number`'s turn; the place of its piece, of which the next process is told."""
        (place,) = _PLACE.unpack(os.read(self._pipes[number][0], _PLACE.size))
        os.write(self._pipes[(number + 1) % len(self._pipes)][1], _PLACE.pack(place + size))
        return int(place)

    def close(self) -> None:
        for reader, writer in self._pipes:
            os.close(reader)
            os.close(writer)
