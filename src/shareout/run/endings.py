"""What a worker's word, or its death, says about the attempt that it was at."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from shareout.record.outcome import Attempt, Cause, Imprint, State, Stream
from shareout.run.hands import Ended
from shareout.run.hands.printed import Printed
from shareout.run.hands.seat import Batch, Seat
from shareout.world import world


def failed_attempt(seat: Seat, facts: Mapping[str, Any]) -> Attempt:
    """A Python job that did not end well, as its worker tells it."""
    return Attempt(
        facts["job"],
        facts["pos"],
        facts["try"],
        state=State.FAILED,
        start=facts["start"],
        end=facts["end"],
        slot=seat.slot,
        cause=Cause(facts["cause"]),
        error=facts["error"],
        pid=seat.pid,
        out=Imprint.of(facts.get(Stream.OUT)),
        err=Imprint.of(facts.get(Stream.ERR)),
    )


def lost_attempt(seat: Seat, batch: Batch, job: int, position: int, how: Ended) -> Attempt:
    """A job that took its worker with it, or lost it."""
    code = os.waitstatus_to_exitcode(how.status)
    name, error = lost_words(code)
    start = seat.control.since or world.time()
    cause = Cause.SIGNAL if name else Cause.LOST_WORKER
    exit_code: int | None = 128 - code if code < 0 else code
    if seat.runs_commands:
        # It was our process that died so, and not the command's.
        how_ended = f"was killed by {name}" if name else f"ended with status {code}"
        cause, error = Cause.LOST_WORKER, f"the process that waited for it {how_ended}"
        name = exit_code = None
    if seat.cause is not None:
        # A signal that was meant for the job before this one costs this one nothing.
        cause = seat.cause if position == seat.ending else Cause.STOPPED
        error = told_sentence(cause, world.time() - start)
    return Attempt(
        job,
        position,
        attempt=batch.attempt,
        state=State.FAILED,
        start=start,
        end=max(start, world.time()),
        slot=seat.slot,
        exit=exit_code,
        signal=name,
        cause=cause,
        error=error,
        result=None,
        pid=seat.pid,
        peak_memory=how.peak_memory,
    )


# The kernel's peak of a spawned command includes the moment before its program was loaded, in our own memory:
# what is not above this says nothing about the command.
OWN_PEAK = 64 << 20


def ended_attempt(
    job: int,
    position: int,
    attempt: int,
    slot: int,
    start: float,
    end: float,
    pid: int,
    how: tuple[int, resource.struct_rusage],
    told: Cause,
    printed: Printed,
) -> Attempt:
    """What a status from wait4 means. `told` is why we ended it ourselves, if we did."""
    status, usage = how
    code = os.waitstatus_to_exitcode(status)
    # A shell tells that a signal has ended its program by a status of 128 and the number, so both are read alike. A
    # program that ends with such a status by itself is told as killed; the exit code of its record is right all the
    # same.
    number = -code if code < 0 else code - 128 if 128 < code <= 128 + signal.NSIG else 0
    name = signal_name(number)
    exit_code = 128 + number if code < 0 else code
    cause, error = told, None
    if told is not Cause.NONE:
        error = told_sentence(told, end - start)
    elif name:
        cause = Cause.SIGNAL
        error = f"killed by {name}" + (" (out of memory, perhaps)" if name == "SIGKILL" else "")
    elif exit_code:
        cause = Cause.EXIT
        error = {126: "cannot be executed", 127: "command not found"}.get(exit_code, f"exit status {exit_code}")
    state = State.DONE if cause is Cause.NONE else State.FAILED
    return Attempt(
        job,
        position,
        attempt=attempt,
        state=state,
        start=start,
        end=end,
        slot=slot,
        exit=exit_code,
        signal=name,
        cause=cause,
        error=error,
        result=None,
        pid=pid,
        out=printed.out,
        err=printed.err,
        peak_memory=told_peak(usage),
    )


def told_peak(usage: resource.struct_rusage) -> int | None:
    """Bytes; None when they may be ours."""
    peak = usage.ru_maxrss * 1024
    return peak if peak > OWN_PEAK else None


def unspawnable(
    job: int, position: int, attempt: int, slot: int, start: float, end: float, error: Exception
) -> Attempt:
    """A command for which not even a shell could be started: told as a shell tells what it cannot run, by 126."""
    reason = getattr(error, "strerror", None) or str(error)
    if reason == "embedded null byte":
        reason = "a value of it has a NUL byte, which no command line can hold"
    return Attempt(
        job,
        position,
        attempt=attempt,
        state=State.FAILED,
        start=start,
        end=end,
        slot=slot,
        exit=126,
        signal=None,
        cause=Cause.UNSPAWNABLE,
        error=f"could not be started: {reason}",
    )


def told_sentence(cause: Cause, seconds: float) -> str:
    """Why we ended a job, in words."""
    if cause is Cause.TIMEOUT:
        return f"ended after {seconds:.1f} s: its time was up"
    if cause is Cause.MEMORY:
        return "ended: it took more memory than it may"
    return "ended with the run"


def signal_name(number: int) -> str | None:
    """None for 0, and for a number that is no signal's here."""
    try:
        return signal.Signals(number).name if number else None
    except ValueError:
        return None


LONGEST_ERROR = 500


def one_line(error: BaseException) -> str:
    """`ValueError: what it said`."""
    try:
        # An exception of the user's own may fail in its `__str__`, and that must not end the worker.
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
