"""The run's side of its liaison: calls go down a pipe, answers come up another, which wakes the crew.

Nothing here ever waits for the store. A liaison that dies is started again, and what it was asked is told as lost:
nobody knows what became of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from shareout.edges import STOPPING
from shareout.errors import cannot_start
from shareout.joining.far_side import Doors, serve
from shareout.joining.messages import READ, Answer, Inbox, Request, send
from shareout.world import close_all_but, world

MOST_UNDER_WAY = 32
"""Calls that are not answered yet. Requests are of a kilobyte or two, so that the pipe takes them without a wait."""
AT_LEAST_S = 1.0
"""Between two starts of it: one that dies at once is not forked without end."""


class Liaison:
    """All calls come from the crew's own thread."""

    def __init__(self, doors: Doors) -> None:
        """Forks at once."""
        self._doors = doors
        self._born: Callable[[int], None] = lambda pid: None
        self._number = 0
        self._asked: dict[int, float] = {}
        self._inbox = Inbox()
        self._moved: Callable[[int, int], None] = lambda old, new: None
        self._fork()

    def fileno(self) -> int:
        """Readable when there are answers, or when it has died."""
        return self._up

    def when_born(self, born: Callable[[int], None]) -> None:
        """To be told its number, the present one and whenever it was started again."""
        self._born = born
        born(self.pid)

    def when_moved(self, moved: Callable[[int, int], None]) -> None:
        """To be told the old and the new descriptor, whenever it was started again."""
        self._moved = moved

    def handles(self) -> list[int]:
        """What workers must close."""
        return [self._down, self._up]

    def may_ask(self) -> bool:
        """Whether one more call is taken now."""
        return len(self._asked) < MOST_UNDER_WAY

    def ask(self, call: str, *words: Any, body: bytes = b"") -> int:
        """The number that its answer will have. Never refused: of one that is dead the call is lost."""
        self._number += 1
        self._asked[self._number] = world.since_boot()
        with suppress(BrokenPipeError):
            send(self._down, Request(self._number, call, words, body).frame())
        return self._number

    def answers(self) -> list[Answer]:
        """All that have come; without a wait."""
        found: list[Answer] = []
        while True:
            try:
                data = world.read(self._up, READ)
            except BlockingIOError:
                return found
            if not data:
                return found + self._start_again()
            for answer in self._inbox.answers(data):
                # Of a call that was lost with an earlier liaison there is none: its pipe is closed.
                self._asked.pop(answer.number, None)
                found.append(answer)

    def close(self) -> None:
        """What it does now is let go of: it may hang in a folder that is gone. It is ours to wait for all the same."""
        world.close(self._down)
        world.close(self._up)
        with suppress(OSError):
            world.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            world.waitpid(self.pid, os.WNOHANG)

    def _start_again(self) -> list[Answer]:
        lost = [Answer(number, began, away="its liaison has died") for number, began in self._asked.items()]
        self._asked.clear()
        if world.since_boot() - self._started < AT_LEAST_S:
            world.sleep(0.05)
        old, down = self._up, self._down
        self._inbox = Inbox()
        self._fork()
        self._moved(old, self._up)
        world.close(old)
        world.close(down)
        return lost

    def _fork(self) -> None:
        down_reader, self._down = world.pipe()
        self._up, up_writer = world.pipe()
        self._started = world.since_boot()
        try:
            self.pid = world.fork(partial(self._be, down_reader, up_writer, world.getpid()))
        except OSError as error:
            raise cannot_start("liaison", error) from error
        world.close(down_reader)
        world.close(up_writer)
        world.set_blocking(self._up, False)
        self._born(self.pid)

    def _be(self, down: int, up: int, parent: int) -> int:
        world.setsid()
        world.die_with_parent(signal.SIGKILL, parent)
        world.set_wakeup_fd(-1)
        world.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in STOPPING:
            if world.getsignal(number) != signal.SIG_IGN:
                world.signal(number, _let_pass)
        close_all_but({0, 1, 2, down, up})
        with suppress(BrokenPipeError):
            serve(self._doors, down, up)
        return 0


def _let_pass(number: int, frame: object) -> None:
    """A signal to all processes of a run is the run's to heed: what it has done is still to be shipped."""
