"""How a key is put so that only one can: two ways, the second where the first does not work.

A symbolic link is made in one call and has its text in itself, so that nobody sees half of it. Where there are none, a
file is written and synced under a name that nobody knows, and then linked to the key. Not `O_EXCL` and a write: others
would read it empty in between, a fifth of them did. Not a rename: it overwrites. Not `flock`: it does not cross mounts.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Protocol

from shareout.ledger.store import LONGEST_TEXT

# No waiting for a writer, should it be a FIFO that somebody planted.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_SLASH = b"\x1f"
_ALL_SIGNS = b"as " + bytes(range(0x20, 0x100))


class Way(Protocol):
    """Makes and reads one name in an open folder. Both raise OSError; what is made may be there all the same."""

    name: str
    told: str
    """For people."""

    def make(self, folder: int, name: bytes, text: bytes) -> None:
        """FileExistsError, or another refusal, where something stands there already."""

    def read(self, folder: int, name: bytes) -> bytes:
        """FileNotFoundError where nothing is seen; of `refusals.ODD` where it is something else."""


class SymbolicLinks:
    """The text is where the link leads, and nobody ever goes there. A sign that no text has stands for its
    slashes: sshfs shows no link that leads upwards or to the root, and others write such links anew."""

    name = "symlink"
    told = "symbolic links"

    def make(self, folder: int, name: bytes, text: bytes) -> None:
        """One call."""
        os.symlink(text.replace(b"/", _SLASH), name, dir_fd=folder)

    def read(self, folder: int, name: bytes) -> bytes:
        """One call."""
        try:
            return os.readlink(name, dir_fd=folder).replace(_SLASH, b"/")
        except PermissionError as error:
            # It may be such a link, then: that was planted.
            if error.errno == errno.EPERM and stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                raise OSError(errno.ELOOP, "a link that leads elsewhere") from error
            raise


class HardLinks:
    """Of a file of one's own, that is whole and synced by then. What a killed process leaves of one begins with a dot,
    and is in nobody's way."""

    name = "link"
    told = "files and hard links"

    def make(self, folder: int, name: bytes, text: bytes) -> None:
        """Five calls."""
        draft = b".new-" + os.urandom(8).hex().encode()
        write_new(folder, draft, text)
        try:
            os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)

    def read(self, folder: int, name: bytes) -> bytes:
        """Three calls."""
        handle = os.open(name, READ, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            text = os.read(handle, LONGEST_TEXT + 1)
        finally:
            os.close(handle)
        if not text:
            # Nobody of ours links an empty one: whoever sees one sees what is not there yet.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return text


WAYS: tuple[Way, ...] = (SymbolicLinks(), HardLinks())


def write_new(folder: int, name: bytes, data: bytes) -> None:
    """A file that nobody else knows of, whole and synced when this comes back."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        # Some network file systems say only now that there was no room.
        os.close(handle)


def works(way: Way, folder: int) -> bool:
    """Whether this host can put keys so in that folder: made, read back, and refused to whoever comes second. OSError
    where the folder takes nothing at all, which no other way would change."""
    name = b".probe-" + os.urandom(8).hex().encode()
    try:
        first = _ALL_SIGNS.ljust(LONGEST_TEXT, b".")
        way.make(folder, name, first)
        if way.read(folder, name) != first:
            return False
        with suppress(OSError):
            way.make(folder, name, b"second")
            return False
        return way.read(folder, name) == first
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.ENOTCONN, errno.ESTALE):
            raise
        return False
    finally:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
