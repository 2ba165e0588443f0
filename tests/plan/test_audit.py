"""What is audited: the part that was asked for, within the share, from its first position to its last."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.plan.audit import LEAST, STRETCHES, audit_of

PARTS = st.fractions(min_value=Fraction(1, 10**6), max_value=1)
DIGESTS = st.binary(min_size=32, max_size=32)
RANGES = st.lists(st.tuples(st.integers(0, 9) | st.integers(0, 10**15), st.integers(0, 5)), min_size=1, max_size=20)


def ranges_of(drawn: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """From lengths and the gaps after them."""
    made, at = [], 0
    for length, gap in drawn:
        made.append((at, at + length))
        at += length + gap
    return made


def digest(number: int) -> bytes:
    return blake3(number.to_bytes(4, "little")).digest()


@settings(max_examples=150, deadline=None)
@given(DIGESTS, st.integers(0, 1000), RANGES, PARTS)
def test_stretches_are_disjoint_within_the_share_and_hold_the_part_that_was_asked_for(
    key: bytes, machine: int, drawn: list[tuple[int, int]], part: Fraction
) -> None:
    ranges = ranges_of(drawn)
    length = sum(stop - start for start, stop in ranges)
    stretches = audit_of(key, machine, ranges, part)
    assert sum(stop - first for first, stop in stretches) == max(ceil(length * part), min(LEAST, length))
    assert len(stretches) <= STRETCHES + len(ranges)
    assert all(any(start <= first < end <= stop for start, stop in ranges) for first, end in stretches)
    assert all(one[1] <= other[0] for one, other in pairwise(stretches))


@settings(max_examples=200, deadline=None)
@given(DIGESTS, st.integers(1, 10**12), PARTS)
def test_every_sixteenth_of_a_share_is_looked_at(key: bytes, length: int, part: Fraction) -> None:
    stretches = audit_of(key, 0, [(0, length)], part)
    pieces = len(stretches)
    assert pieces == min(STRETCHES, max(ceil(length * part), min(LEAST, length)))
    for number, (first, stop) in enumerate(stretches):
        assert length * number // pieces - 1 <= first < stop <= -(-length * (number + 1) // pieces) + 1


def test_a_share_is_seen_to_its_last_position_and_from_its_first() -> None:
    """At one percent of a hundred jobs, over many plans: no position is safe, and the ends as little as the middle."""
    seen = [0] * 100
    for number in range(2000):
        for first, stop in audit_of(digest(number), 1, [(0, 100)], Fraction(1, 100)):
            for position in range(first, stop):
                seen[position] += 1
    # 4,000 looks at 100 positions: 40 each, and six times the root of that is 38.
    assert all(2 < count < 78 for count in seen)


def test_two_jobs_are_both_looked_at() -> None:
    assert audit_of(digest(1), 0, [(7, 9)], Fraction(1, 1000)) == ((7, 8), (8, 9))
    assert audit_of(digest(1), 0, [(7, 8), (9, 9), (20, 21)], Fraction(1, 1000)) == ((7, 8), (20, 21))
    assert audit_of(digest(1), 0, [(7, 8)], Fraction(1, 1000)) == ((7, 8),)


def test_places_differ_by_plan_and_by_machine() -> None:
    found = {
        audit_of(digest(number), machine, [(0, 10**6)], Fraction(1, 100)) for number in (1, 2) for machine in (0, 1)
    }
    assert len(found) == 4


def test_small_phases_are_not_audited_more_than_was_asked_for() -> None:
    ranges = [(start, start + 4) for start in range(0, 5000, 5)]
    assert sum(stop - start for start, stop in audit_of(digest(1), 0, ranges, Fraction(1, 100))) == 40


def test_without_an_audit_or_a_share_there_is_none() -> None:
    assert audit_of(digest(1), 0, [(0, 100)], Fraction(0)) == ()
    assert audit_of(digest(1), 0, [(7, 7)], Fraction(1)) == ()
