"""Appends to a journal: cut a torn tail first, write whole lines, sync once a second. Refuses another plan's."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from shareout.errors import CannotRecord, PlanMismatch
from shareout.files import sync_folder
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import is_torn_header, read_header
from shareout.record.tallies.tally import Tally
from shareout.world import world

# Not after each line: a disk would then say how many short jobs there are in a second. What a power cut takes back
# is run again; a kill takes nothing, for what was written is the kernel's.
SYNC_S = 1.0
# Some pages: less than this, and what a job wanted to write may have failed for it.
LEAST_ROOM = 256 << 10


class JournalWriter:
    """One process at a time: the caller holds the run directory's lock."""

    def __init__(self, folder: RunFolder, header: Header) -> None:
        self.path = folder.journal
        self.is_new = not self.path.exists() or is_torn_header(self.path)
        try:
            if self.is_new:
                _begin(self.path, header)
            else:
                _check_same(read_header(self.path), header, self.path)
            self._handle = world.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise _refused(self.path, error) from error
        self.size = self._cut_torn_tail()
        self.lines = 0
        self._synced = world.monotonic()
        self._dirty = False
        self._torn = False
        self.hasher = blake3()

    def follows(self, tally: Tally) -> None:
        """Lines are counted and hashed from where the tally has read to, which is the journal's end."""
        if tally.offset != self.size:
            raise ValueError(f"the tally has read {tally.offset} of {self.size} bytes")
        self.lines = tally.lines
        self.hasher = tally.hasher.copy()

    def append(self, lines: bytes) -> None:
        """Whole lines. Of what a full disk did not take, the whole lines stay and the torn one is cut away again."""
        if self._torn:
            self._cut_back()
        written = 0
        try:
            while written < len(lines):
                written += world.write(self._handle, lines[written:] if written else lines)
        except OSError as error:
            self._count(lines[: lines.rfind(b"\n", 0, written) + 1])
            # What cannot be cut now is cut before anything else is appended, or at the next start.
            self._torn = True
            with suppress(CannotRecord):
                self._cut_back()
            raise _refused(self.path, error) from error
        self._count(lines)

    def _count(self, lines: bytes) -> None:
        self.size += len(lines)
        self.lines += lines.count(b"\n")
        self.hasher.update(lines)
        self._dirty = self._dirty or bool(lines)

    def sync_if_due(self) -> None:
        """To the disk at least once a second while something is written."""
        if self._dirty and world.monotonic() - self._synced >= SYNC_S:
            self.sync()

    def sync(self) -> None:
        """All that was appended is on the disk when this comes back. CannotRecord when the disk refuses, or when the
        journal is no longer where it was: nobody would find what is written there."""
        self._synced = world.monotonic()
        self._dirty = False
        try:
            world.fdatasync(self._handle)
            ours = world.fstat(self._handle)
        except OSError as error:
            raise _refused(self.path, error) from error
        # Not by the number of names: what is removed from a network's folder keeps a hidden one.
        if not self._is_in_place(ours):
            raise CannotRecord(
                f"{self.path} was removed or moved while the run was writing to it",
                way_out="If it was moved, move it back. Then run again; of what was removed, all is run again.",
            )

    def _is_in_place(self, ours: os.stat_result) -> bool:
        try:
            return os.path.samestat(world.stat(self.path), ours)
        except OSError:
            return False

    def is_full(self) -> bool:
        """Whether the disk has no room for much more: jobs may fail of that while our short lines still go in."""
        try:
            disk = world.fstatvfs(self._handle)
        except OSError:
            return False
        free = disk.f_bavail if os.geteuid() else disk.f_bfree
        return free * disk.f_frsize < LEAST_ROOM

    def fileno(self) -> int:
        """For whoever must close it after a fork."""
        return self._handle

    def close(self) -> None:
        """Without a sync: whoever ends a run asks for one before."""
        world.close(self._handle)

    def _cut_torn_tail(self) -> int:
        size = world.fstat(self._handle).st_size
        end = size
        while end:
            start = max(0, end - 65536)
            at = world.pread(self._handle, end - start, start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        if end < size:
            world.ftruncate(self._handle, end)
            world.fsync(self._handle)
        return end

    def _cut_back(self) -> None:
        try:
            world.ftruncate(self._handle, self.size)
        except OSError as error:
            raise _refused(self.path, error) from error
        self._torn = False


def _begin(path: Path, header: Header) -> None:
    line = header.line()
    handle = world.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        written = 0
        while written < len(line):
            written += world.write(handle, line[written:])
        world.fsync(handle)
    finally:
        world.close(handle)
    sync_folder(path.parent)


def _check_same(found: Header, wanted: Header, path: Path) -> None:
    if (found.digest, found.machine, found.kind) != (wanted.digest, wanted.machine, wanted.kind):
        raise PlanMismatch(
            f"{path} belongs to machine {found.machine} of plan {found.digest[:16]} ({found.kind} jobs), "
            f"not to {wanted.machine} of {wanted.digest[:16]} ({wanted.kind} jobs)",
            way_out="It is left as it is. Use another --runs folder, or move it away.",
        )


def _refused(path: Path, error: OSError) -> CannotRecord:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = "the disk is full" if full else error.strerror or str(error)
    return CannotRecord(
        f"{path} cannot be written: {what}",
        way_out="What is recorded so far is safe. Make room or mend it, and run the same command to go on.",
    )
