"""The one seam to the world: what a run and its record ask of the outside, and how far an answer may be trusted.

A run goes wrong where it meets time, files, processes and signals, and there it can be tested only by luck. So the
crew, its hands, the guardian, the journal and the log call nothing of `os`, `time` or `signal` by themselves: they ask
`world`, which is Linux here and, for tests, a simulated kernel that is deterministic from a seed (`tests/simulated`).

Every answer is thin: most attributes *are* the system's function, so that asking costs what it always did. An answer
speaks of the moment in which it was given: a process that was alive may be dead, and its number another's; a file that
was there may be gone. All raise OSError where the world refuses. What touches nothing (names of signals, texts of
errors, the words of a path) is no part of this.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shareout.linux import Linux

if TYPE_CHECKING:
    from selectors import BaseSelector

Handler = Callable[[int, Any], object] | int | None


class World(Protocol):
    """What both worlds answer."""

    # The clocks.

    def time(self) -> float:
        """Seconds since 1970, as the host has them: may jump, also back."""

    def time_ns(self) -> int:
        """The same in nanoseconds."""

    def monotonic(self) -> float:
        """Seconds that nobody sets; worth nothing after a reboot or on another host."""

    def since_boot(self) -> float:
        """Seconds since the host was started, by the clock in which /proc tells when a process began."""

    def sleep(self, seconds: float, /) -> None:
        """At least so long. Signals are handled meanwhile."""

    # Files, by descriptors.

    def open(self, path: Path | str, flags: int, mode: int = 0o777, /) -> int:
        """A descriptor, not inherited by programs that are started. A new name is safe only when its
        folder was synced."""

    def close(self, handle: int, /) -> None:
        """Gone also where it raises: its number may be another file's from then on."""

    def read(self, handle: int, size: int, /) -> bytes:
        """Up to so many bytes; none at the end. Of a pipe: what is there, waited for unless it must not block."""

    def pread(self, handle: int, size: int, at: int, /) -> bytes:
        """The same at a place, whatever others have read: nothing that is shared moves."""

    def write(self, handle: int, data: Any, /) -> int:
        """How many bytes were taken: any number, also less than all. They are not safe before a sync."""

    def pwrite(self, handle: int, data: bytes, at: int, /) -> int:
        """The same at a place."""

    def lseek(self, handle: int, at: int, whence: int, /) -> int:
        """Where the next read or write begins; copies of the descriptor share it."""

    def ftruncate(self, handle: int, size: int, /) -> None:
        """As little safe as what was written."""

    def fsync(self, handle: int, /) -> None:
        """What was written before it is safe when it comes back. After a refusal nobody knows, and a second call that
        comes back says nothing about what the first was to make safe."""

    def fdatasync(self, handle: int, /) -> None:
        """The same, for bytes and length only."""

    def fstat(self, handle: int, /) -> os.stat_result:
        """Of what is open, also when its name is gone."""

    def stat(self, path: Path | bytes, /) -> os.stat_result:
        """Of what the name leads to now, through links."""

    def enter(self, folder: bytes | int, /) -> None:
        """Where relative names begin from now on, in this process and those that it starts; also by a descriptor."""

    def fstatvfs(self, handle: int, /) -> os.statvfs_result:
        """How much room the file system has; others may take it at once."""

    def flock(self, handle: int, operation: int, /) -> None:
        """A lock that lives as long as one copy of the descriptor, in whatever process."""

    def link(self, source: Path, target: Path, /) -> None:
        """A second name, that only one can make: FileExistsError for all others."""

    def listdir(self, path: Path | str, /) -> list[str]:
        """Names without an order, as they were at some moment of the call."""

    def path(self, text: str, /) -> Path:
        """A path whose own methods (`open`, `mkdir`, `stat`, `rename`, `unlink`, …) act in this world, as those that
        are derived from it do. A new name is safe only when its folder was synced."""

    # Descriptors that are no files.

    def pipe(self) -> tuple[int, int]:
        """Reader and writer, neither inherited by programs that are started."""

    def dup2(self, handle: int, other: int, /) -> int:
        """From now on `other` is a copy, and inherited; what it was is closed."""

    def set_blocking(self, handle: int, blocking: bool, /) -> None:
        """For all copies of the descriptor, in other processes too."""

    def fcntl(self, handle: int, command: int, argument: int, /) -> int:
        """Flags of a descriptor, as the system numbers them."""

    def selector(self) -> BaseSelector:
        """Waits for many descriptors, again and again."""

    def readable(self, handles: Collection[int], seconds: float | None) -> list[int]:
        """Those that can be read or have ended, waited for once."""

    def shared(self, size: int) -> Any:
        """A buffer of zeros that this process and those that it forks from now on see alike: a byte that one writes
        another may read a moment later. It has a place of its own in each process, as a file has: `write` puts bytes
        there, all of them in one step for the threads of the process, or none, by ValueError, where they do not fit."""

    # Processes.

    def getpid(self) -> int:
        """Our own number, also after a fork."""

    def getppid(self) -> int:
        """1, or whoever adopts orphans, when the parent is dead."""

    # A body, and no call that comes back twice: a simulated kernel can run a function, and cannot copy a Python that is
    # in the middle of one.
    def fork(self, body: Callable[[], int]) -> int:
        """A child that does `body`, and its number. It ends with what that gives back; with 1 after an exception, which
        it prints. What `body` takes from the parent's memory must be settled before: Linux copies it, the simulation
        does not."""

    def exit(self, code: int, /) -> None:
        """This process ends here, without a word to anybody."""

    def posix_spawn(
        self,
        program: str | bytes,
        words: Sequence[str | bytes],
        environment: Mapping[Any, Any],
        *,
        setsid: bool = False,
        setpgroup: int = ...,
        setsigdef: Collection[int] = (),
        setsigmask: Collection[int] = (),
        file_actions: Sequence[Any] = (),
    ) -> int:
        """Start a program; its number. It has descriptors 0, 1 and 2, and what else was made to be inherited."""

    def waitid(self, kind: int, number: int, options: int, /) -> Any:
        """Who of our children has ended; with WNOWAIT it stays a zombie, whose number nobody else is given."""

    def wait4(self, pid: int, options: int, /) -> tuple[int, int, Any]:
        """How it ended, and what it used. From now on its number may be another's."""

    def waitpid(self, pid: int, options: int, /) -> tuple[int, int]:
        """The same without what it used."""

    def kill(self, pid: int, number: int, /) -> None:
        """To whoever has that number *now*: sure only of a child that was not waited for."""

    def killpg(self, group: int, number: int, /) -> None:
        """To all of a group, if it has anybody; as sure as its leader's number."""

    def getpgid(self, pid: int, /) -> int:
        """The group that a process is in now; who ends it must know that it still is that process."""

    def getsid(self, pid: int, /) -> int:
        """The session that a process is in, which its descendants keep unless they leave it."""

    def setsid(self) -> Any:
        """Leave the session and the group, and lead new ones."""

    def nice(self, more: int, /) -> int:
        """Stand back by so much more; how far we now do. There is no way back."""

    def pidfd_open(self, pid: int, /) -> int:
        """A handle that stays that process's, whoever is given its number; readable when it has ended."""

    def pidfd_send_signal(self, handle: int, number: int, /) -> None:
        """To that process and no other; ProcessLookupError when it has ended."""

    def die_with_parent(self, number: int, parent: int, /) -> None:
        """Be sent a signal when the parent dies; at once when it is gone already."""

    def adopt_orphans(self) -> bool:
        """Become the parent of every descendant whose own parent dies."""

    def mark_descendants(self, number: int, /) -> None:
        """Something that all carry which descend from us, and that they cannot shed."""

    def pids(self) -> list[int]:
        """Of all processes of the host; of none where /proc is not there, as in a bare chroot."""

    def about(self, pid: int, what: str) -> bytes:
        """What /proc tells of a process: its `stat`, `environ`, `limits`; nothing when it is gone or another user's."""

    def handles(self) -> list[int]:
        """All open descriptors of this process, and perhaps some that are not open."""

    def boot_id(self) -> str:
        """Another after each start of the host; empty where it is not known."""

    def children(self) -> list[int]:
        """Of this process, also adopted ones, also those that have ended and were not waited for."""

    # Signals.

    def signal(self, number: int, handler: Any, /) -> Any:
        """From now on it is handled so; how it was before. A handler runs between two instructions of Python."""

    def getsignal(self, number: int, /) -> Any:
        """How a signal is handled now; None when not by Python."""

    def set_wakeup_fd(self, handle: int, *, warn_on_full_buffer: bool = True) -> int:
        """A byte is written there for every signal that has a handler."""


# A name that modules take in, and no argument, which would stand in every call of a run. The simulation takes its place
# in all of them.
world: World = Linux()


def close_all_but(kept: Collection[int]) -> None:
    """In a process that was forked to do one thing: of its parent's descriptors it holds these alone."""
    for handle in world.handles():
        if handle not in kept:
            with suppress(OSError):
                world.close(handle)


def stat_of(pid: int) -> list[bytes]:
    """What /proc/PID/stat says after the name, which may hold blanks and brackets; nothing when it is gone."""
    text = world.about(pid, "stat")
    return text[text.rindex(b")") + 2 :].split() if text else []
