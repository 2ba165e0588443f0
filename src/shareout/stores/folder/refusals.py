"""What the system says of a folder, as sentences: at the start a mistake of the call, later a store that is away."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from shareout.errors import NO_ROOM, RunDirectoryDamaged, UsageError
from shareout.ledger.store import Away

UNREACHED = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.EHOSTDOWN,
     errno.EHOSTUNREACH, errno.ECONNABORTED, errno.ECONNRESET, errno.EREMOTEIO, errno.ESHUTDOWN, errno.EBADF}
)  # fmt: skip
"""A mount that is broken, or was taken away; what is mounted anew may answer."""
ODD = frozenset({errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.EXDEV})
"""Something else stands where ours should: a link where a folder belongs, a folder where an entry does."""
REFUSING = frozenset({errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG})
"""What the next try of the same call would meet as well."""
_VAGUE = (errno.EPERM, errno.EIO)
"""What sshfs says of all that its server refuses, and of what it has written late."""
_MENDED = "Mend that, or name another folder."


def away(folder: Path, error: OSError) -> Away:
    """What a call met in the middle of the work."""
    if error.errno in NO_ROOM or (error.errno in _VAGUE and _is_full(folder)):
        return Away(f"{folder} has no room left")
    if error.errno == errno.EROFS:
        return Away(f"{folder} is read-only now")
    if error.errno == errno.ENOENT:
        return Away(f"{folder} is gone, or not mounted: this ledger is not in it")
    if error.errno in UNREACHED:
        return Away(f"{folder} cannot be reached: {_word(error)}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Away(f"{folder} refuses us: {_word(error)}")
    return Away(f"{folder} does not answer as a folder should: {_word(error)}")


def unusable(folder: Path, error: OSError) -> UsageError:
    """What was met before anything began."""
    if error.errno == errno.ENOENT:
        return UsageError(
            f"there is no folder {folder}",
            way_out="Make it, on one host, or mount it. It is not made here: in the place of a folder that is not "
            "mounted it would be one that nobody else sees.",
        )
    if error.errno == errno.ENOTDIR:
        return UsageError(f"{folder} is no folder", way_out="Name the folder that all hosts mount.")
    if error.errno in NO_ROOM or (error.errno in _VAGUE and _is_full(folder)):
        return UsageError(f"{folder} has no room left", way_out="Make room, or name another folder.")
    if error.errno == errno.EROFS:
        return UsageError(f"{folder} is read-only", way_out="Mount it so that it can be written, or name another one.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(
            f"{folder} cannot be written: {_word(error)}", way_out="Give yourself the right to it, or name another one."
        )
    reached = "cannot be reached" if error.errno in UNREACHED else "cannot be used"
    return UsageError(f"{folder} {reached}: {_word(error)}", way_out=_MENDED)


def odd(path: Path) -> RunDirectoryDamaged:
    """What stands there is not followed, not read, and not taken away: nobody of ours has made it."""
    what, way_out = _odd(path)
    return RunDirectoryDamaged(what, way_out=way_out)


def odd_at_start(path: Path) -> UsageError:
    """The same before anything began."""
    what, way_out = _odd(path)
    return UsageError(what, way_out=way_out)


def _odd(path: Path) -> tuple[str, str]:
    way_out = "Look at it, for nothing was read through it; move it away, then give the same command again."
    return f"{path} is {_kind(path)}, and nothing that a ledger has there", way_out


def _kind(path: Path) -> str:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return "something odd"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a folder" if stat.S_ISDIR(mode) else "a file" if stat.S_ISREG(mode) else "a device or a pipe"


def _is_full(folder: Path) -> bool:
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail == 0 or (room.f_files > 0 and room.f_favail == 0)


def _word(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
