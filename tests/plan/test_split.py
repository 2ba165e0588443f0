"""Shares are disjoint, complete, and after every phase each within one job of its exact quota."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, floor

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.plan.split import split

WEIGHTS = st.decimals(min_value="0.000001", max_value="1000000", places=6).map(Fraction)
# Small and few numbers: quotas that come out even, and phases that no machine is owed anything of.
EVEN = st.integers(1, 6).map(Fraction) | st.fractions(min_value=Fraction(1, 12), max_value=4, max_denominator=12)
SIZES = st.lists(st.integers(0, 12) | st.integers(0, 10**15), min_size=1, max_size=30)


def counts(sizes: Sequence[int], weights: Sequence[Fraction]) -> list[list[int]]:
    """A phase after the other: how many jobs each machine gets of it."""
    bounds = split(sizes, weights)
    assert all(len(bound) == len(sizes) for bound in bounds)
    assert list(bounds[0]) == [0] * len(sizes)
    assert list(bounds[-1]) == list(sizes)
    return [[stop - start for start, stop in pairwise(phase)] for phase in zip(*bounds, strict=True)]


def check(sizes: Sequence[int], weights: Sequence[Fraction]) -> None:
    total, jobs, had = sum(weights), 0, [0] * len(weights)
    for size, given_to in zip(sizes, counts(sizes, weights), strict=True):
        jobs += size
        for machine, (count, weight) in enumerate(zip(given_to, weights, strict=True)):
            had[machine] += count
            share, quota = size * weight / total, jobs * weight / total
            assert 0 <= count <= ceil(share)
            assert count >= ceil(share) - 1
            assert floor(quota) <= had[machine] <= ceil(quota)


@settings(max_examples=150, deadline=None)
@given(SIZES, st.lists(WEIGHTS, min_size=1, max_size=60) | st.lists(EVEN, min_size=1, max_size=12))
def test_share_is_within_one_job_of_its_quota_after_every_phase_and_no_phase_gives_more_than_its_part_rounded_up(
    sizes: list[int], weights: list[Fraction]
) -> None:
    check(sizes, weights)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.lists(EVEN, min_size=2, max_size=9))
def test_small_phases_are_carried_over(sizes: list[int], weights: list[Fraction]) -> None:
    check(sizes, weights)


def test_many_machines_have_nearly_the_same_fractions() -> None:
    """What a split phase by phase cannot keep: after the first phase all odd machines are owed nearly a job each, and
    all even ones nearly none."""
    weights = [Fraction(1, 200), Fraction(1, 20_000)] * 100 + [Fraction(99, 200)]
    check([198, 2, 3, 0, 1, 5, 1000, 7], weights)
    check([1] * 400, weights)


def test_barriers_leave_no_machine_without_jobs() -> None:
    weights = [Fraction(8), Fraction(1), Fraction(1)]
    assert [sum(one) for one in zip(*counts([5] * 100, weights), strict=True)] == [400, 50, 50]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**18), st.lists(WEIGHTS, min_size=1, max_size=500))
def test_without_barriers_shares_end_where_the_sum_of_weights_does_rounded_down(
    size: int, weights: list[Fraction]
) -> None:
    total = sum(weights)
    expected = [size * so_far // total for so_far in accumulate(weights, initial=Fraction(0))]
    assert [bound[0] for bound in split([size], weights)] == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=10), st.lists(EVEN, min_size=1, max_size=8), st.data())
def test_empty_phases_change_nothing(sizes: list[int], weights: list[Fraction], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sizes)))
    assert counts([*sizes[:at], 0, *sizes[at:]], weights) == [
        *counts(sizes, weights)[:at], [0] * len(weights), *counts(sizes, weights)[at:]
    ]  # fmt: skip


def test_the_same_weights_in_another_scale_split_alike() -> None:
    weights = [Fraction("0.1"), Fraction("0.7"), Fraction("2.5")]
    sizes = [10**9 + 7, 5, 12]
    assert counts(sizes, weights) == counts(sizes, [weight * 1000 for weight in weights])
