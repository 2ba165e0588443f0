"""Retry, give up, stop the run: decisions from facts. Pure; the clock comes in as an argument."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from shareout.config import LimitSettings
from shareout.edges import code_after
from shareout.errors import UsageError
from shareout.events import Counts
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.durations import Durations
from shareout.settings_values import Halt
from shareout.units import parse_duration

# The median of fewer may be half of the next job's time, and a limit that is too low kills good jobs.
LEAST_FOR_MEDIAN = 5


def judge(attempt: Attempt, limits: LimitSettings) -> State:
    """What becomes of one that did not end well: final, or tried again. What we stopped ourselves costs nothing."""
    if attempt.cause is Cause.STOPPED:
        return State.STOPPED
    return State.RETRY if attempt.attempt <= limits.retries else State.FAILED


def halts(halt: Halt | None, done: int, failed: int, jobs: int) -> bool:
    """Whether the rule for stopping the whole run is met; a share is one of all jobs, as GNU parallel has it."""
    if halt is None:
        return False
    reached = {"fail": failed, "success": done, "done": done + failed}[halt.what]
    if halt.count is not None:
        return reached >= halt.count
    assert halt.percent is not None
    return bool(reached) and reached >= halt.percent * jobs


def time_limit(limits: LimitSettings, durations: Durations) -> float | None:
    """Seconds that a job may take now; a share of the median counts only when there is a median."""
    if limits.timeout is None:
        return None
    if limits.timeout.seconds is not None:
        return limits.timeout.seconds
    assert limits.timeout.percent is not None
    if durations.count < LEAST_FOR_MEDIAN:
        return None
    # A few times a millisecond is less than a busy host's hiccup.
    return max(durations.percentile(50) * limits.timeout.percent / 100, 0.1)


def may_start(now: float, deadline: float | None, durations: Durations) -> bool:
    """No job starts that would not end before the deadline, judged by nine of ten seen so far."""
    if deadline is None:
        return True
    return now + (durations.percentile(90) if durations.count else 0.0) < deadline


def deadline_of(until: str, now: float, environ: Mapping[str, str] = os.environ) -> float | None:
    """`07:00` (the next one: tomorrow's when it is past), `8h` from now, or a date with a time, which is refused when
    it is past; else the end of the Slurm allocation, when it is known."""
    if until:
        return _until(until, now)
    slurm = environ.get("SLURM_JOB_END_TIME", "")
    return float(slurm) if re.fullmatch(r"\d+(\.\d+)?", slurm) else None


def is_date(until: str) -> bool:
    """Whether it names a day: when that is past, it is so for ever."""
    return _date(until) is not None


def _date(text: str) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError:
        return None


def _until(text: str, now: float) -> float:
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", text.strip())
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        from datetime import datetime, timedelta

        today = datetime.fromtimestamp(now)
        clock_time = today.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        # A day more by the calendar, not 24 hours: where clocks change overnight 07:00 stays 07:00.
        return (clock_time if clock_time > today else clock_time + timedelta(days=1)).timestamp()
    then = _date(text)
    if then is not None:
        if then <= now:
            what = f"{text.strip()} is past: no job would be started"
            raise UsageError(f"--until: {what}", way_out="Name a later time, or a time from now as 8h.")
        return then
    try:
        return now + parse_duration(text)
    except ValueError:
        raise UsageError(f'"{text}" is no time to stop at', way_out="Write 07:00, 8h, or 2026-12-01T07:00.") from None


def exit_code(reason: str, counts: Counts, stopped_by: int | None, *, limited: bool, is_told: bool = True) -> int:
    """How a run ends. `stopped_by`: the signal that ended its jobs at once; `limited`: not all was asked for;
    `is_told`: others who share the work have what was done here, else there is that to do, by the same command."""
    todo = counts.jobs - counts.done - counts.failed - counts.skipped
    if not is_told and stopped_by is None:
        return 3
    if reason in ("stopped", "deadline", "refused", "full", "drained", "black hole"):
        return _code_of_stop(stopped_by, has_more=todo > 0, has_failed=counts.failed > 0)
    if reason == "halt":
        return 1 if counts.failed else 3 if todo else 0
    if counts.failed or reason == "barrier":
        return 1
    return 3 if todo and not limited else 0


def _code_of_stop(stopped_by: int | None, *, has_more: bool, has_failed: bool) -> int:
    """Of a run that something else than its jobs has ended: as a shell tells a signal, else whether to go on."""
    if stopped_by is not None:
        return code_after(stopped_by)
    return 3 if has_more else int(has_failed)
