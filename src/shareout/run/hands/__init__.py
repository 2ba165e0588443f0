"""The Hands contract: what keeps the slots of a crew working; its implementation is worker processes.

The crew decides what runs where and what is final; hands only run it and tell what became of it. Hands
register the file descriptors they wait for with the crew's selector; `collect` is called after every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from shareout.events import Running
from shareout.fields import dataclass
from shareout.record.outcome import Attempt, Cause
from shareout.supply import Work


@dataclass(frozen=True, slots=True)
class Order:
    """What a slot is asked to run: positions in order, which try it is, and what it may use, where jobs differ."""

    work: Work
    attempt: int = 1
    cores: str = ""
    gpus: tuple[str, ...] = ()
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child process ended: what wait4 told."""

    status: int
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Finished:
    """What a slot brought since it was last asked.

    `lines` are whole journal lines of `count` jobs that are done at their first try, ready to be appended as
    they are. `attempts` are all the others, in order, not yet recorded: the crew decides whether one is
    final, and writes it. `work` are the ranges of positions that both together cover.
    """

    slot: int
    lines: bytes
    count: int
    attempts: Sequence[Attempt]
    work: Sequence[Work]


class Hands(Protocol):
    """All calls come from the crew's own thread."""

    refusal: str
    """Why nothing can be run here any more, when that is so: the sentence for the user."""

    def appetite(self, slot: int) -> int:
        """How many positions the slot would take now: 0 while it has enough."""

    def start(self, slot: int, order: Order) -> None:
        """Run these; only after `appetite` said so, and never more than it said."""

    def collect(self, ended: Mapping[int, Ended]) -> Sequence[Finished]:
        """What has ended since the last call; `ended` are the child processes that died meanwhile, already reaped."""

    def patience(self) -> float:
        """How many seconds from now `collect` is to be called at the latest, though nothing wakes the crew."""

    def running(self) -> Sequence[Running]:
        """The jobs that run at this moment."""

    def count_running(self) -> int:
        """How many slots run a job; as many as `running` lists, but for those that begin or end at this moment."""

    def take_back(self, behind_s: float = 0.0) -> Sequence[Work]:
        """Positions that were handed out and not begun, from every slot whose job runs for so long already; and
        those that a dead worker had left. They will not be run here."""

    def marks(self) -> Mapping[int, str]:
        """The leaders of what runs now, each with the mark in its environment."""

    def end(self, one: Running, cause: Cause) -> None:
        """End this job: TERM, grace, KILL, its whole family. `collect` brings it with that cause. Nothing, where
        another has begun in its slot since."""

    def families(self) -> Mapping[int, tuple[int, bool]]:
        """slot → the process that all of its running job descends from, and whether that is a part of the job."""

    def hold(self) -> Callable[[], None]:
        """Stop everything that runs where it is, until what this gives back is called."""

    def tell_stopping(self) -> None:
        """The run is being stopped: workers that are hit by the same signal need not take it for their jobs'."""

    def was_hit(self, slot: int, attempt: Attempt) -> bool:
        """Whether a signal that is to stop the run has reached the worker of this attempt, which its slot has just
        brought, since it began."""

    def last_hit(self) -> float:
        """When, by the monotonic clock, such a signal last reached any worker that lives."""

    def ran_others(self, attempt: Attempt) -> bool:
        """Whether a Python job that has just failed had run other programs. Asked once."""

    def is_idle(self) -> bool:
        """True when no slot runs or holds anything."""

    def close(self) -> None:
        """Nothing of ours is left running after this."""
