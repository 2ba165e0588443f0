"""What a worker's word, or its death, says about the attempt that it was at."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from shareout.record.outcome import Attempt, Cause, State
from shareout.run import Ended
from shareout.run.commands import told_sentence
from shareout.run.failing import lost_words
from shareout.run.seat import Batch, Seat


def failed_attempt(seat: Seat, facts: Mapping[str, Any]) -> Attempt:
    """A Python job that did not end well, as its worker tells it."""
    return Attempt(
        facts["job"], facts["pos"], facts["try"], State.FAILED, facts["start"], facts["end"], seat.slot,
        cause=Cause(facts["cause"]), error=facts["error"], pid=seat.pid,
    )  # fmt: skip


def lost_attempt(seat: Seat, batch: Batch, job: int, position: int, how: Ended) -> Attempt:
    """A job that took its worker with it, or lost it."""
    code = os.waitstatus_to_exitcode(how.status)
    name, error = lost_words(code)
    start = seat.control.since or time.time()
    cause = Cause.SIGNAL if name else Cause.LOST_WORKER
    if seat.cause is not None:
        # A signal that was meant for the job before this one costs this one nothing.
        cause = seat.cause if position == seat.ending else Cause.STOPPED
        error = told_sentence(cause, time.time() - start)
    return Attempt(
        job, position, batch.attempt, State.FAILED, start, max(start, time.time()), seat.slot,
        128 - code if code < 0 else code, name, cause, error, None, seat.pid, 0, how.peak_memory,
    )  # fmt: skip
