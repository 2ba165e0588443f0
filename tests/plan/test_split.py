"""Shares are disjoint, complete, and each within one job of its exact quota."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.plan.split import split

WEIGHTS = st.decimals(min_value="0.000001", max_value="1000000", places=6).map(Fraction)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**18), st.lists(WEIGHTS, min_size=1, max_size=500))
def test_share_is_within_one_job_of_its_quota(size: int, weights: list[Fraction]) -> None:
    ranges = split(size, weights)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == size
    assert all(one[1] == other[0] for one, other in pairwise(ranges))
    total = sum(weights)
    for (start, stop), weight in zip(ranges, weights, strict=True):
        assert abs(stop - start - size * weight / total) < 1


def test_the_same_weights_in_another_scale_split_alike() -> None:
    weights = [Fraction("0.1"), Fraction("0.7"), Fraction("2.5")]
    assert split(10**9 + 7, weights) == split(10**9 + 7, [weight * 1000 for weight in weights])
