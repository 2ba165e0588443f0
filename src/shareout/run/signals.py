"""First stop, second stop: signals become a count that the crew reads, and wake its selector.

A one-file program gets a terminal's Ctrl-C twice, once from the terminal and once from its loader: within
half a second it counts once. USR1 is the first stop, USR2 the second. A hang-up is a first stop, unless the
program was started with nohup. Ctrl-Z (TSTP) is no stop: everything holds still until it is continued.
"""

from __future__ import annotations

import signal
import socket
import time
from types import FrameType

DEBOUNCE_S = 0.5
FIRST = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
REDRAW = (signal.SIGCONT, signal.SIGWINCH)


class Stops:
    """Installed for the time of a run, in the main thread."""

    def __init__(self) -> None:
        self.level = 0
        self.heard = 0
        """How often it was told to stop."""
        self.number = 0
        self.redraw = False
        self.pause = False
        self.gives_way = False
        """While the user's own code runs in this process, a Ctrl-C interrupts it."""
        self._last = 0.0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._before: dict[int, object] = {}

    def install(self) -> None:
        for number in (*FIRST, signal.SIGUSR2, signal.SIGTSTP, *REDRAW, signal.SIGCHLD):
            if number in (signal.SIGHUP, signal.SIGTSTP) and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def restore(self) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        """Readable when a signal came."""
        return self._reader.fileno()

    def drain(self) -> None:
        try:
            while len(self._reader.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            return

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGTSTP:
            self.pause = True
            return
        if number in REDRAW:
            self.redraw = True
            return
        now = time.monotonic()
        if self.gives_way and number == signal.SIGINT and now - self._last >= DEBOUNCE_S:
            raise KeyboardInterrupt
        if number == signal.SIGUSR2:
            self._stop(2, number, now)
        elif self.level == 0:
            self._stop(1, number, now)
        elif now - self._last >= DEBOUNCE_S and number != signal.SIGHUP and number != signal.SIGUSR1:
            self._stop(2, number, now)

    def _stop(self, level: int, number: int, now: float) -> None:
        self.level = max(self.level, level)
        self.heard += 1
        self.number = number
        self._last = now
