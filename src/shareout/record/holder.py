"""The process that runs in a run directory, told so that nothing else is ever taken for it: neither another process
that was given its number since, nor the run that goes on in the original of a copied folder."""

from __future__ import annotations

from pathlib import Path

from shareout.fields import dataclass
from shareout.linux import folders_of_handles
from shareout.record.folder import RunFolder
from shareout.world import stat_of, world


@dataclass(frozen=True, slots=True)
class Holder:
    """What is noted of it."""

    pid: int
    began: int
    """Clock ticks after the start of the host, as `/proc/PID/stat` has it."""
    device: int
    inode: int
    """Of the folder: a copy has others, one that was renamed has not."""

    @classmethod
    def this(cls, folder: RunFolder) -> Holder:
        """The process that asks. OSError when the folder is gone."""
        pid, (device, inode) = world.getpid(), _identity(folder)
        return cls(pid, _began(pid), device, inode)

    def is_of(self, folder: RunFolder) -> bool:
        """Whether it was noted for this very folder, and not for the one that this is a copy of."""
        return (self.device, self.inode) == _identity(folder)

    def lives(self) -> bool:
        """On this host, since the start that it was noted in."""
        return self.began > 0 and _began(self.pid) == self.began

    def works_in(self, folder: RunFolder) -> bool | None:
        """Whether this is the folder that it has locked, though perhaps by another mount; None where nobody tells us.
        What is put here is seen there, or this is another one."""
        places = folders_of_handles(self.pid, folder.lock.name)
        probe = folder.path / f".look.{world.getpid()}"
        try:
            probe.write_bytes(b"")
            return any(Path(place, probe.name).exists() for place in places) if places else None
        except OSError:
            return None
        finally:
            probe.unlink(missing_ok=True)


def _identity(folder: RunFolder) -> tuple[int, int]:
    told = world.stat(folder.path)
    return told.st_dev, told.st_ino


def _began(pid: int) -> int:
    """0 of a process that is gone, or dead and only not waited for yet."""
    fields = stat_of(pid)
    # When it began, the 22nd field of proc(5): of all processes that are given a number one after the other, each has
    # its own.
    return 0 if not fields or fields[0] in (b"Z", b"X") else int(fields[19])
