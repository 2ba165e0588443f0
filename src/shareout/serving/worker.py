"""The host that serves works as well: a process of its own, which joins as any other host does."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from shareout.environment import user_environment
from shareout.world import world


class Worker:
    """One such process. It dies with who has started it."""

    def __init__(self, words: Sequence[str]) -> None:
        """Started at once, by these words of a command."""
        self._code: int | None = None
        self._pid = world.fork(partial(_become, list(words), world.getpid()))

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


def _become(words: list[str], parent: int) -> int:
    # Not in our group: Ctrl-C is for who serves, and comes to it from there.
    world.setsid()
    world.die_with_parent(signal.SIGKILL, parent)
    # What comes there are jobs for all, and what goes there is for who gave them.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.execve(words[0], words, user_environment())
