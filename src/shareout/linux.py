"""The real world, and what is asked of Linux by number: prctl, and a limit that has no name.

Elsewhere the questions answer "no". What an answer is worth stands in the contract (`world.World`).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from selectors import BaseSelector
    from typing import Any

try:
    # Only runs fork, lock and map. Plan, merge and status may be done anywhere.
    import fcntl
    import mmap
except ImportError:
    fcntl = None  # type: ignore[assignment]

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
RLIMIT_LOCKS = 10
ABOVE_ALL_HANDLES = 65_536
"""Where there is no /proc to list the open ones."""


def host_name() -> str:
    """As `socket` has it, which is slow to load."""
    if sys.platform == "win32":
        from platform import node

        return node()
    return os.uname().nodename


def folders_of_handles(pid: int, name: str) -> list[str]:
    """The folders of those files of a name that a process has open, as that process sees them; none where nobody tells
    us."""
    found = []
    with suppress(OSError):
        for handle in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                folder, _, last = os.readlink(f"/proc/{pid}/fd/{handle}").rpartition("/")
                if last == name:
                    found.append(f"/proc/{pid}/root{folder}")
    return found


def die_with_parent(number: int, parent: int) -> None:
    """Be sent a signal when the parent dies; at once when it is gone already."""
    # Linux means the thread that has forked us and not its process: whoever forks does so from the main thread. And a
    # parent that died between our start and this call sends nothing any more.
    if _prctl(PR_SET_PDEATHSIG, number) and os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent dies."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def mark_descendants(number: int) -> None:
    """Set a resource limit that Linux keeps and does not heed: all that descends from us has it, and it tells them."""
    if sys.platform.startswith("linux"):
        import resource

        with suppress(OSError, ValueError):
            # The soft limit alone: with a hard one that was lowered, a run within a job of another could not set a
            # higher number.
            resource.setrlimit(RLIMIT_LOCKS, (number, resource.getrlimit(RLIMIT_LOCKS)[1]))


class Linux:
    """The real one. Elsewhere what only runs need is missing, and is not asked for."""

    def __init__(self) -> None:
        self.time = time.time
        self.time_ns = time.time_ns
        self.monotonic = time.monotonic
        self.sleep = time.sleep
        self.open = os.open
        self.close = os.close
        self.read = os.read
        self.write = os.write
        self.lseek = os.lseek
        self.ftruncate = os.ftruncate
        self.fsync = os.fsync
        self.fstat = os.fstat
        self.stat = os.stat
        self.enter = os.chdir
        self.link: Any = os.link
        self.listdir: Any = os.listdir
        self.path = Path
        self.pipe = os.pipe
        self.dup2: Any = os.dup2
        self.getpid = os.getpid
        self.getppid = os.getppid
        self.kill = os.kill
        self.waitpid = os.waitpid
        self.signal = signal.signal
        self.getsignal = signal.getsignal
        self.set_wakeup_fd = signal.set_wakeup_fd
        self.exit: Any = os._exit
        self.die_with_parent = die_with_parent
        self.adopt_orphans = adopt_orphans
        self.mark_descendants = mark_descendants
        self.set_blocking = _posix(os, "set_blocking")
        self.pread = _posix(os, "pread")
        self.pwrite = _posix(os, "pwrite")
        self.fdatasync = _posix(os, "fdatasync")
        self.fstatvfs = _posix(os, "fstatvfs")
        self.flock = _posix(fcntl, "flock")
        self.fcntl = _posix(fcntl, "fcntl")
        self.posix_spawn = _posix(os, "posix_spawn")
        self.waitid = _posix(os, "waitid")
        self.wait4 = _posix(os, "wait4")
        self.killpg = _posix(os, "killpg")
        self.getpgid = _posix(os, "getpgid")
        self.getsid = _posix(os, "getsid")
        self.setsid = _posix(os, "setsid")
        self.nice = _posix(os, "nice")
        self.pidfd_open = _posix(os, "pidfd_open")
        self.pidfd_send_signal = _posix(signal, "pidfd_send_signal")

    def since_boot(self) -> float:
        """CLOCK_BOOTTIME, which goes on while the host is suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def selector(self) -> BaseSelector:
        """The best that the system has."""
        from selectors import DefaultSelector

        return DefaultSelector()

    def readable(self, handles: Collection[int], seconds: float | None) -> list[int]:
        """`seconds` None: waited for without end."""
        # Not select.select: it knows no descriptor above 1,023.
        poll = select.poll()
        for handle in handles:
            poll.register(handle, select.POLLIN)
        return [handle for handle, _ in poll.poll(None if seconds is None else max(0.0, seconds) * 1000)]

    def shared(self, size: int) -> Any:
        """Memory without a file: it is gone with the last of those that share it."""
        return mmap.mmap(-1, size)

    def fork(self, body: Callable[[], int]) -> int:
        """By os._exit at the end, so that no handler of the parent's runs a second time in the child."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = body()
            except BaseException:  # noqa: BLE001
                from traceback import print_exc

                print_exc()
            finally:
                os._exit(code)
        return pid

    def pids(self) -> list[int]:
        """From /proc, where each has a folder."""
        return [int(name) for name in _listed("/proc") if name.isdigit()]

    def about(self, pid: int, what: str) -> bytes:
        """Read at once: a process may end between two reads."""
        try:
            with open(f"/proc/{pid}/{what}", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def handles(self) -> list[int]:
        """From /proc/self/fd; else all numbers that a descriptor could have, up to ABOVE_ALL_HANDLES."""
        most = min(os.sysconf("SC_OPEN_MAX"), ABOVE_ALL_HANDLES)
        return [int(name) for name in _listed("/proc/self/fd")] or list(range(most))

    def boot_id(self) -> str:
        """As the kernel drew it at its start."""
        try:
            with open("/proc/sys/kernel/random/boot_id", "rb") as file:
                return file.read().decode("ascii").strip()
        except OSError:
            return ""

    def children(self) -> list[int]:
        """Of every thread, for a child belongs to the one that forked it."""
        found: list[int] = []
        # Not by a walk through all of /proc, which would be a file for every process of the host, after every death.
        for task in _listed("/proc/self/task"):
            try:
                with open(f"/proc/self/task/{task}/children", "rb") as file:
                    found += map(int, file.read().split())
            except OSError:
                continue
        return found


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    # Here, for most commands never ask.
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _posix(module: Any, name: str) -> Any:
    return getattr(module, name, None)
