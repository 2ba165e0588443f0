"""Replace a file, so that a crash leaves the old or the new, never half of one; and see what may not be replaced."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from shareout.fields import dataclass
from shareout.world import world

# As many as the kernel follows; more are a circle.
MOST_LINKS = 40
_DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd")


def replace_file(path: Path, parts: Iterable[bytes | bytearray], *, sync: bool = True) -> None:
    """Write beside it, sync, rename, sync the folder that received it."""
    # Beside it and not in /tmp: a rename is whole only within one file system.
    # One name for all tries: what a killed one has left is written over, and does not pile up.
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if sync:
                world.fsync(file.fileno())
        fresh.replace(path)
    except BaseException as error:
        fresh.unlink(missing_ok=True)
        if isinstance(error, OSError):
            # The name that people know.
            error.filename, error.filename2 = os.fspath(path), None
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new name is safe only when its folder is."""
    if sys.platform == "win32":
        return
    handle = world.open(folder, os.O_RDONLY)
    try:
        world.fsync(handle)
    finally:
        world.close(handle)


# Above the run directory the names may be anybody's: what cannot be synced there is no reason to refuse a run.
def sync_names(folder: Path) -> None:
    """The same for a folder that may be another user's, or of a file system that syncs none."""
    try:
        sync_folder(folder)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP):
            raise


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where an output that a user named goes. A file is replaced when the new one is whole, at the end of its links,
    and keeps its mode and owner. What is none (a device, a FIFO, a descriptor), and a file that has other names too,
    is written into."""

    path: Path
    found: os.stat_result | None
    is_open: bool = False
    """A descriptor that some process has open already, such as /dev/stdout."""

    @classmethod
    def of(cls, named: Path) -> Outlet:
        """Raises OSError for what cannot even be looked at."""
        path = named
        # Link by link and not by resolve(), which would lead from /dev/stdout to the file behind it: that would be
        # replaced, and what another program has written into it be gone.
        for _ in range(MOST_LINKS):
            is_open = bool(_DESCRIPTORS.fullmatch(os.path.realpath(path.parent))) and path.name.isdigit()
            if is_open or not path.is_symlink():
                return cls(path, path.stat() if path.exists() else None, is_open)
            path = path.parent / os.readlink(path)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(named))

    @property
    def is_file(self) -> bool:
        """Or will be one."""
        return not self.is_open and (self.found is None or stat.S_ISREG(self.found.st_mode))

    @property
    def is_replaced(self) -> bool:
        """By a rename. A file with other names keeps them only when it is written into."""
        return self.is_file and (self.found is None or self.found.st_nlink == 1)

    @property
    def drafts(self) -> Path:
        """The folder for what is not whole yet: that of the file, for it has the room."""
        if self.is_file:
            return self.path.parent
        from tempfile import gettempdir

        return Path(gettempdir())

    def open(self) -> int:
        """To write into. A FIFO waits for its reader."""
        if self.is_open and os.path.realpath(self.path.parent).startswith(f"/proc/{os.getpid()}/"):
            # A copy of ours: by its path the file would be opened anew, and written over from its start.
            return os.dup(int(self.path.name))
        return os.open(self.path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0))

    def passes_on(self, draft: int) -> bool:
        """Gives a draft the mode and the owner of the file that it will replace; False when we may not."""
        if self.found is None or sys.platform == "win32":
            return True
        ours = os.fstat(draft)
        try:
            if (ours.st_uid, ours.st_gid) != (self.found.st_uid, self.found.st_gid):
                os.fchown(draft, self.found.st_uid, self.found.st_gid)
            os.fchmod(draft, stat.S_IMODE(self.found.st_mode))
        except PermissionError:
            return False
        return True
