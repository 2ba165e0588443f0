"""What is said beside the output: on standard error, whatever has become of it."""

from __future__ import annotations

import os
import sys

from shareout.safe import safe
from shareout.show.fold import columns_of, folded


def say(line: str) -> None:
    """A line for people, folded for a terminal. One that has gone hears nothing, and ends nothing."""
    text = safe(line.encode("utf-8", "backslashreplace").decode())
    write(folded(text, columns_of(sys.stderr)) + "\n")


def may_steer() -> bool:
    """Whether it is a terminal whose cursor can be moved."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """As it is. After a failure all that follows goes nowhere: not even the last flush at exit fails."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # The descriptor itself, and not `sys.stderr`: what Python prints as it ends, and children that write there, go
        # to it.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
