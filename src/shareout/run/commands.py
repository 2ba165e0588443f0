"""One command: spawned, waited for, and what became of it.

`posix_spawn` shares our memory until the new program starts. A line without shell syntax is spawned without a
shell; when that fails (unknown program, a script without a `#!`), the shell gets it after all, so that message
and exit code are the shell's own. Each command leads a session of its own.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Mapping

from shareout.record.outcome import Attempt, Cause, State
from shareout.run.shells import Shells
from shareout.run.words import words_of

# What Python ignores must not stay so in a command. What we handle does not, and what was ignored when we were
# started (by nohup) stays so.
RESET = (signal.SIGPIPE, signal.SIGXFSZ)

# The kernel's peak of a spawned command includes the moment before its program was loaded, in our own memory:
# what is not above this says nothing about the command.
OWN_PEAK = 64 << 20


class Launch:
    """Starts command lines. They inherit descriptors 0, 1 and 2, and nothing else of ours."""

    def __init__(self, shells: Shells, search_path: str) -> None:
        self._shells = shells
        self._search_path = search_path
        self._programs: dict[str, str | None] = {}

    def spawn(self, line: str, environment: Mapping[bytes, bytes]) -> int:
        """The process id of the line's leader; OSError when not even the shell can be started."""
        words = words_of(line)
        program = self._program(words[0]) if words else None
        if words and program:
            try:
                return os.posix_spawn(program, words, environment, setsid=True, setsigdef=RESET, setsigmask=())
            except OSError:
                self._programs.pop(words[0], None)
        # A blank first: a line that begins with `-` is a command, not an option of the shell's.
        script = os.fsencode(f" {line}" if line.startswith("-") else line)
        shell = self._shells.of(line)
        call = [os.fsencode(shell), b"-c", script]
        return os.posix_spawn(shell, call, environment, setsid=True, setsigdef=RESET, setsigmask=())

    def _program(self, word: str) -> str | None:
        if "/" in word:
            return word
        if word not in self._programs:
            self._programs[word] = shutil.which(word, path=self._search_path)
        return self._programs[word]


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
    output_bytes: int,
) -> Attempt:
    """What a status from wait4 means. `told` is why we ended it ourselves, if we did."""
    status, usage = how
    code = os.waitstatus_to_exitcode(status)
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
        job, position, attempt, state, start, end, slot,
        exit_code, name, cause, error, None, pid, output_bytes, told_peak(usage),
    )  # fmt: skip


def told_peak(usage: resource.struct_rusage) -> int | None:
    """Bytes; None when they may be ours."""
    peak = usage.ru_maxrss * 1024
    return peak if peak > OWN_PEAK else None


def unspawnable(
    job: int, position: int, attempt: int, slot: int, start: float, end: float, error: Exception
) -> Attempt:
    reason = getattr(error, "strerror", None) or str(error)
    if reason == "embedded null byte":
        reason = "a value of it has a NUL byte, which no command line can hold"
    return Attempt(
        job, position, attempt, State.FAILED, start, end, slot,
        126, None, Cause.UNSPAWNABLE, f"could not be started: {reason}",
    )  # fmt: skip


def told_sentence(cause: Cause, seconds: float) -> str:
    """Why we ended a job, in words."""
    if cause is Cause.TIMEOUT:
        return f"ended after {seconds:.1f} s: its time was up"
    if cause is Cause.MEMORY:
        return "ended: it took more memory than it may"
    return "ended with the run"


def signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name if number else None
    except ValueError:
        return None
