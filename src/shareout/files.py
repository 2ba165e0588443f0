"""Replace a file, lock a file: so that a crash leaves the old or the new, never half of one."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from shareout.errors import RunDirectoryInUse

HASHED_PIECE = 8 << 20


def replace_file(path: Path, parts: Sequence[bytes], *, sync: bool = True) -> None:
    """Write beside it, sync, rename, sync the folder that received it."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    fresh.replace(path)
    if sync:
        sync_folder(path.parent)


def hash_start(path: Path, size: int) -> blake3:
    """The BLAKE3 of a file's first `size` bytes, read in pieces that all cores share: little memory at any size."""
    hasher = blake3(max_threads=blake3.AUTO)
    with path.open("rb", buffering=0) as file:
        piece = bytearray(min(HASHED_PIECE, size))
        while size:
            count = file.readinto(memoryview(piece)[: min(len(piece), size)])
            if not count:
                break
            hasher.update(memoryview(piece)[:count])
            size -= count
    return hasher


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock:
    """Held while this process lives. The kernel lets go of a dead owner's, so nothing stale is ever in the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = _owner(self._handle)
            os.close(self._handle)
            raise RunDirectoryInUse(
                f"{path.parent} is in use by {owner}",
                way_out="Wait for it, or stop it: Ctrl-C there, or `kill` with that pid.",
            ) from None
        note = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode()
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, note, 0)

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


def _owner(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return f"process {note['pid']} on {note['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
