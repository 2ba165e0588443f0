"""The Listener contract: what a run tells while it goes on, to whoever looks (a live view, plain lines, hooks).

Told only after the journal has it. A listener that fails must not harm a run: the crew catches nothing here,
so implementations keep to memory and the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shareout.fields import dataclass
from shareout.record.outcome import Attempt


@dataclass(frozen=True, slots=True)
class Running:
    """One job that runs now, as a view shows it."""

    job: int
    slot: int
    attempt: int
    started: float
    fraction: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the run stands. `jobs` is this machine's share; done, failed and skipped are final states."""

    jobs: int
    done: int
    failed: int
    skipped: int
    running: int
    finished_here: int
    eta_s: float | None = None
    """Seconds until the end by what jobs cost, where that is known; only in what is told by `tick`."""

    @property
    def todo(self) -> int:
        """Those in no final state, whether they run now or not."""
        return self.jobs - self.done - self.failed - self.skipped


class Listener(Protocol):
    """Views and hooks. All calls come from the crew's own thread, in order."""

    def began(self, counts: Counts) -> None:
        """The run is about to start its first job."""

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Jobs ended and are in the journal. `attempts` holds those that did not end well, and all of them
        only when `wants_every_attempt` is true; `counts` always tells everything."""

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """About four times a second, and after USR1/CONT/WINCH: draw if you like."""

    def said(self, line: str) -> None:
        """A sentence for the user: a soft stop, a deadline, damage found."""

    def ended(self, counts: Counts, reason: str) -> None:
        """The run is over; `reason` is `finished`, or why it stopped early."""

    @property
    def wants_every_attempt(self) -> bool:
        """Asked once, when the run begins. A run that nobody listens to so closely makes no outcome of a job that went
        well."""


class Told(Protocol):
    """Why a run is to end."""

    @property
    def reason(self) -> str:
        """In a word."""

    @property
    def sentence(self) -> str:
        """For a person."""

    @property
    def at_once(self) -> bool:
        """What runs is ended."""


class Others(Protocol):
    """Those who work on the same jobs."""

    def whole(self, known: Counts) -> Counts:
        """What this machine knows → what all have done."""

    def asked(self) -> Told | None:
        """What they, or a person, ask of this run."""

    def halt(self, why: str, *, at_once: bool) -> None:
        """The rule for stopping is met here: all are to stop."""

    def rests(self) -> bool:
        """Whether nothing is to begin here for a while."""
