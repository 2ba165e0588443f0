"""The standard output of a worker: descriptors 1 and 2, and Python's streams over them, noticed when written to."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from shareout.run.hands.messages import reopen


def redirect(path: Path) -> None:
    """Descriptors 1 and 2 → the slot's file; Python's streams write through at the end of a line."""
    reopen(path)
    sys.stdout, sys.stderr = (_Stream(number) for number in (1, 2))


class _Stream(io.TextIOWrapper):
    """Standard output of jobs: written through at once, and noticed."""

    def __init__(self, number: int) -> None:
        raw = io.FileIO(number, "w", closefd=False)
        super().__init__(io.BufferedWriter(raw, 1 << 16), "utf-8", "backslashreplace", line_buffering=True)
        self.noticed: list[str] = []

    def write(self, text: str) -> int:
        if not self.noticed:
            self.noticed.append("write")
        return super().write(text)


def _streams() -> tuple[_Stream, _Stream]:
    """What `redirect` has put in place."""
    out, error = sys.stdout, sys.stderr
    assert isinstance(out, _Stream)
    assert isinstance(error, _Stream)
    return out, error
