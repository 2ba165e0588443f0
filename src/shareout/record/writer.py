"""Begins the journal of one start of a machine and appends to it: whole lines, synced once a second. Refuses a folder
of another plan. Nobody ever appends to the journal of an earlier start: a torn last line there is passed over."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from blake3 import blake3

from shareout.code_hash import code_hash
from shareout.errors import CannotRecord, PlanMismatch
from shareout.fields import replace
from shareout.files import sync_folder
from shareout.linux import host_name
from shareout.record.folder import RunFolder, ordinal_of
from shareout.record.journal import Header, Session
from shareout.record.reader import Incarnation, incarnations_of
from shareout.record.tallies.tally import Part
from shareout.world import world

# Not after each line: a disk would then say how many short jobs there are in a second. What a power cut takes back
# is run again; a kill takes nothing, for what was written is the kernel's.
SYNC_S = 1.0
# Some pages: less than this, and what a job wanted to write may have failed for it.
LEAST_ROOM = 256 << 10


class JournalWriter:
    """One process at a time: the caller holds the run directory's lock."""

    def __init__(self, folder: RunFolder, header: Header) -> None:
        """`header` without its ordinal and nonce, which are given here. Until it has gone, `path` is the journal's."""
        earlier = incarnations_of(folder)
        # Looked at before the file is made: a start that is refused leaves nothing behind.
        if earlier:
            _check_same(earlier[-1], header)
        ordinal = 1 + max(map(ordinal_of, folder.journals()), default=0)
        header = replace(header, ordinal=ordinal, nonce=_nonce())
        self.header = header
        self.path = folder.journal(ordinal, header.nonce)
        head = header.lines()
        try:
            self._handle = _begun(self.path, head)
        except OSError as error:
            raise _refused(self.path, error) from error
        self.lines = head.count(b"\n")
        # Hashed as it is written: so the tally proves the journal, and nobody reads it for that.
        self.hasher = blake3(head)
        self.size = self.begin = len(head)
        """Where its records begin is where the header ends."""
        self._is_like_last = bool(earlier) and _owes_the_same(earlier[-1].header, header)
        self.synced = self.size
        """So much of it is on the disk for certain."""
        self._synced = world.monotonic()
        self._dirty = False
        self._torn = False
        self._is_told = True
        self.is_discarded = False

    def append(self, lines: bytes, count: int | None = None) -> None:
        """Whole lines, and how many, where that is known. Of what a full disk did not take, the whole lines stay and
        the torn one is cut away again."""
        if self._torn:
            self._cut_back()
        written = 0
        try:
            # Nearly always all of it at once: only what is left of a short write is copied.
            while written < len(lines):
                written += world.write(self._handle, lines[written:] if written else lines)
        except OSError as error:
            self._count(lines[: lines.rfind(b"\n", 0, written) + 1])
            # What cannot be cut now is cut before anything else is appended, or at the next start.
            self._torn = True
            with suppress(CannotRecord):
                self._cut_back()
            raise _refused(self.path, error) from error
        self._count(lines, count)

    def end(self, reason: str) -> None:
        """The last line: why it ended."""
        self._is_told = self.size > self.begin
        self.append(session_now("end", reason).line())

    def _count(self, lines: bytes, count: int | None = None) -> None:
        self.size += len(lines)
        self.lines += lines.count(b"\n") if count is None else count
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
            # Bytes and length: to sync the times of the file too would be another write to the disk, for nobody.
            size = self.size
            world.fdatasync(self._handle)
            self.synced = size
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
        # A part of most disks is kept back for root.
        free = disk.f_bavail if os.geteuid() else disk.f_bfree
        return free * disk.f_frsize < LEAST_ROOM

    def part(self) -> Part:
        """What a tally that holds all of it has read of it."""
        return Part(self.size, self.lines, hasher=self.hasher)

    def fileno(self) -> int:
        """For whoever must close it after a fork."""
        return self._handle

    def close(self) -> None:
        """Without a sync: whoever ends a run asks for one before."""
        world.close(self._handle)

    def discard_if_it_adds_nothing(self) -> bool:
        """Of a start that found nothing to do, and owed what the last one did, no file has to tell. Whether it went."""
        self.is_discarded = self._is_like_last and not self._is_told
        if self.is_discarded:
            self.path.unlink(missing_ok=True)
        return self.is_discarded

    def _cut_back(self) -> None:
        try:
            world.ftruncate(self._handle, self.size)
        except OSError as error:
            raise _refused(self.path, error) from error
        self._torn = False


def session_now(event: str, reason: str = "", about: Mapping[str, str] = MappingProxyType({})) -> Session:
    """Of this process. `about`: what else is known of where it runs."""
    host, code, facts = host_name(), code_hash(), tuple(about.items())
    return Session(event, world.time(), world.getpid(), host=host, code=code, reason=reason, about=facts)


def _nonce() -> str:
    """No two starts have the same, also on hosts that hold copies of one folder."""
    seen = f"{host_name()} {world.boot_id()} {world.getpid()} {world.time_ns()}"
    return blake3(seen.encode()).digest(4).hex()


def _begun(path: Path, head: bytes) -> int:
    """A new file with its header in it, synced, and its name as well."""
    # O_EXCL: a file of this name would be another start's, and nobody appends to that.
    handle = world.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        written = 0
        while written < len(head):
            written += world.write(handle, head[written:])
        world.fsync(handle)
        sync_folder(path.parent)
    except BaseException:
        world.close(handle)
        raise
    return handle


def _check_same(found: Incarnation, wanted: Header) -> None:
    there = found.header
    if (there.origin, there.machine, there.kind) != (wanted.origin, wanted.machine, wanted.kind):
        raise PlanMismatch(
            f"{found.path} belongs to machine {there.machine} of plan {there.origin[:16]} ({there.kind} jobs), "
            f"not to {wanted.machine} of {wanted.origin[:16]} ({wanted.kind} jobs)",
            way_out="It is left as it is. Use another --runs folder, or move it away.",
        )


def _owes_the_same(earlier: Header, later: Header) -> bool:
    return (earlier.digest, earlier.code, earlier.version) == (later.digest, later.code, later.version)


def _refused(path: Path, error: OSError) -> CannotRecord:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = "the disk is full" if full else error.strerror or str(error)
    return CannotRecord(
        f"{path} cannot be written: {what}",
        way_out="What is recorded so far is safe. Make room or mend it, and run the same command to go on.",
    )
