"""What a merged table is written to: a file that is seen under its name only when it is whole, or what a user named
instead of one.

Several processes write their pieces in turn: each hands the place where the next piece begins to the next.
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from shareout.errors import ShareoutError, UsageError, cannot_write
from shareout.files import Outlet, sync_folder

WAY_OUT = "Name another place with -o."
COPIED = 1 << 20
_PLACE = struct.Struct("<q")


def check_place(path: Path) -> None:
    """Refused before any work is done for it: no folder to write into, or a folder of that very name."""
    outlet = _outlet(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder", way_out="Name a file after -o.")
    if not outlet.path.parent.is_dir():
        raise UsageError(f"there is no folder {outlet.path.parent} to write {path.name} into", way_out="Make it first.")


def is_standard_output(path: Path) -> bool:
    """Then all else that is told goes to standard error."""
    return str(path) in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_no_file(path: Path) -> bool:
    """A device, a FIFO, a descriptor: its name does not say what it is to hold."""
    return not _outlet(path).is_file


def drafts_of(path: Path) -> Path:
    """Where what is not whole yet is kept, until it goes to `path`."""
    return _outlet(path).drafts


def _outlet(path: Path) -> Outlet:
    try:
        return Outlet.of(path)
    except OSError as error:
        raise cannot_write(path, error, way_out=WAY_OUT) from error


class Target:
    """A context manager: what is not finished is taken away. What cannot be replaced gets a copy at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._outlet = _outlet(path)
        # With our number: two merges into one file do not write into each other's draft, and the last one counts,
        # whole.
        self.fresh = self._outlet.drafts / f".{path.name}.{os.getpid()}.new"
        self._handle = -1
        self._is_passed_on = False

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.fresh.unlink(missing_ok=True)

    def begin(self, head: bytes) -> int:
        """From the start, also when it was begun before; where the next piece goes."""
        self._draft()
        self.write_at(0, head)
        return len(head)

    def write_at(self, place: int, data: bytes) -> None:
        """All of it, at that byte; other processes may write elsewhere meanwhile. Raises CannotWrite."""
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
        """All of it, by one process. Packed pieces are gzip members of their own: any number of them is one file.
        What is no file gets them as they come."""
        if not self._outlet.is_file:
            self._handle = self._opened()
            for data in _packed(pieces, packed=packed):
                self._write(self._handle, data)
            self._is_passed_on = True
            return
        place = self.begin(b"")
        for data in _packed(pieces, packed=packed):
            self.write_at(place, data)
            place += len(data)

    def finish(self) -> None:
        """All is written: sync, rename, sync the folder."""
        if self._is_passed_on:
            return
        try:
            # Opened anew: a row store may have made another file under the temporary name.
            self._close()
            self._handle = os.open(self.fresh, os.O_RDWR)
            # Where the new file cannot have the old one's owner, or the old one has other names, bytes are written into
            # that one: it is not whole meanwhile, but it stays the file that others know.
            if self._outlet.is_replaced and self._outlet.passes_on(self._handle):
                # In this order. A name that is there before its bytes are would, after a power cut, be an empty table
                # that nobody doubts.
                os.fsync(self._handle)
                self._close()
                self.fresh.replace(self._outlet.path)
                sync_folder(self._outlet.path.resolve().parent)
            else:
                self._copy()
        except OSError as error:
            raise self._refused(error) from error

    def _close(self) -> None:
        """Its number may be another file's from then on, also where closing fails."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _draft(self) -> None:
        try:
            if self._handle < 0:
                flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
                # 0666: the umask decides, as for any file that a user makes.
                self._handle = os.open(self.fresh, flags, 0o666)
            os.ftruncate(self._handle, 0)
        except OSError as error:
            raise self._refused(error) from error

    def _copy(self) -> None:
        os.lseek(self._handle, 0, os.SEEK_SET)
        into = self._opened()
        try:
            while data := os.read(self._handle, COPIED):
                self._write(into, data)
            if self._outlet.is_file:
                os.fsync(into)
        finally:
            os.close(into)

    def _opened(self) -> int:
        try:
            return self._outlet.open()
        except OSError as error:
            raise self._refused(error) from error

    def _write(self, handle: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(handle, view) :]
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> ShareoutError:
        return cannot_write(self.path, error, way_out=WAY_OUT)


def _packed(pieces: Iterable[bytes], *, packed: bool) -> Iterable[bytes]:
    return (gzip.compress(piece, 6, mtime=0) if packed else piece for piece in pieces if piece)


# Pipes and not a lock: a lock is got by whoever comes first, and pieces must stand in pool order.
class Relay:
    """Who may say where its piece goes: one process after the other, in the order of the pieces."""

    def __init__(self, count: int, place: int) -> None:
        self.is_alone = count == 1
        self._pipes = [os.pipe() for _ in range(count)]
        os.write(self._pipes[0][1], _PLACE.pack(place))

    def turn(self, number: int, size: int) -> int:
        """Waits for process `number`'s turn; the place of its piece, of which the next process is told."""
        (place,) = _PLACE.unpack(os.read(self._pipes[number][0], _PLACE.size))
        # The next one is told before ours is written: only places wait for each other, and all write at the same time.
        os.write(self._pipes[(number + 1) % len(self._pipes)][1], _PLACE.pack(place + size))
        return int(place)

    def close(self) -> None:
        """Ours only: forked processes have their own copies."""
        for reader, writer in self._pipes:
            os.close(reader)
            os.close(writer)
