"""The standard output of a worker: descriptors 1 and 2, and Python's streams over them, noticed when written to."""

from __future__ import annotations

import io
import sys
from typing import Any


def open_streams() -> None:
    """Python's streams over descriptors 1 and 2, which write through at the end of a line."""
    sys.stdout, sys.stderr = (NoticedStream(number) for number in (1, 2))


class _Buffer(io.BufferedWriter):
    """Under a stream, and written to by who has bytes: until it is flushed no system call would tell of them."""

    def __init__(self, number: int) -> None:
        # The descriptor outlives the stream: a job that closes `sys.stdout` closes nothing that the next job needs.
        super().__init__(io.FileIO(number, "w", closefd=False), 1 << 16)
        self.noticed: list[str] = []

    def write(self, data: Any) -> int:
        """As in `NoticedStream`."""
        if not self.noticed:
            self.noticed.append("write")
        return super().write(data)


class NoticedStream(io.TextIOWrapper):
    """Standard output of jobs: written through at once, and noticed."""

    def __init__(self, number: int) -> None:
        self._under = _Buffer(number)
        # Line by line, so that the file has what was printed before a job took its process with it. What UTF-8
        # does not hold is shown escaped: to print must fail no job.
        super().__init__(self._under, "utf-8", "backslashreplace", line_buffering=True)
        self.notice([])

    def notice(self, noticed: list[str]) -> None:
        """From now on this list tells."""
        self._noticed = self._under.noticed = noticed

    def write(self, text: str) -> int:
        """One note until it is cleared, however often a job prints: that it did is all that is asked."""
        if not self._noticed:
            self._noticed.append("write")
        return super().write(text)


def streams() -> tuple[NoticedStream, NoticedStream]:
    """What `open_streams` has put in place."""
    out, error = sys.stdout, sys.stderr
    assert isinstance(out, NoticedStream)
    assert isinstance(error, NoticedStream)
    return out, error
