"""The folders of one ledger, kept open: what was opened once is that ledger, whatever is mounted over its path later.

A folder that is not mounted leaves an empty one in its place, which would take all that is made there and show it to
nobody. So the path is walked at the start, and again only when what is held is broken; and it is taken for this ledger
only where its mark stands. No link is followed below the folder that the user named.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from shareout.stores.folder.refusals import ODD, UNREACHED, away, odd

KEPT = 32
"""Open folders below the ledger's own."""
RENEWED = UNREACHED | {errno.ENOENT}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
T = TypeVar("T")


def sync_names(folder: int) -> None:
    """A new name is safe only when its folder is; a file system that syncs none has no such thing to lose."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM):
            raise


def opened(above: int, name: bytes, *, make: bool = False) -> int:
    """A folder in an open one, no link; made where it is not there."""
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
        sync_names(above)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)


def walked(folder: Path, names: tuple[bytes, ...], *, make: bool = False) -> int:
    """From the folder that the user named, whose own links are followed, down to the ledger's."""
    at, path = os.open(folder, _FOLDER), folder
    for name in names:
        path = path / os.fsdecode(name)
        try:
            below = opened(at, name, make=make)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(at)
        at = below
    return at


class Tree:
    """Of one ledger, whose mark `proves` tells: it raises OSError where the open folder that it is given is another."""

    def __init__(self, folder: Path, names: tuple[bytes, ...], root: int, proves: Callable[[int], None]) -> None:
        self.folder = folder
        self.path = folder.joinpath(*map(os.fsdecode, names))
        self._names, self._root, self._proves = names, root, proves
        self._kept: OrderedDict[tuple[bytes, ...], int] = OrderedDict()

    def tried(self, call: Callable[[], T]) -> T:
        """What a call gives. Where all that is held is broken it is made once more, on what is mounted now."""
        try:
            return call()
        except OSError as error:
            if error.errno not in RENEWED:
                raise
        self.close()
        return call()

    def asked(self, call: Callable[[], T], *place: bytes) -> T:
        """The same, where a refusal is raised as what it means for a store; `place` is where something odd may stand,
        by its names below the ledger's folder."""
        try:
            return self.tried(call)
        except OSError as error:
            if error.errno in RENEWED:
                self.close()
            if error.errno in ODD:
                raise odd(self._first_odd(place)) from error
            raise away(self.folder, error) from error

    def _first_odd(self, place: tuple[bytes, ...]) -> Path:
        """Of the names on the way to it, that which is no folder."""
        path = self.path
        for name in place:
            path = path / os.fsdecode(name)
            if path.is_symlink() or not path.is_dir():
                break
        return path

    def is_nothing(self) -> None:
        """After a look that saw nothing: OSError unless it was this ledger that was looked at. In a folder that was
        deleted nothing is seen either, for ever."""
        self._proves(self.root)

    @property
    def root(self) -> int:
        """The ledger's own folder."""
        if self._root < 0:
            root = walked(self.folder, self._names)
            try:
                self._proves(root)
            except BaseException:
                os.close(root)
                raise
            self._root = root
        return self._root

    def at(self, *names: bytes, make: bool = False) -> int:
        """A folder below it. FileNotFoundError where there is none."""
        if not names:
            return self.root
        if names in self._kept:
            self._kept.move_to_end(names)
            return self._kept[names]
        found = self._kept[names] = opened(self.at(*names[:-1], make=make), names[-1], make=make)
        if len(self._kept) > KEPT:
            os.close(self._kept.popitem(last=False)[1])
        return found

    def listed(self, *names: bytes) -> list[bytes]:
        """What is in one of them now; nothing where it is not there."""
        try:
            return sorted(map(os.fsencode, os.listdir(self.at(*names))))
        except FileNotFoundError:
            self.is_nothing()
            return []

    def close(self) -> None:
        """Opened again by the next call."""
        for handle in [*self._kept.values(), self._root]:
            with suppress(OSError):
                os.close(handle)
        self._kept.clear()
        self._root = -1
