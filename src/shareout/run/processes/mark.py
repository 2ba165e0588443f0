"""What tells the processes of one run from all others, whatever they do to get away.

It is a number in a resource limit that Linux keeps and has not heeded since 2.4.25 (RLIMIT_LOCKS): every process
inherits it from who started it, and neither a session of its own, nor a parent that dies, nor an emptied environment
sheds it. Where it cannot be set, the environment of the jobs has the number as well. A process is killed by a handle
that is looked at again: never another one that was given its number since.

A run that ends what it leaves behind keeps its number in its run directory until all has ended, and which process in
which folder it is. The next start of that machine ends whatever still carries the number, before it starts a job; but
nothing of a run that goes on, and nothing that belongs to the original of a copied folder.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection

from shareout.errors import CannotRecord
from shareout.fields import asdict, dataclass
from shareout.files import replace_file
from shareout.record.folder import RunFolder
from shareout.record.holder import Holder
from shareout.record.lock import in_use
from shareout.run.processes.proc import is_zombie
from shareout.world import world

SWEEPS = 100
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Mark:
    """Of one run."""

    number: int

    @classmethod
    def new(cls, folder: RunFolder, *, keep: bool) -> Mark:
        """From now on this process carries it, and all that it starts. Of 62 bits, by chance: no other run ever has it.
        `keep`: until all has ended it stands in the run directory, for the next start."""
        mark = cls(int.from_bytes(os.urandom(8)) >> 2 | 1 << 61)
        world.mark_descendants(mark.number)
        if keep:
            mark._keep(folder)
        return mark

    @property
    def text(self) -> str:
        """As it stands in the environment of jobs."""
        return f"{self.number:x}"

    def is_on(self, pid: int) -> bool:
        """Whether a process lives that carries it."""
        carried = b" %d " % self.number in world.about(pid, "limits")
        return (carried or self.text.encode() in world.about(pid, "environ")) and not is_zombie(pid)

    def carriers(self, spared: Collection[int]) -> set[int]:
        """All that live and carry it, but these."""
        return {pid for pid in set(world.pids()).difference(spared) if self.is_on(pid)}

    def end(self, pid: int) -> None:
        """Kill it, if it is still the one that carries the mark."""
        try:
            # First the handle, then the look, then the signal: between a look and a signal by number the number may
            # become another's.
            handle = world.pidfd_open(pid)
        except OSError:
            return
        try:
            if self.is_on(pid):
                world.pidfd_send_signal(handle, signal.SIGKILL)
        except OSError:
            return
        finally:
            world.close(handle)

    def sweep(self, spared: Collection[int]) -> set[int]:
        """End all of them. Those that cannot be ended."""
        quiet = 0
        for _ in range(SWEEPS):
            left = self.carriers(spared)
            for pid in left:
                self.end(pid)
            # Twice: what one of them was starting as it died may be seen only a moment later.
            quiet = 0 if left else quiet + 1
            if quiet == 2:
                break
            world.sleep(PAUSE_S)
        return left

    def _keep(self, folder: RunFolder) -> None:
        try:
            kept = {"mark": self.number, "boot": world.boot_id(), **asdict(Holder.this(folder))}
            # Not synced: a power cut that takes it away takes the processes as well.
            replace_file(folder.mark, [json.dumps(kept).encode()], sync=False)
        except OSError as error:
            raise CannotRecord(
                f"{folder.mark} cannot be written: {error.strerror}", way_out="Make room or mend it, and run again."
            ) from error


def end_earlier(folder: RunFolder, said: Callable[[str], None]) -> None:
    """What a run that was killed with all its helpers has left alive on this host. We hold its lock; where that was
    removed while its run goes on, the run has the folder."""
    try:
        kept = json.loads(folder.mark.read_bytes())
        mark, boot = Mark(int(kept.pop("mark"))), kept.pop("boot")
        holder = Holder(**kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if boot == world.boot_id() and holder.is_of(folder):
        if holder.pid != world.getpid() and holder.lives():
            raise in_use(folder, holder.pid)
        _end_left(mark, said)
    folder.mark.unlink(missing_ok=True)


def _end_left(mark: Mark, said: Callable[[str], None]) -> None:
    found = mark.carriers({world.getpid()})
    if found:
        left = mark.sweep({world.getpid()})
        said(f"ended first: {len(found - left)} processes that an earlier run had left behind")
        if left:
            pids = ", ".join(map(str, sorted(left)))
            said(f"processes of an earlier run cannot be ended, and may work on its jobs still: {pids}")
