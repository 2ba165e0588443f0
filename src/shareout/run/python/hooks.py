"""The hooks of an entry script, called around its jobs.

A hook that fails is the user's mistake, not ours: it is told by its name, with the traceback in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shareout.errors import ShareoutError
from shareout.record.logs.segments import LogWriter
from shareout.run.endings import one_line, trace_of


class HookFailed(ShareoutError):
    """`setup`, or a START command, did not succeed: the jobs may need what it was to prepare."""

    exit_code = 3


def call_hook(name: str, hook: Callable[[Any], Any] | None, config: Any, log: LogWriter) -> str:
    """Empty when it went well, else what it raised, in a line."""
    if hook is None:
        return ""
    try:
        hook(config)
    except KeyboardInterrupt:
        raise
    # A hook that calls sys.exit has failed as well: it must not end the run without a word.
    except BaseException as error:  # noqa: BLE001
        log.record(trace_of(error), level="ERROR")
        return f"{name} failed: {one_line(error)}"
    return ""
