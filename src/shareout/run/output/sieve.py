"""Which lines of what jobs print are kept: `keep_lines`, a regular expression of the user's, within a limit of time.

Matching backtracks, and may take longer than the world stands (`^(a+)+$`). It must not hold up the crew: what takes
more than a second of processor time is interrupted, told, and given up for the rest of the run. Lines are then kept.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shareout.world import world

LIMIT_S = 1.0


class _TooLong(Exception):
    pass


class Sieve:
    """`pattern`: empty keeps everything."""

    def __init__(self, pattern: str, said: Callable[[str], None]) -> None:
        self._pattern = pattern
        self._regex = re.compile(pattern.encode("utf-8", "surrogateescape")) if pattern else None
        self._said = said

    def kept(self, data: bytes) -> bytes:
        """Of whole lines, those that match."""
        if self._regex is None:
            return data
        search = self._regex.search
        try:
            with _limited():
                return b"".join(line for line in data.splitlines(keepends=True) if search(line))
        except _TooLong:
            self._regex = None
            self._said(f"keep_lines is given up, all lines are kept from here on: {self._pattern} takes too long")
            return data


@contextmanager
def _limited() -> Iterator[None]:
    """Raises `_TooLong`. Python's matching looks for signals as it goes."""

    def end(number: int, frame: object) -> None:
        raise _TooLong

    before = world.signal(signal.SIGVTALRM, end)
    # Time of the processor and not of the wall: no expression looks endless for a busy host. And in this process, for
    # one beside it would have to be sent all that is printed.
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        world.signal(signal.SIGVTALRM, before)
