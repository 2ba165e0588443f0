"""Who runs in a run directory: one process, on one host.

Two things together. On one host the kernel's lock tells, and lets go of a dead owner's, so that nothing stale is ever
in the way; it knows nothing of a process on another host that has the same folder by a network mount. Between hosts the
owner's note tells: its host, boot and pid, in a file of its own that only one can make (a hard link, which is atomic on
network mounts too) and that an orderly end removes. One of this host is believed where its process lives and has this
very folder, by this mount or another one, though the locked file was removed; else it is a dead owner's, before a
reboot or not, or came with a copy. One of another host may be that of a run that goes on there: it is refused, until
somebody says that the host is dead (`release`). A run looks now and then whether the folder is still its own.
"""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from shareout.errors import NO_ROOM, CannotRecord, RunDirectoryInUse
from shareout.fields import asdict, dataclass
from shareout.linux import host_name
from shareout.record.folder import RunFolder
from shareout.record.holder import Holder
from shareout.units import format_duration
from shareout.world import world

try:
    # Only runs lock. Plan, merge and status may be done anywhere.
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

MACHINE = Path("/etc/machine-id")
A_LOOK_S = 0.5
HOLD_S = 5.0
"""Between two looks of a run whether the folder is still its own."""
WATCH_S = 3.0
"""So long it is watched whether a run says something, that nobody can be asked about: each does so once a second."""
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class Owner:
    """The note. `boot` is another after each start of a host's kernel, `machine` the same for ever; both may be
    unknown, in a container."""

    host: str
    pid: int
    boot: str
    machine: str
    since: float
    began: int = 0
    device: int = 0
    inode: int = 0
    """These three as in `Holder`."""

    @classmethod
    def this(cls, folder: RunFolder) -> Owner:
        """The process that asks, on this host, since now."""
        # Its hash: the number itself is nobody's business.
        machine = blake3(_read(MACHINE)).hexdigest()[:16] if _read(MACHINE) else ""
        boot, since = world.boot_id(), round(world.time(), 3)
        return cls(host_name(), boot=boot, machine=machine, since=since, **asdict(Holder.this(folder)))

    def is_elsewhere(self, here: Owner) -> bool:
        """Whether it may live where this kernel's locks say nothing. The same boot is the same kernel, whatever the
        host is called now or in a container. The same host with another boot was started anew, and its processes are
        gone; two hosts of one name are told apart by their machine ids."""
        if self.boot and self.boot == here.boot:
            return False
        return self.host != here.host or bool(self.machine and here.machine and self.machine != here.machine)

    def lives_in(self, folder: RunFolder) -> bool:
        """Whether its process goes on, on this host, and this is its folder: no copy."""
        return self.boot == world.boot_id() and self._holder.is_of(folder) and self._holder.lives()

    def lives_by_another_mount(self, folder: RunFolder) -> bool:
        """The same of a folder that this kernel has mounted twice, where its locks do not tell: by sshfs, or in
        containers."""
        if self.boot != world.boot_id() or self._holder.is_of(folder):
            return False
        if not self._holder.lives():
            # Dead; or in another container, where it has another number.
            return self.host != host_name() and _moves(folder)
        seen = self._holder.works_in(folder)
        return _moves(folder) if seen is None else seen

    @property
    def _holder(self) -> Holder:
        return Holder(self.pid, self.began, self.device, self.inode)


def owner_of(folder: RunFolder) -> Owner | None:
    """Whose note is there; None when there is none that can be read."""
    try:
        return Owner(**json.loads(folder.owner.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def owner_elsewhere(folder: RunFolder) -> Owner | None:
    """The same, where that is another host."""
    owner = owner_of(folder)
    return owner if owner is not None and owner.is_elsewhere(Owner.this(folder)) else None


def refuse_owned(folder: RunFolder) -> None:
    """When a process here holds it, or one of another host may."""
    if is_locked(folder):
        raise in_use(folder)
    if owner := owner_elsewhere(folder):
        raise _elsewhere(folder, owner)
    owner = owner_of(folder)
    if owner is not None and owner.lives_by_another_mount(folder):
        raise _elsewhere(folder, owner)


class Lock:
    """Held while this process lives."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._looks_at = world.monotonic() + HOLD_S
        try:
            self._handle = world.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unlockable(folder.lock, error) from error
        try:
            # flock and not lockf: a POSIX lock is lost when its process closes any descriptor of that file, as a look
            # at `is_locked` does.
            self._take()
            self._own = Owner.this(folder)
            _note_down(folder, self._own)
        except BlockingIOError:
            world.close(self._handle)
            raise in_use(folder) from None
        except OSError as error:
            world.close(self._handle)
            raise _unlockable(folder.lock, error) from error
        except BaseException:
            world.close(self._handle)
            raise

    def _take(self) -> None:
        """BlockingIOError when somebody has it. A moment is given to one who only looks whether it is held."""
        end = world.monotonic() + A_LOOK_S
        while True:
            try:
                return world.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = owner_of(self._folder)
                if (owner is not None and owner.lives_in(self._folder)) or world.monotonic() >= end:
                    raise
            world.sleep(0.01)

    def hold(self) -> None:
        """To be called now and then: RunDirectoryInUse when the folder is another run's by now, since a person has said
        that this host was dead. A note that was removed is put again."""
        if world.monotonic() < self._looks_at:
            return
        self._looks_at = world.monotonic() + HOLD_S
        owner = owner_of(self._folder)
        if owner is None:
            # Also where nothing can be read or written for now: the journal tells that in time.
            with suppress(OSError):
                _note_down(self._folder, self._own)
        elif owner != self._own:
            raise RunDirectoryInUse(
                f"{self._folder.path} is another run's now: that of process {owner.pid} on {owner.host}",
                way_out="Somebody said that this host was dead, and it was not. Let the other run go on: what was "
                "recorded here counts.",
            )

    def fileno(self) -> int:
        """For whoever must close it after a fork: the lock lives as long as any copy of it is open."""
        return self._handle

    def release(self) -> None:
        """Gives the folder free and takes the note away. What a killed process leaves is judged by the next one."""
        with suppress(OSError):
            # What cannot be removed is this host's own, and in nobody's way here.
            self._folder.owner.unlink(missing_ok=True)
        world.close(self._handle)


def is_locked(folder: RunFolder) -> bool:
    """Whether a living process on this host holds it."""
    owner = owner_of(folder)
    return _is_held(folder) or (owner is not None and owner.lives_in(folder))


def _is_held(folder: RunFolder) -> bool:
    if fcntl is None:
        # No run of this host can hold it; what another one's note says is looked at in any case.
        return False
    try:
        handle = world.open(folder.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared one, so that two who only look do not take each other for an owner.
        world.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        world.close(handle)
    return False


def declare_dead(folder: RunFolder, owner: Owner, watch_s: float) -> None:
    """Take the note of a host that is dead away; refused when what it tells of its run still changes."""
    before = _read(folder.live)
    end = world.monotonic() + watch_s
    # Not by the age of the file: two hosts' clocks may be hours apart. What changes is written by somebody.
    while before and world.monotonic() < end:
        world.sleep(0.1)
        if _read(folder.live) != before:
            raise RunDirectoryInUse(
                f"{owner.host} is alive: process {owner.pid} there works in {folder.path}",
                way_out="Wait for it, or stop it: Ctrl-C there, or `kill` with that pid.",
            )
    if owner_of(folder) == owner:
        folder.owner.unlink(missing_ok=True)


def _note_down(folder: RunFolder, own: Owner) -> None:
    """Whoever makes the file has the folder; the kernel's lock is held already."""
    # Written whole under another name and then linked: O_EXCL was not atomic on old network mounts, and would show
    # others a note that is half written.
    fresh = folder.path / f".owner.{own.host}"
    try:
        with fresh.open("wb") as file:
            file.write(json.dumps(asdict(own)).encode("ascii"))
            file.flush()
            world.fsync(file.fileno())
        while not _is_made(fresh, folder):
            left = owner_of(folder)
            if left == own:
                # A network's first answer was lost, and what was asked again found it made.
                return
            if left is not None and left.is_elsewhere(own):
                raise _elsewhere(folder, left)
            if left is not None and left.lives_in(folder):
                # Its locked file was removed, and the one that we have locked is another.
                raise in_use(folder)
            if left is not None and left.lives_by_another_mount(folder):
                raise _elsewhere(folder, left)
            # Whose note it was is dead, for we hold the kernel's lock; or it came with a copy, or is no note at all.
            _take_away(folder, left)
    finally:
        fresh.unlink(missing_ok=True)


def _take_away(folder: RunFolder, left: Owner | None) -> None:
    """That note and no other: where locks do not tell, somebody may have put another one meanwhile."""
    gone = folder.path / f".owner.{world.getpid()}.gone"
    with suppress(FileNotFoundError):
        folder.owner.replace(gone)
        try:
            found: Owner | None = Owner(**json.loads(gone.read_bytes()))
        except (ValueError, TypeError):
            found = None
        if found != left:
            with suppress(FileExistsError):
                world.link(gone, folder.owner)
        gone.unlink(missing_ok=True)


def _is_made(fresh: Path, folder: RunFolder) -> bool:
    try:
        world.link(fresh, folder.owner)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # No hard links: none of the usual network mounts, and nearly as good.
        if folder.owner.exists():
            return False
        fresh.replace(folder.owner)
    return True


def in_use(folder: RunFolder, pid: int | None = None) -> RunDirectoryInUse:
    """By a process that is named, or by the one that has noted itself down."""
    owner = owner_of(folder)
    user = f"process {owner.pid} on {owner.host}" if owner else "another process"
    return RunDirectoryInUse(
        f"{folder.path} is in use by {user if pid is None else f'process {pid}'}",
        way_out="Wait for it (`wait`), or stop it: Ctrl-C there, or `kill` with that pid.",
    )


def _elsewhere(folder: RunFolder, owner: Owner) -> RunDirectoryInUse:
    where = "by another mount of this folder" if owner.boot == world.boot_id() else "another host"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(owner.since))
    still_s = _still_for_s(folder)
    moved = "" if still_s is None else f"; it last moved {format_duration(round(still_s))} ago"
    return RunDirectoryInUse(
        f"{folder.path} is in use by process {owner.pid} on {owner.host}, {where}, since {since}{moved}",
        way_out=f"Wait for it, or stop it there. If {owner.host} is dead for sure, or this is a copy: "
        f"release {owner.host}",
    )


def _moves(folder: RunFolder) -> bool:
    """Whether a run there says something new of itself."""
    before, end = _read(folder.live), world.monotonic() + WATCH_S
    while before and world.monotonic() < end:
        world.sleep(0.1)
        if _read(folder.live) not in (before, b""):
            return True
    return False


def _still_for_s(folder: RunFolder) -> float | None:
    """How long ago the run that has it last said how it stands; None when it says nothing, or nobody can tell."""
    fresh = folder.path / f".look.{host_name()}"
    try:
        told = world.stat(folder.live).st_mtime
        # By the clock of whoever keeps the folder, which has dated the other file as well: hosts' clocks differ.
        fresh.write_bytes(b"")
        now = world.stat(fresh).st_mtime
        fresh.unlink()
    except OSError:
        return None
    return max(0.0, now - told)


def _unlockable(path: Path, error: OSError) -> CannotRecord:
    if error.errno in NO_ROOM:
        way_out = "Make room, or name another place with --runs DIR."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        way_out = "Give yourself the right to write there, or name another place with --runs DIR."
    else:
        way_out = "Name another place with --runs DIR: a local folder, when this file system knows no locks."
    return CannotRecord(f"{path} cannot be locked: {error.strerror or error}", way_out=way_out)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""
