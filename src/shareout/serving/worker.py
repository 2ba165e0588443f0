"""What works beside whoever has started it, and dies with it: on the host that serves a process that joins as any other
host does, and the `serve` of a launch."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from shareout.environment import user_environment
from shareout.world import world


class Worker:
    """One such process."""

    def __init__(self, words: Sequence[str], told: Path | None = None) -> None:
        """Started at once, by these words of a command; `told`: a file for what it tells."""
        self._code: int | None = None
        self._pid = world.fork(partial(_become, list(words), world.getpid(), told))

    @property
    def code(self) -> int | None:
        """With which it has ended; None while it lives."""
        if self._code is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def stop(self) -> None:
        """What it runs is let finish; a second time, and it is ended."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    def end(self) -> None:
        """At once."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)


def _become(words: list[str], parent: int, told: Path | None) -> int:
    # Not in our group: Ctrl-C is for who serves, and comes to it from there.
    world.setsid()
    world.die_with_parent(signal.SIGKILL, parent)
    # What comes there are jobs for all, and what goes there is for who gave them.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if told is not None:
        os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(2, 1)
    os.execve(words[0], words, user_environment())
