"""How long a share still takes, by what its jobs cost and how fast they went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shareout.record.outcome import Attempt, State
from shareout.record.tallies.tally import Tally
from shareout.supply import Work
from shareout.supply.left import CostsLeft, costs_left

COSTS = [100, 10, 10, 10, 10, 10, 10, 40]


class Known:
    def cost_of(self, job: int) -> int:
        return COSTS[job]

    def costs_between(self, start: int, stop: int) -> Iterator[int]:
        return map(self.cost_of, range(start, stop))


@dataclass
class Running:
    job: int
    started: float


def begun(slots: int = 2) -> tuple[CostsLeft, Tally]:
    """The last job was done in an earlier run, and is part of nothing that is told."""
    tally = Tally([(0, 8)])
    tally.apply(Attempt(7, 7, 1, state=State.DONE, start=0.0, end=1.0, slot=0))
    return costs_left(Known(), [(0, 8)], tally, slots), tally


def test_nothing_is_told_before_a_job_has_ended() -> None:
    left, _ = begun()
    assert left.left == 160
    assert left.eta_s(0.0, [Running(0, 0.0)]) is None


def test_it_is_what_is_left_by_the_speed_that_was_seen() -> None:
    left, tally = begun()
    tally.apply(Attempt(1, 1, 1, state=State.DONE, start=0.0, end=5.0, slot=0))
    left.finished(Work(1, 2))
    # Two a second and slot; 150 are left, of which nothing has begun.
    assert left.eta_s(5.0, []) == 150 / 2 / 2


def test_it_is_no_less_than_the_longest_that_runs_still_takes() -> None:
    left, tally = begun(slots=8)
    tally.apply(Attempt(1, 1, 1, state=State.DONE, start=0.0, end=5.0, slot=0))
    left.finished(Work(1, 2))
    assert left.eta_s(10.0, [Running(0, 0.0), Running(2, 5.0)]) == (100 - 20) / 2


def test_a_job_that_takes_longer_than_it_should_does_not_count_below_nothing() -> None:
    left, tally = begun(slots=1)
    tally.apply(Attempt(1, 1, 1, state=State.DONE, start=0.0, end=5.0, slot=0))
    left.finished(Work(1, 2))
    assert left.eta_s(1000.0, [Running(2, 0.0)]) == (150 - 10) / 2
