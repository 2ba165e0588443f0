"""If parent and guardian are both killed in one moment, the kernel kills the running jobs: nobody else is left to.

Parent and guardian hold the only write end of a pipe into which nothing is ever written. For each slot they hold a
read end that asks to be told of any change by SIGKILL, sent to the group of the slot's running job (O_ASYNC, F_SETSIG,
F_SETOWN). When the last of the two dies the pipe has no writer any more, and that is such a change. The kernel
remembers the group itself, not its number: one that has gone is nobody else's. Jobs hold none of these ends.

A dying process lets go of its highest descriptors first (Linux since 4.3): the write end stands above the read ends, so
that they are still there to be told.
"""

from __future__ import annotations

import fcntl
import os
import signal

from shareout.world import world

F_SETSIG = 10


class Lifeline:
    """Made by the parent, before it forks anybody."""

    def __init__(self, slots: int) -> None:
        first, writer = world.pipe()
        # A read end for each slot, opened and not copied: whom it tells belongs to what was opened.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._readers = [world.open(f"/proc/self/fd/{first}", flags) for _ in range(slots)]
        except FileNotFoundError:
            # No /proc, as in a bare chroot: nothing can be opened a second time. The guardian is there.
            self._readers = []
        for reader in self._readers:
            # First which signal, and then that there is to be one: between the two in the other order it would be
            # SIGIO.
            world.fcntl(reader, F_SETSIG, signal.SIGKILL)
            world.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        self._writer = world.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, max(self._readers, default=writer) + 1)
        world.close(writer)
        world.close(first)

    def hold(self, slot: int, group: int) -> None:
        """This group works in the slot; 0: none does."""
        # Not by `suppress`, which takes longer than the call; a worker does this once for each command.
        try:
            world.fcntl(self._readers[slot], fcntl.F_SETOWN, -group)
        except (OSError, IndexError):
            # It has ended already, with nobody left in it; or there are no ends.
            return

    def handles(self) -> list[int]:
        """All ends."""
        return [self._writer, *self._readers]

    def foreign(self, slot: int) -> list[int]:
        """The ends that a worker must let go of: all but its own slot's."""
        own = self._readers[slot : slot + 1]
        return [handle for handle in self.handles() if handle not in own]

    def close(self) -> None:
        """The run is over: nobody is to be killed."""
        for slot, _ in enumerate(self._readers):
            self.hold(slot, 0)
        for handle in self.handles():
            world.close(handle)
