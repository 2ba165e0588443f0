"""How far something long has come that is no run: one line on the terminal, which is gone when it is done."""

from __future__ import annotations

import time

from shareout.show.beside import may_steer, write

PATIENCE_S = 1.0
EVERY_S = 0.2
BAR = 20


class Progress:
    """Silent where nobody looks, and in what takes no longer than a second; but for what `begin` is told."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._next = 0.0
        self._is_shown = False
        self._steers = may_steer()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """What stands there is gone, also where something went wrong on the way."""
        if self._is_shown:
            write("\r\x1b[K")
            self._is_shown = False

    def begin(self, what: str) -> None:
        """Said at once: what is about to take long."""
        if self._steers:
            write(f"\r\x1b[K{what} …")
            self._is_shown = True

    def watch(self, what: str, part: int, whole: int) -> None:
        """So much of it is done."""
        now = time.monotonic()
        is_over = part >= whole
        if not self._steers or now - self._began < PATIENCE_S or (now < self._next and not is_over):
            return
        self._next = now + EVERY_S
        if is_over and self._is_shown:
            write("\r\x1b[K")
        elif not is_over:
            full = BAR * part // whole
            write(f"\r\x1b[K{what} {'━' * full}{' ' * (BAR - full)} {100 * part / whole:.0f}%")
        self._is_shown = not is_over
