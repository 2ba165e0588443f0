"""One suite over all supplies: every position is handed out, in order, once, and none that is final already.

A new supply is one more maker here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.record.outcome import Attempt, State
from shareout.record.tallies.tally import Tally
from shareout.supply import Supply, Work
from shareout.supply.left import costs_left
from shareout.supply.static import Stage, StaticSupply

JOBS = 60
Maker = Callable[[Collection[int]], tuple[Supply, list[int]]]
"""Positions that are done already → a supply, and what it has to hand out."""


def tally_of(ranges: list[tuple[int, int]], done: Collection[int]) -> Tally:
    tally = Tally(ranges)
    for position in done:
        tally.apply(Attempt(position, position, 1, state=State.DONE, start=0.0, end=1.0, slot=0))
    return tally


def whole(done: Collection[int]) -> tuple[Supply, list[int]]:
    supply = StaticSupply([Stage(0, JOBS)], tally_of([(0, JOBS)], done))
    return supply, [one for one in range(JOBS) if one not in done]


def in_phases(done: Collection[int]) -> tuple[Supply, list[int]]:
    """With a gap between, as one of several machines has it, and an audit that waits for nothing."""
    ranges = [(0, 20), (30, 45), (50, JOBS)]
    mine = {one for start, stop in ranges for one in range(start, stop)}
    tally = tally_of(ranges, mine & set(done))
    stages = [Stage(0, 20), Stage(30, 45, check=True), Stage(50, JOBS, waits=False)]
    return StaticSupply(stages, tally), sorted(mine - set(done))


def of_groups(done: Collection[int]) -> tuple[Supply, list[int]]:
    """Only every third job is wanted."""

    def wanted(start: int, stop: int) -> bytes:
        return bytes(one % 3 == 0 for one in range(start, stop))

    supply = StaticSupply([Stage(0, JOBS)], tally_of([(0, JOBS)], done), wanted=wanted)
    return supply, [one for one in range(0, JOBS, 3) if one not in done]


def at_most(done: Collection[int]) -> tuple[Supply, list[int]]:
    supply = StaticSupply([Stage(0, JOBS)], tally_of([(0, JOBS)], done), 7)
    return supply, [one for one in range(JOBS) if one not in done][:7]


class Known:
    """A plan in which every seventh job takes long, the later the longer."""

    def cost_of(self, job: int) -> int:
        return 1000 + job if job % 7 == 0 else 1

    def costs_between(self, start: int, stop: int) -> Iterator[int]:
        return map(self.cost_of, range(start, stop))


def longest_first(done: Collection[int]) -> tuple[Supply, list[int]]:
    tally = tally_of([(0, JOBS)], done)
    supply = StaticSupply([Stage(0, JOBS)], tally, costs=costs_left(Known(), [(0, JOBS)], tally, 2))
    order = [*range(56, -1, -7), *(one for one in range(JOBS) if one % 7)]
    return supply, [one for one in order if one not in done]


def longest_first_of_each_phase(done: Collection[int]) -> tuple[Supply, list[int]]:
    """Of some groups only, with an audit behind."""
    ranges = [(0, 20), (30, 45)]
    tally = tally_of([*ranges, (50, JOBS)], {one for one in done if not 20 <= one < 30 and not 45 <= one < 50})
    stages = [Stage(0, 20), Stage(30, 45, check=True), Stage(50, JOBS, waits=False)]

    def wanted(start: int, stop: int) -> bytes:
        return bytes(one != 35 and one != 3 for one in range(start, stop))

    supply = StaticSupply(stages, tally, wanted=wanted, costs=costs_left(Known(), ranges, tally, 2))
    first = [14, 7, 0, *(one for one in range(20) if one % 7)]
    second = [42, *(one for one in range(30, 45) if one % 7)]
    return supply, [one for one in [*first, *second, *range(50, JOBS)] if one not in done and one not in (3, 35)]


MAKERS: list[Maker] = [whole, in_phases, of_groups, at_most, longest_first, longest_first_of_each_phase]
DONE = st.frozensets(st.integers(0, JOBS - 1))


def positions(work: Work) -> list[int]:
    return list(range(work.start, work.stop))


@pytest.mark.parametrize("make", MAKERS)
@given(done=DONE, limit=st.integers(1, JOBS))
def test_what_is_not_final_is_handed_out_once_in_order_and_never_more_than_was_asked_for(
    make: Maker, done: frozenset[int], limit: int
) -> None:
    supply, expected = make(done)
    had: list[int] = []
    while work := supply.next(limit):
        assert 0 < len(work) <= limit
        had += positions(work)
        supply.finished(work)
    assert had == expected
    assert supply.is_exhausted()


@pytest.mark.parametrize("make", MAKERS)
@given(done=DONE, moves=st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=20))
def test_what_is_given_back_is_handed_out_again_before_anything_new(
    make: Maker, done: frozenset[int], moves: list[tuple[int, bool]]
) -> None:
    supply, expected = make(done)
    finished: list[int] = []
    for limit, is_kept in moves:
        work = supply.next(limit)
        if work is None:
            break
        if is_kept:
            finished += positions(work)
            supply.finished(work)
        else:
            supply.give_back(work)
            assert not supply.is_exhausted()
            again = supply.next(len(work))
            assert again == work
            finished += positions(again)
            supply.finished(again)
    while work := supply.next(5):
        finished += positions(work)
        supply.finished(work)
    assert sorted(finished) == sorted(expected)


@pytest.mark.parametrize("make", MAKERS)
def test_nothing_is_handed_out_for_a_limit_of_nothing(make: Maker) -> None:
    supply, expected = make(())
    assert supply.next(0) is None
    work = supply.next(1)
    assert work is not None
    assert work.start == expected[0]


@pytest.mark.parametrize("make", [whole, in_phases, longest_first])
def test_left_is_what_is_not_handed_out_yet(make: Maker) -> None:
    supply, expected = make({1, 2})
    assert supply.left() == len(expected)
    work = supply.next(3)
    assert work is not None
    assert supply.left() == len(expected) - len(work)
    supply.give_back(work)
    assert supply.left() == len(expected)


def test_a_barrier_opens_when_all_before_it_are_finished_and_stays_shut_behind_a_failure_where_it_checks() -> None:
    tally = tally_of([(0, 2), (2, 4)], ())
    supply = StaticSupply([Stage(0, 2), Stage(2, 4, check=True)], tally)
    first = supply.next(9)
    assert first == Work(0, 2)
    assert supply.next(9) is None
    assert not supply.is_exhausted()
    tally.apply(Attempt(0, 0, 1, state=State.DONE, start=0.0, end=1.0, slot=0))
    tally.apply(Attempt(1, 1, 1, state=State.FAILED, start=0.0, end=1.0, slot=0))
    supply.finished(first)
    assert supply.next(9) is None
    assert supply.is_exhausted()
    assert "1 failed job" in supply.refusal
