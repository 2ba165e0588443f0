"""If the parent is killed, its workers and commands go with it: a tiny process that waits for nothing else.

The parent keeps one end of a pipe; the process ids of workers and their commands stand in a shared table. When
the pipe ends without a goodbye, the parent is dead: the guardian kills what the table names with all that
descends from it, then whatever still carries this run's mark in its environment. It stands in a session of
its own, so that a Ctrl-C or a killed process group does not reach it.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from pathlib import Path

GOODBYE = b"."
SWEEPS = 40
PAUSE_S = 0.02
ENTRY = struct.Struct("i")


class Guardian:
    """Started before the first job, from the parent."""

    def __init__(self, slots: int, mark: str, *, leave_background: bool) -> None:
        self._slots = slots
        # A worker and a command for each slot.
        self._table = mmap.mmap(-1, max(1, 2 * slots) * ENTRY.size)
        reader, self._writer = os.pipe()
        os.set_inheritable(self._writer, False)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._writer)
                _guard(reader, self._table, "" if leave_background else mark, parent)
            finally:
                os._exit(0)
        os.close(reader)

    def runs(self, slot: int, pid: int) -> None:
        """A process now works in a slot; 0: none does."""
        ENTRY.pack_into(self._table, slot * ENTRY.size, pid)

    def leads(self, slot: int, pid: int) -> None:
        """Called in a worker: the command that it now waits for; 0: none."""
        ENTRY.pack_into(self._table, (self._slots + slot) * ENTRY.size, pid)

    def handles(self) -> list[int]:
        """What a worker must close: the pipe must end with the parent."""
        return [self._writer]

    def dismiss(self) -> None:
        """The run is over and nothing of it is left."""
        os.write(self._writer, GOODBYE)
        os.close(self._writer)
        os.waitpid(self.pid, 0)


def _guard(reader: int, table: mmap.mmap, mark: str, parent: int) -> None:
    """Without a mark, what jobs leave in the background may live: only the workers go, and the running jobs."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _close_all_but(reader)
    if os.read(reader, 1) == GOODBYE:
        return
    slots = [pid for (pid,) in ENTRY.iter_unpack(bytes(table)) if pid > 0]
    quiet = 0
    for _ in range(SWEEPS):
        found = family(slots) | marked(mark) if mark else family(slots, descendants=False)
        left = found - {os.getpid(), parent}
        left = {pid for pid in left if not _is_zombie(pid)}
        for pid in left:
            kill(pid)
        # Twice: what a worker was spawning when it died carries the mark only a moment later.
        quiet = 0 if left else quiet + 1
        if quiet == 2:
            return
        time.sleep(PAUSE_S)


def family(leaders: list[int], *, descendants: bool = True) -> set[int]:
    """The leaders that live, everything in their sessions and groups, and all descendants, from one look at /proc."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    wanted = set(leaders)
    for pid, ppid, group, session in _processes():
        parents[pid] = ppid
        if wanted & {pid, group, session}:
            found.add(pid)
    grown = descendants
    while grown:
        more = {pid for pid, ppid in parents.items() if ppid in found} - found
        grown = bool(more)
        found |= more
    return found


def marked(mark: str) -> set[int]:
    """Every process that carries the mark in the environment it was started with."""
    needle = mark.encode()
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if needle in file.read():
                        found.add(int(name))
            except OSError:
                continue
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _processes() -> list[tuple[int, int, int, int]]:
    """pid, parent, group and session of everything that runs."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
            except OSError:
                continue
            fields = text[text.rindex(")") + 2 :].split()
            found.append((int(name), int(fields[1]), int(fields[2]), int(fields[3])))
    return found


def _is_zombie(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return True
    return text[text.rindex(")") + 2 :].startswith(("Z", "X"))


def _close_all_but(kept: int) -> None:
    """The guardian must hold neither the lock, nor a terminal, nor a pipe that somebody waits on."""
    limit = max((int(name) for name in os.listdir("/proc/self/fd")), default=kept) + 1
    os.closerange(0, kept)
    os.closerange(kept + 1, limit)
