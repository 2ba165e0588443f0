"""Where the lines of a stream come from: standard input, or what a command prints."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

from shareout.environment import user_environment
from shareout.errors import InputError, Place
from shareout.world import world

READ = 1 << 16


class Source:
    """One. Blank lines and comments are no jobs."""

    def __init__(self, name: str, handle: int, pid: int = 0) -> None:
        """`pid`: of the command whose output it is."""
        self.name = name
        self.handle = handle
        self.is_ended = False
        self._pid = pid
        self._bytes = b""
        self._lines: list[bytes] = []
        self._number = 0
        self.check: Callable[[str], None] = lambda line: None
        """ValueError says why a line can be no job."""

    def line(self) -> bytes | None:
        """The next one; None where none has come, or none will."""
        while not self._lines and not self.is_ended and select.select([self.handle], [], [], 0)[0]:
            self._read()
        return self._lines.pop() if self._lines else None

    def _read(self) -> None:
        data = os.read(self.handle, READ)
        if data:
            *lines, self._bytes = (self._bytes + data).split(b"\n")
        else:
            lines, self._bytes, self.is_ended = [self._bytes], b"", True
        # From the end, where it costs nothing to take one away.
        self._lines = [one for line in lines if (one := self._kept(line))][::-1]

    def _kept(self, line: bytes) -> bytes:
        self._number += 1
        line = line.removesuffix(b"\r")
        if line.startswith((b"#SHAREOUT", b"#DISBATCH")):
            raise InputError(
                f"directives are for lists that are whole: found {line.decode('utf-8', 'replace')[:60]}",
                where=Place(self.name, self._number),
                way_out="Write what it says into the lines themselves.",
            )
        if line.startswith(b"#") or not line.strip():
            return b""
        text = line.decode("utf-8", "surrogateescape")
        try:
            self.check(text)
        except ValueError as error:
            raise InputError(
                str(error), where=Place(self.name, self._number, text=text), way_out="Mend it, and serve again."
            ) from None
        return line

    def code(self) -> int:
        """With which the command ended, when its output did; 0 where it is none."""
        if not self._pid:
            return 0
        pid, self._pid = self._pid, 0
        return os.waitstatus_to_exitcode(world.waitpid(pid, 0)[1])

    def close(self) -> None:
        """The command is ended, if it runs still."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGTERM)
            with suppress(ChildProcessError):
                world.waitpid(self._pid, 0)
        self._pid = 0


def of_standard_input() -> Source:
    """What comes there."""
    return Source("standard input", 0)


def of_command(text: str) -> Source:
    """What it prints; by the shell, in a group of its own. It does not outlive its pipe."""
    reader, writer = os.pipe()

    parent = world.getpid()

    def become() -> int:
        world.setsid()
        world.die_with_parent(signal.SIGTERM, parent)
        # Who reads no more ends it, as in a shell.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.dup2(writer, 1)
        os.execve("/bin/sh", ["/bin/sh", "-c", text], user_environment())

    pid = world.fork(become)
    os.close(writer)
    return Source(text, reader, pid)
