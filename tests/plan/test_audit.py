"""What is audited: exactly the part that was asked for, within the share, spread all along it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.plan.audit import STRETCHES, audit_of

PARTS = st.fractions(min_value=Fraction(1, 10**6), max_value=1)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**18), st.integers(0, 10**18), PARTS)
def test_stretches_are_disjoint_within_the_share_and_hold_the_part_that_was_asked_for(
    start: int, length: int, part: Fraction
) -> None:
    stretches = audit_of([(start, start + length)], part)
    assert sum(stop - first for first, stop in stretches) == ceil(length * part)
    assert len(stretches) <= STRETCHES
    assert all(start <= first < stop <= start + length for first, stop in stretches)
    assert all(one[1] <= other[0] for one, other in pairwise(stretches))


@settings(max_examples=100, deadline=None)
@given(st.integers(STRETCHES, 10**12), PARTS)
def test_no_long_piece_of_a_share_goes_unseen(length: int, part: Fraction) -> None:
    stretches = audit_of([(0, length)], part)
    gaps = [other[0] - one[1] for one, other in pairwise([(0, 0), *stretches, (length, length)])]
    assert max(gaps) <= length / len(stretches) + 1


def test_every_phase_has_its_own_part_and_without_an_audit_there_is_none() -> None:
    assert audit_of([(0, 100), (200, 300)], Fraction(1, 100)) == ((0, 1), (200, 201))
    assert audit_of([(0, 100)], Fraction(0)) == ()
    assert audit_of([(7, 7)], Fraction(1)) == ()
