"""If the parent is killed, its workers and commands go with it: a tiny process that waits for nothing else.

It waits for the parent's end and for a goodbye before that. Without one it kills all that carries the run's mark.
Where jobs may leave processes in the background, it kills the workers only, and the running jobs with all that is in
their groups and sessions: a shared table names them, with the time at which they were named, so that a number which
was given to another process since is nobody's. It stands in a session of its own, so that a Ctrl-C or a killed process
group does not reach it. If it is killed, the parent forks another; if both are, the lifeline serves.
"""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from shareout.errors import cannot_start
from shareout.run.hands import Ended
from shareout.run.processes.children import Children
from shareout.run.processes.lifeline import Lifeline
from shareout.run.processes.mark import PAUSE_S, SWEEPS, Mark
from shareout.run.processes.proc import Process, family, is_zombie, processes
from shareout.run.stops import CAUGHT
from shareout.world import close_all_but, world

GOODBYE = b"."
# A process, and the seconds since the machine's start at which it was named.
ENTRY = struct.Struct("qd")


class Guardian:
    """Started before the first job, from the parent."""

    def __init__(self, slots: int, mark: Mark, children: Children, *, leave_background: bool) -> None:
        self._slots = slots
        self._mark = mark
        self._children = children
        self._leave = leave_background
        # Else the run's mark tells who belongs to it, and the table is not asked for commands.
        self._names_leaders = leave_background or not world.pids()
        # A worker and a command for each slot.
        # Memory, for it is written at each command and read only after a kill: a pipe would take a system call each
        # time, and somebody who reads it.
        self._table = world.shared(max(1, 2 * slots) * ENTRY.size)
        self._lifeline = Lifeline(slots)
        self._reader, self._writer = world.pipe()
        self._fork()

    def runs(self, slot: int, pid: int) -> None:
        """A process now works in a slot."""
        self._name(slot, pid)

    def leads(self, slot: int, pid: int) -> None:
        """Called in a worker: the group that the job of its slot now is; 0: none. Before its leader is reaped."""
        if self._names_leaders:
            self._name(self._slots + slot, pid)
        # That nobody leads is said only where what a command leaves in its group may live. Else the group has gone, the
        # kernel knows that by itself, and a short command is spared a system call.
        if pid or self._leave:
            self._lifeline.hold(slot, pid)

    def foreign(self, slot: int) -> list[int]:
        """What the worker of a slot must close: the pipes must end with the parent and the guardian."""
        return [self._reader, self._writer, *self._lifeline.foreign(slot)]

    def replace(self, ended: Mapping[int, Ended]) -> None:
        """If it is among those that have ended, another takes its place."""
        if self.pid in ended:
            self._fork()

    def dismiss(self) -> None:
        """The run is over and nothing of it is left. It may have been killed: its duty is over as well."""
        with suppress(BrokenPipeError):
            world.write(self._writer, GOODBYE)
        with suppress(ChildProcessError):
            world.waitpid(self.pid, 0)
        world.close(self._reader)
        world.close(self._writer)
        self._lifeline.close()

    def _name(self, entry: int, pid: int) -> None:
        ENTRY.pack_into(self._table, entry * ENTRY.size, pid, world.since_boot())

    def _fork(self) -> None:
        parent = world.getpid()
        try:
            self.pid = world.fork(partial(self._guard, parent))
        except OSError as error:
            raise cannot_start("guardian", error) from error
        self._children.add(self.pid)

    def _guard(self, parent: int) -> int:
        world.setsid()
        world.set_wakeup_fd(-1)
        for number in CAUGHT:
            if world.getsignal(number) != signal.SIG_IGN:
                world.signal(number, _let_pass)
        # Neither the lock, nor a terminal, nor a pipe that somebody waits on.
        close_all_but({self._reader, *self._lifeline.handles()})
        if _goodbye(self._reader, parent):
            return 0
        if not world.pids():
            self._end_unseen()
            return 0
        if not self._leave:
            self._mark.sweep({world.getpid(), parent})
            return 0
        for _ in range(SWEEPS):
            seen = processes()
            named = [pid for pid, when in ENTRY.iter_unpack(bytes(self._table)) if _is_still(seen.get(pid), when)]
            left = {pid for pid in family(named, seen, descendants=False) if not is_zombie(pid)}
            if not left:
                break
            for pid in left - {world.getpid(), parent}:
                self._mark.end(pid)
            world.sleep(PAUSE_S)
        return 0

    def _end_unseen(self) -> None:
        """Where no process can be looked at there is only the table, and its numbers have to be trusted."""
        named = {pid for pid, _ in ENTRY.iter_unpack(bytes(self._table))} - {0}
        for pid in named:
            # Both: one that was only just forked leads no group yet.
            for end in (world.kill, world.killpg):
                with suppress(OSError):
                    end(pid, signal.SIGKILL)


def _let_pass(number: int, frame: object) -> None:
    """It is the parent that is to heed it. Not ignored: what is ignored is so in every program that is started."""


def _goodbye(reader: int, parent: int) -> bool:
    """Waits for the parent's end; whether it was an orderly one. Its pipe may be held open by what a hook of the user's
    has forked: then the end of the process itself tells."""
    handles = [reader]
    with suppress(OSError):
        handles.append(world.pidfd_open(parent))
    # Else it died before we came here, and there is nothing to wait for.
    if world.getppid() == parent:
        world.readable(handles, None)
    return bool(world.readable([reader], 0)) and world.read(reader, 1) == GOODBYE


def _is_still(process: Process | None, named: float) -> bool:
    """Whether it had begun when it was named."""
    return process is not None and process.began <= named + 1 / os.sysconf("SC_CLK_TCK")
