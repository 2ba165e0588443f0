"""First stop, second stop: signals become a count that the crew reads, and wake its selector.

A one-file program gets a terminal's Ctrl-C twice, once from the terminal and once from its loader: within
half a second it counts once. USR1 is the first stop, USR2 and QUIT the second. A hang-up, a limit of processor time
and an alarm are a first stop. Ctrl-Z (TSTP) is no stop: everything holds still until it is continued. What was ignored
when the program was started (by nohup) stays ignored.

Where the crew does not come to heed a stop, because the user's own code holds it up or it is over, the next one half a
second later raises `Interrupted` wherever the program is.
"""

from __future__ import annotations

import signal
from types import FrameType

from shareout.edges import Interrupted
from shareout.world import world

DEBOUNCE_S = 0.5
FIRST = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGXCPU, signal.SIGALRM)
SECOND = (signal.SIGUSR2, signal.SIGQUIT)
AGAIN = (signal.SIGINT, signal.SIGTERM)
"""Of the first ones, those that are a second stop when they come again."""
STOPPING = (*FIRST, *SECOND)
REDRAW = (signal.SIGCONT, signal.SIGWINCH)
# CHLD has no branch in the handler: it is caught for the byte alone that wakes the selector when a child has ended.
ATTENDED = (signal.SIGTSTP, *REDRAW, signal.SIGCHLD)
CAUGHT = (*STOPPING, *ATTENDED)


class Stops:
    """Installed when a run begins, in the main thread, and never taken away: an end that is told is told whole."""

    def __init__(self) -> None:
        self.level = 0
        self.heard = 0
        """How often it was told to stop."""
        self.number = 0
        self.redraw = False
        self.pause = False
        self.gives_way = True
        """While the user's own code runs in this process, a Ctrl-C interrupts it."""
        self._heeded = 0
        self._last = 0.0
        self._reader, self._writer = world.pipe()
        # Neither end blocks: a handler that waited for room in the pipe would hold up everything, and so would a
        # `drain` that waited for a byte. One that finds no room is not missed: who looks asks the numbers below.
        world.set_blocking(self._reader, False)
        world.set_blocking(self._writer, False)
        self._before: dict[int, object] = {}
        for number in STOPPING:
            self._handle(number)

    def attend(self) -> None:
        """From now on the crew looks: signals wake it."""
        for number in ATTENDED:
            self._before[number] = self._handle(number)
        world.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self.gives_way = False

    def leave(self) -> None:
        """It looks no more."""
        self.gives_way = True
        world.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            world.signal(number, handler)

    def close(self) -> None:
        """Signals do again what they did before, and nothing is left open."""
        self.leave()
        world.close(self._reader)
        world.close(self._writer)

    def heed(self) -> int:
        """The level, for one who acts on it."""
        self._heeded = self.level
        return self.level

    def fileno(self) -> int:
        """Readable when a signal came."""
        return self._reader

    def drain(self) -> None:
        """After the selector has told: takes away what woke it, so that it can tell of the next one."""
        try:
            while len(world.read(self._reader, 4096)) == 4096:
                pass
        except BlockingIOError:
            return

    def _handle(self, number: int) -> object:
        before = world.getsignal(number)
        return before if before == signal.SIG_IGN else world.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Numbers are set and nothing is done: this runs between any two instructions, perhaps in the middle of an
        # append.
        if number == signal.SIGTSTP:
            self.pause = True
        elif number in REDRAW:
            self.redraw = True
        elif number in STOPPING:
            self._on_stop(number, world.monotonic())

    def _on_stop(self, number: int, now: float) -> None:
        is_another = now - self._last >= DEBOUNCE_S
        is_unheeded = self.level > self._heeded
        if is_another and (is_unheeded or (self.gives_way and number == signal.SIGINT)):
            self._stop(2, number, now)
            raise Interrupted(number)
        if number in SECOND:
            self._stop(2, number, now)
        elif self.level == 0:
            self._stop(1, number, now)
        # The others may come again by themselves, as XCPU does with each second of processor time: nobody is impatient.
        elif is_another and number in AGAIN:
            self._stop(2, number, now)

    def _stop(self, level: int, number: int, now: float) -> None:
        self.level = max(self.level, level)
        self.heard += 1
        self.number = number
        self._last = now
