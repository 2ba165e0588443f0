"""Shipped files: each grows at its end, is written by one host, and is read by everybody."""

from __future__ import annotations

import errno
import os
import stat

from shareout.stores.folder.tree import Tree, sync_names
from shareout.stores.folder.ways import READ

_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Shelf:
    """The files in one folder of the tree. All raise OSError."""

    def __init__(self, tree: Tree, *names: bytes) -> None:
        self._tree, self._names = tree, names

    def length(self, file: bytes) -> int:
        """Of what is safe."""
        handle = self._opened(file, READ)
        if handle is None:
            return 0
        try:
            # Also through a descriptor that only reads: what others wrote is synced with it.
            os.fsync(handle)
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    def grow(self, file: bytes, offset: int, data: bytes) -> int:
        """Written at its place and synced; nothing where the file ends before it."""
        handle = self._opened(file, _WRITE)
        if handle is None:
            if offset:
                return 0
            handle = self._made(file)
        try:
            length = os.fstat(handle).st_size
            if length < offset:
                return length
            # Also what is there already: of what an earlier call wrote and could not sync nobody knows.
            _write(handle, data, offset)
            os.fsync(handle)
        finally:
            # Some network file systems say only now that there was no room.
            os.close(handle)
        return max(length, offset + len(data))

    def piece(self, file: bytes, offset: int, most: int) -> bytes:
        """What is there of it."""
        handle = self._opened(file, READ)
        if handle is None:
            return b""
        try:
            return os.pread(handle, most, offset)
        finally:
            os.close(handle)

    def _opened(self, file: bytes, flags: int) -> int | None:
        """None where there is none."""
        try:
            handle = os.open(file, flags, dir_fd=self._tree.at(*self._names))
        except FileNotFoundError:
            self._tree.is_nothing()
            return None
        return _regular(handle)

    def _made(self, file: bytes) -> int:
        folder = self._tree.at(*self._names, make=True)
        handle = _regular(os.open(file, _WRITE | os.O_CREAT, 0o644, dir_fd=folder))
        sync_names(folder)
        return handle


def _regular(handle: int) -> int:
    """Nothing else is written into, or waited for."""
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "not a file")


def _write(handle: int, data: bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        count = os.pwrite(handle, rest, at)
        rest, at = rest[count:], at + count
