"""What one attempt at a job was, and the closed set of what can become of one.

These are facts, not errors: a job that fails raises nothing in the parent. `Attempt` is one journal record;
`state` is the word in the journal, and `cause` says more for the states that did not end well.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Self

from shareout.fields import dataclass


class State(Enum):
    """The word in a record. Only `DONE`, `FAILED` and `SKIPPED` can be final."""

    DONE = "done"
    FAILED = "failed"
    RETRY = "retry"
    """Did not end well, and will be tried again."""
    STOPPED = "stopped"
    """Ended by us (a second Ctrl-C, halt now): costs no attempt, the job is still to do."""
    SKIPPED = "skipped"
    REQUEUED = "requeued"
    """Written by `requeue`: whatever was recorded before counts no more."""


class Cause(Enum):
    """Why an attempt did not end well."""

    NONE = ""
    EXCEPTION = "exception"
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    LOST_WORKER = "lost worker"
    UNSPAWNABLE = "unspawnable"
    BAD_RESULT = "bad result"
    STOPPED = "stopped"


class Stream(StrEnum):
    """What a job prints on: the word for it in the journal and in the log."""

    OUT = "out"
    ERR = "err"

    @property
    def number(self) -> int:
        """Its descriptor."""
        return 1 if self is Stream.OUT else 2


class Imprint(NamedTuple):
    """What an attempt printed on one stream, known again without its text: how many bytes, and their BLAKE3."""

    size: int
    hash: str = ""
    """The first sixteen bytes of it, as `b3sum --length 16` has them. Empty: another tool ran the job, and tells none.
    Half of the hash is enough to tell outputs apart, and a record of a short command is a third smaller by it."""

    @classmethod
    def of(cls, told: Sequence[Any] | None) -> Self | None:
        """From the pair as a message or a record has it; None where nothing was printed."""
        return cls(*told) if told else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one job, as the journal keeps it. Times are seconds since 1970; `result` is a JSON value."""

    job: int
    position: int
    attempt: int
    state: State
    start: float
    end: float
    slot: int
    exit: int | None = None
    """Exit status as a shell tells it: 128+n for a signal; None for Python jobs that return."""
    signal: str | None = None
    cause: Cause = Cause.NONE
    error: str | None = None
    """One line: the exception, or what the command's end was."""
    result: Any = None
    pid: int | None = None
    out: Imprint | None = None
    """None: it printed nothing there, or took the process that would have told with it."""
    err: Imprint | None = None
    peak_memory: int | None = None
    origin: str | None = None
    """The file of another tool that it was taken over from, or the plan, machine and id of an earlier list: it ran
    there."""

    @property
    def duration(self) -> float:
        """Seconds; never below 0, though a clock was set back meanwhile."""
        return max(0.0, self.end - self.start)


def imprint_on(attempt: Attempt, stream: Stream) -> Imprint | None:
    """What it left on that stream."""
    return attempt.out if stream is Stream.OUT else attempt.err
