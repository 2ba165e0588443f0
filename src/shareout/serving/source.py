"""Where the lines of a stream come from: standard input, or what a command prints."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

from shareout.environment import user_environment
from shareout.errors import InputError, Place
from shareout.pool.stream.directives import Coming, StreamedDirectives
from shareout.world import world

READ = 1 << 16


class Source:
    """One. Blank lines and comments are no jobs; directives are heeded."""

    def __init__(self, name: str, handle: int, pid: int = 0) -> None:
        """`pid`: of the command whose output it is."""
        self.name = name
        self.handle = handle
        self._pid = pid
        self._has_ended = False
        self._bytes = b""
        self._lines: list[bytes] = []
        self._coming: Iterator[Coming] = iter(())
        self._number, self._is_in_line = 0, False
        """Which line `_coming` is what comes of, and whether it may not be all given."""
        self._directives = StreamedDirectives(name)
        self._check: Callable[[str], None] = lambda line: None

    def of_jobs(self, check: Callable[[str], None], *, of_rows: bool) -> None:
        """`check` raises ValueError where a line can be no job."""
        self._check, self._directives = check, StreamedDirectives(self.name, of_rows=of_rows)

    @property
    def is_ended(self) -> bool:
        """Nothing more comes, and all that came was given."""
        return self._has_ended and not self.has_more

    @property
    def has_more(self) -> bool:
        """Something has come, and was not given yet."""
        return bool(self._lines) or self._is_in_line

    def next(self) -> Coming | None:
        """The next one; None where none has come, or none will."""
        while True:
            for one in self._coming:
                return self._checked(one)
            self._is_in_line = False
            if not self._lines:
                if self._has_ended or not select.select([self.handle], [], [], 0)[0]:
                    return None
                self._read()
                continue
            self._number, self._is_in_line = self._number + 1, True
            self._coming = self._directives.line(self._number, self._lines.pop())

    def _read(self) -> None:
        data = os.read(self.handle, READ)
        if data:
            *lines, self._bytes = (self._bytes + data).split(b"\n")
        else:
            lines, self._bytes, self._has_ended = [self._bytes], b"", True
        # From the end, where it costs nothing to take one away.
        self._lines = [line.removesuffix(b"\r") for line in lines][::-1]

    def _checked(self, one: Coming) -> Coming:
        if isinstance(one, bytes):
            text = one.decode("utf-8", "surrogateescape")
            try:
                self._check(text)
            except ValueError as error:
                where = Place(self.name, self._number, text=text)
                raise InputError(str(error), where=where, way_out="Mend it, and serve again.") from None
        return one

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
