"""Replace a file, lock a file: so that a crash leaves the old or the new, never half of one."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from shareout.errors import CannotRecord, RunDirectoryInUse

if sys.platform != "win32":
    # Only runs lock. Plan, merge and status, which may be done anywhere, replace files too.
    import fcntl


def replace_file(path: Path, parts: Sequence[bytes | bytearray], *, sync: bool = True) -> None:
    """Write beside it, sync, rename, sync the folder that received it."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new name is safe only when its folder is."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock:
    """Held while this process lives. The kernel lets go of a dead owner's, so nothing stale is ever in the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unlockable(path, error) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(self._handle)
            os.close(self._handle)
            raise RunDirectoryInUse(
                f"{path.parent} is in use by {owner}",
                way_out="Wait for it, or stop it: Ctrl-C there, or `kill` with that pid.",
            ) from None
        except OSError as error:
            os.close(self._handle)
            raise _unlockable(path, error) from error
        note = {"host": socket.gethostname(), "pid": os.getpid(), "since": round(time.time(), 3)}
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(note).encode("ascii"), 0)
        except OSError as error:
            os.close(self._handle)
            raise _unlockable(path, error) from error

    def fileno(self) -> int:
        return self._handle

    def release(self) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def is_locked(path: Path) -> bool:
    """Whether a living process on this host holds it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _unlockable(path: Path, error: OSError) -> CannotRecord:
    return CannotRecord(
        f"{path} cannot be locked: {error.strerror or error}",
        way_out="Name another place with --runs DIR: a local folder, when this file system knows no locks.",
    )


def _owner(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"process {note['pid']} on {note['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
