"""What another tool's file says became of a job: what a run takes over instead of running it again."""

from __future__ import annotations

from collections.abc import Mapping

from shareout.fields import dataclass, field
from shareout.record.outcome import Attempt, Cause, Imprint, State, Stream


@dataclass(frozen=True, slots=True)
class Earlier:
    """One job's outcome. Times are seconds since 1970."""

    job: int
    exit: int
    """Negative for a signal; 0 is done."""
    start: float
    end: float
    origin: str
    """The file's name."""
    pid: int | None = None
    printed: Mapping[Stream, tuple[int, str]] = field(default_factory=dict)
    """By streams, how many bytes, and what is left of them."""
    is_skipped: bool = False
    """Nobody ran it, and nobody is to."""

    @property
    def is_done(self) -> bool:
        """Whether it ended well; one that nobody is to run has not."""
        return self.exit == 0

    def attempt(self, position: int) -> Attempt:
        """As the journal keeps it, marked as not our own."""
        if self.is_skipped:
            return Attempt(
                self.job, position, 1, state=State.SKIPPED, start=self.start, end=self.end, slot=0, origin=self.origin
            )
        code = self.exit if self.exit >= 0 else 128 - self.exit
        state = State.DONE if self.is_done else State.FAILED
        error = None if self.is_done else f"failed before, says {self.origin}: exit status {self.exit}"
        return Attempt(
            self.job,
            position,
            attempt=1,
            state=state,
            start=self.start,
            end=max(self.start, self.end),
            slot=0,
            exit=code,
            cause=Cause.NONE if self.is_done else Cause.EXIT,
            error=error,
            pid=self.pid,
            out=self._imprint(Stream.OUT),
            err=self._imprint(Stream.ERR),
            origin=self.origin,
        )

    def _imprint(self, stream: Stream) -> Imprint | None:
        return Imprint(self.printed[stream][0]) if stream in self.printed else None
