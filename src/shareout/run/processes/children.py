"""Reaps children, and ends what a job leaves behind: background processes, daemons, grandchildren.

This process adopts every descendant whose parent dies (a subreaper), so nothing of a job can hide behind
`setsid` or a double fork: when its leader has ended, what we adopted belongs to it by its session, or by the
mark in its environment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

from shareout.run.hands import Ended
from shareout.world import world

MARK = "SHAREOUT_MARK"
PATIENCE_S = 2.0


class Children:
    """All child processes of a run, ours and adopted."""

    def __init__(self, *, leave_background: bool) -> None:
        world.adopt_orphans()
        self._leave = leave_background
        self._ours: set[int] = set()
        # Whether something has died since the last look: as a rule nothing is adopted otherwise, and a look at all
        # children is a file of /proc for each thread.
        self._suspect = False
        self.statuses: dict[int, int | None] = {}
        self.spared = ""
        """The mark of what a START command left running: it may live until the STOP commands have run."""

    def add(self, pid: int) -> None:
        """A process that we started ourselves."""
        self._ours.add(pid)

    def watch(self, pid: int) -> None:
        """The same, and `statuses` has how it ended, when it has."""
        self.statuses[pid] = None
        self._ours.add(pid)

    def reap(self) -> dict[int, Ended]:
        """Those of ours that ended, each with its group gone; adopted ones are only waved off."""
        ended: dict[int, Ended] = {}
        while True:
            try:
                # Looked at before it is reaped: while it is a zombie its number cannot be another's group.
                found = world.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if found is None:
                break
            pid = found.si_pid
            if pid in self._ours:
                if not self._leave:
                    kill_group(pid, signal.SIGKILL)
                _, status, usage = world.wait4(pid, 0)
                ended[pid] = Ended(status, usage.ru_maxrss * 1024)
                self._ours.discard(pid)
                self._suspect = True
                if pid in self.statuses:
                    self.statuses[pid] = status
            else:
                world.waitpid(pid, 0)
                self._suspect = True
        return ended

    def sweep(self, running: Mapping[int, str]) -> None:
        """End adopted processes that belong to no running job; `running` is leader → mark."""
        if self._leave or not self._suspect:
            return
        self._suspect = False
        for pid in self.adopted():
            if not self._belongs(pid, running):
                # Seen again until it is gone: its own children come to us only when it has died.
                self._suspect = True
                _kill(pid)

    def end_all(self) -> None:
        """At the end of a run: whatever was adopted and still lives."""
        for _ in range(100):
            # Again, for what we adopt from the dead; not without end, for what is started as fast as it is killed must
            # not hold up the end of a run.
            left = [pid for pid in self.adopted() if not (self.spared and self._belongs(pid, {}))]
            if self._leave or not left:
                return
            for pid in left:
                _kill(pid)
            if not _bury(left):
                return

    def adopted(self) -> list[int]:
        """Those whose parent has died; ours are what we have started ourselves."""
        return [pid for pid in world.children() if pid not in self._ours]

    def _belongs(self, pid: int, running: Mapping[int, str]) -> bool:
        try:
            # The session first: the environment is a file to read, and a job may have emptied it.
            if world.getsid(pid) in running or world.getpgid(pid) in running:
                return True
        except OSError:
            return False
        environ = world.about(pid, "environ")
        marks = [*running.values(), self.spared] if self.spared else running.values()
        return any(mark.encode() in environ for mark in marks)


def end_children() -> None:
    """Kill whatever the job started and did not wait for; we adopt its descendants, so in the end all are ours."""
    for _ in range(100):
        pids = world.children()
        if not pids:
            return
        for pid in pids:
            kill_one(pid, signal.SIGKILL)
        if not _bury(pids):
            return


def _bury(pids: Sequence[int]) -> bool:
    """Of children that were killed: wait for them and take them away; whether all are gone. Not for ever: what hangs in
    a file system that does not answer dies when that answers, and other jobs have nothing to do with it."""
    await_deaths(pids, world.monotonic() + PATIENCE_S)
    left = 0
    for pid in pids:
        try:
            left += world.waitpid(pid, os.WNOHANG)[0] != pid
        except ChildProcessError:
            continue
    return not left


def kill_group(leader: int, number: int) -> None:
    """Signal a job's group. Group 0 would be our own."""
    # Of 0 and 1 kill(2) makes no groups: 0 is our own, and 1 would be its -1, everything that this user may signal.
    if leader <= 1:
        return
    try:
        world.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def kill_child(pid: int, number: int) -> None:
    """Signal a child of ours and its group, if it is still one: while it is not waited for, its number is its own."""
    try:
        world.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return
    kill_group(pid, number)
    # One that was only just forked leads no group yet.
    kill_one(pid, number)


def is_alive(pid: int) -> bool:
    """Of a child of ours that was not waited for yet: whether it goes on."""
    try:
        return world.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def await_deaths(pids: Sequence[int], until: float) -> None:
    """Of children of ours that were killed. What a dying worker has just started is adopted by us only when the worker
    is dead: whoever looked for it before would find nothing. Not for ever, for a worker may hang in a file system."""
    while any(is_alive(pid) for pid in pids) and world.monotonic() < until:
        world.sleep(0.0005)


def kill_one(pid: int, number: int) -> None:
    """Signal a process that may be gone, or not ours to signal: then nothing happens."""
    try:
        world.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _kill(pid: int) -> None:
    try:
        if world.getpgid(pid) == pid:
            world.killpg(pid, signal.SIGKILL)
        world.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
