"""How a Python job's failure is told: a line for the journal, a traceback for the log."""

from __future__ import annotations

import sys
import traceback

from shareout.run.commands import signal_name

LONGEST_ERROR = 500


def one_line(error: BaseException) -> str:
    """`ValueError: what it said`."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001
        said = "(cannot be told)"
    if isinstance(error, ModuleNotFoundError) and error.name and getattr(sys, "frozen", False):
        said += f" (it is not in this executable: build it again with --with {error.name})"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def trace_of(error: BaseException) -> str:
    """From the job's own code on, without our frames."""
    try:
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    except Exception:  # noqa: BLE001
        return one_line(error)


def lost_words(code: int) -> tuple[str | None, str]:
    """A job took its process with it (exit code, negative for a signal): the signal's name, and the sentence."""
    name = signal_name(-code) if code < 0 else None
    by_signal = f"its process was killed by {name}" + (" (out of memory, perhaps)" if name == "SIGKILL" else "")
    return name, by_signal if name else f"it ended its process with status {code}"
