"""What of a reservation goes next: each job that is to run once, and the longest first where it is known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from shareout.joining.pieces.picking import Picking
from shareout.ranges import Range, union, without
from shareout.record.outcome import Attempt, State
from shareout.record.tallies.tally import Tally

JOBS = 120


def tally_of(done: Collection[int]) -> Tally:
    tally = Tally([(0, JOBS)])
    for position in done:
        tally.apply(Attempt(position, position, 1, state=State.DONE, start=0.0, end=1.0, slot=0))
    return tally


def thirds(start: int, stop: int) -> bytes:
    return bytes(one % 3 == 0 for one in range(start, stop))


def sevenths(start: int, stop: int) -> Iterator[int]:
    """Every seventh takes long, the later the longer."""
    return iter([1000 + one if one % 7 == 0 else 1 for one in range(start, stop)])


def handed_out(picking: Picking, free: Sequence[Range], limit: int) -> list[int]:
    """Until nothing is left of these stretches: the longest first, then one stretch after the other."""
    found: list[int] = []
    while free:
        one = picking.longest(free[: picking.most_grants])
        taken = (one, one + 1)
        if one < 0:
            start, taken_stop = picking.first(*free[0], limit)
            assert taken_stop - start <= limit
            found += range(start, taken_stop)
            taken = (free[0][0], taken_stop)
        else:
            found.append(one)
        free = list(without(free, [taken]))
    return found


done = st.sets(st.integers(0, JOBS - 1))
stretches = st.lists(st.integers(0, JOBS), min_size=2, max_size=8, unique=True).map(
    lambda ends: union(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)


@given(done, stretches, st.integers(1, 9), st.booleans(), st.booleans())
def test_each_that_is_to_run_is_handed_out_once(
    before: set[int], free: list[Range], limit: int, grouped: bool, costed: bool
) -> None:
    picking = Picking(tally_of(before), thirds if grouped else None, sevenths if costed else None, 2)
    inside = [one for start, stop in free for one in range(start, stop)]
    meant = [one for one in inside if one not in before and not (grouped and one % 3)]
    assert sorted(handed_out(picking, free, limit)) == meant


def test_the_longest_of_what_is_reserved_go_first_wherever_they_lie() -> None:
    picking = Picking(tally_of([49]), None, sevenths, 1)
    assert handed_out(picking, [(0, 20), (40, 60)], 100)[:5] == [56, 42, 14, 7, 0]


def test_what_was_given_back_is_picked_again_in_its_turn() -> None:
    picking = Picking(tally_of([]), None, sevenths, 1)
    assert picking.longest([(0, 30)]) == 28
    picking.give_back(28, 29)
    assert picking.longest([(0, 30)]) == 28
    assert picking.longest([(0, 28)]) == 21


def test_how_many_of_a_part_are_wanted_is_known() -> None:
    assert Picking(tally_of([]), None, None, 1).count(3, 9) == 6
    assert Picking(tally_of([]), thirds, None, 1).count(3, 9) == 2
