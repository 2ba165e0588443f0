"""The shuffle is a bijection at any size, the same in bulk as one by one, and looks random."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.plan.permutation import Permutation
from shareout.plan.split import split

DIGESTS = st.binary(min_size=32, max_size=32)


def digest(number: int) -> bytes:
    return blake3(number.to_bytes(4, "little")).digest()


def chi_square(counts: Sequence[int], expected: Sequence[float]) -> float:
    return sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))


def far_out(freedom: int) -> float:
    """Six standard deviations above the mean of chi-square: 10^-7 or rarer for the freedoms used here."""
    return freedom + 6 * (2 * freedom) ** 0.5 + 8


@settings(max_examples=150, deadline=None)
@given(DIGESTS, st.integers(0, 3), st.integers(1, 3000))
def test_every_job_has_exactly_one_position(key: bytes, phase: int, size: int) -> None:
    permutation = Permutation(key, phase, size)
    places = [permutation.at(position) for position in range(size)]
    assert sorted(places) == list(range(size))
    assert [permutation.position_of(place) for place in places] == list(range(size))
    assert list(permutation.between(0, size)) == places


@settings(max_examples=150, deadline=None)
@given(DIGESTS, st.integers(1, 10**18), st.data())
def test_any_position_of_a_huge_pool_is_found_and_found_back(key: bytes, size: int, data: st.DataObject) -> None:
    permutation = Permutation(key, 0, size)
    position = data.draw(st.integers(0, size - 1))
    place = permutation.at(position)
    assert 0 <= place < size
    assert permutation.position_of(place) == position


def test_tables_change_nothing() -> None:
    plain, tabled = Permutation(digest(1), 0, 50_000), Permutation(digest(1), 0, 50_000)
    tabled.prepare(50_000)
    assert tabled.chunk(300, 20_000) == [plain.at(position) for position in range(300, 20_000)]


def test_positions_outside_are_refused() -> None:
    permutation = Permutation(digest(1), 0, 5)
    for wrong in (-1, 5):
        with pytest.raises(IndexError):
            permutation.at(wrong)
        with pytest.raises(IndexError):
            permutation.position_of(wrong)


@pytest.mark.parametrize("size", [5, 8, 30, 101])
def test_any_job_is_equally_likely_at_any_position(size: int) -> None:
    trials = 400 * size
    for position in (0, size // 2, size - 1):
        counts = [0] * size
        for number in range(trials):
            counts[Permutation(digest(number), 0, size).at(position)] += 1
        assert chi_square(counts, [trials / size] * size) < far_out(size - 1)


def test_neighbours_in_the_pool_are_no_neighbours_in_the_order() -> None:
    """The distance from a position's job to the next one's, in ten bins, over many digests."""
    size, bins, counts = 1000, 10, [0] * 10
    for number in range(60):
        places = Permutation(digest(number), 0, size).chunk(0, size)
        for one, other in pairwise(places):
            counts[(other - one) % size * bins // size] += 1
    total = sum(counts)
    assert chi_square(counts, [total / bins] * bins) < far_out(bins - 1)


@pytest.mark.parametrize(
    "group",
    [range(0, 9000, 3), range(5, 9000, 95), range(900), range(4000, 4300), range(8000, 9000, 2)],
    ids=["every third", "every 95th", "first block", "a block inside", "evens at the end"],
)
def test_a_group_of_jobs_lands_on_machines_in_proportion_to_their_weights(group: range) -> None:
    weights = [Fraction(8), Fraction("3.2"), Fraction(1), Fraction("0.5")]
    ranges = split(9000, weights)
    counts = [0] * len(weights)
    trials = 40
    for number in range(trials):
        permutation = Permutation(digest(number), 0, 9000)
        for place in group:
            position = permutation.position_of(place)
            counts[next(at for at, (start, stop) in enumerate(ranges) if start <= position < stop)] += 1
    total = trials * len(group)
    expected = [float(total * weight / sum(weights)) for weight in weights]
    assert chi_square(counts, expected) < far_out(len(weights) - 1)
