"""The standard output of a worker: descriptors 1 and 2, and Python's streams over them, noticed when written to."""

from __future__ import annotations

import io
import sys


def open_streams() -> None:
    """Python's streams over descriptors 1 and 2, which write through at the end of a line."""
    sys.stdout, sys.stderr = (Stream(number) for number in (1, 2))


class Stream(io.TextIOWrapper):
    """Standard output of jobs: written through at once, and noticed."""

    def __init__(self, number: int) -> None:
        raw = io.FileIO(number, "w", closefd=False)
        super().__init__(io.BufferedWriter(raw, 1 << 16), "utf-8", "backslashreplace", line_buffering=True)
        self.noticed: list[str] = []

    def write(self, text: str) -> int:
        """One note until it is cleared, however often a job prints: that it did is all that is asked."""
        if not self.noticed:
            self.noticed.append("write")
        return super().write(text)


def streams() -> tuple[Stream, Stream]:
    """What `open_streams` has put in place."""
    out, error = sys.stdout, sys.stderr
    assert isinstance(out, Stream)
    assert isinstance(error, Stream)
    return out, error
