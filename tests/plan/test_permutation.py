"""The shuffle is a bijection at any size, the same in bulk as one by one, and like a true shuffle at any size.

The digests are fixed numbers, so that a statistic comes out the same in every run; its bound is what a true shuffle
passes but once in 10^7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.choices import Order
from shareout.plan import permutation
from shareout.plan.permutation import Permutation, Permutations
from shareout.plan.shuffled_list import LONGEST
from shareout.plan.split import split

DIGESTS = st.binary(min_size=32, max_size=32)
SIZES = st.integers(1, 300) | st.integers(LONGEST - 3, LONGEST + 200)
# Beside sizes that once were uneven, both sides of where the list gives way to the network.
SHUFFLES = [3, 4, 5, 9, 16, 30, 100, 150, 1000, LONGEST, LONGEST + 1, LONGEST + 37]


def digest(number: int) -> bytes:
    return blake3(number.to_bytes(4, "little")).digest()


def made(key: bytes, phase: int, size: int) -> Permutation:
    return Permutations(key, [0] * phase + [size], Order.SHUFFLED)[phase]


def many(size: int, count: int) -> Iterator[Permutation]:
    """Of one plan with as many phases."""
    of_phases = Permutations(digest(size), [size] * count, Order.SHUFFLED)
    return (of_phases[phase] for phase in range(count))


def chi_square(counts: Sequence[int], expected: Sequence[float]) -> float:
    return sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))


def far_out(freedom: int) -> float:
    """Six standard deviations above the mean of chi-square: 10^-7 or rarer for the freedoms used here."""
    return freedom + 6 * (2 * freedom) ** 0.5 + 8


def is_even(counts: Sequence[int]) -> bool:
    return chi_square(counts, [sum(counts) / len(counts)] * len(counts)) < far_out(len(counts) - 1)


@settings(max_examples=100, deadline=None)
@given(DIGESTS, st.integers(0, 3), SIZES)
def test_every_job_has_exactly_one_position(key: bytes, phase: int, size: int) -> None:
    shuffle = made(key, phase, size)
    places = [shuffle.at(position) for position in range(size)]
    assert sorted(places) == list(range(size))
    assert [shuffle.position_of(place) for place in places] == list(range(size))
    assert list(shuffle.between(0, size)) == shuffle.places_at(range(size)) == places
    assert list(shuffle.between(size // 3, size // 2)) == places[size // 3 : size // 2]


@settings(max_examples=150, deadline=None)
@given(DIGESTS, st.integers(1, 10**18), st.data())
def test_any_position_of_a_huge_pool_is_found_and_found_back(key: bytes, size: int, data: st.DataObject) -> None:
    shuffle = made(key, 0, size)
    position = data.draw(st.integers(0, size - 1))
    place = shuffle.at(position)
    assert 0 <= place < size
    assert shuffle.position_of(place) == position


def test_tables_change_nothing() -> None:
    plain, tabled = made(digest(1), 0, 50_000), made(digest(1), 0, 50_000)
    tabled.prepare()
    assert list(tabled.between(300, 20_000)) == [plain.at(position) for position in range(300, 20_000)]


@pytest.mark.parametrize("size", [5, LONGEST + 1])
@pytest.mark.parametrize("order", [Order.SHUFFLED, Order.GIVEN])
def test_positions_outside_are_refused(size: int, order: str) -> None:
    shuffle = Permutations(digest(1), [size], order)[0]
    for wrong in (-1, size):
        with pytest.raises(IndexError):
            shuffle.at(wrong)
        with pytest.raises(IndexError):
            shuffle.position_of(wrong)


def test_phases_in_any_order_and_any_number_are_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some are kept in memory at a time."""
    monkeypatch.setattr(permutation, "MOST_KEPT_BYTES", 10_000)
    of_phases = Permutations(digest(1), [50] * 100, Order.SHUFFLED)
    for phase in (0, 1, 99, 0, *range(100), 0, 1):
        assert list(of_phases[phase].between(0, 50)) == list(made(digest(1), phase, 50).between(0, 50))


@pytest.mark.parametrize("size", [3, 4, 5])
def test_every_order_of_a_few_jobs_is_equally_likely(size: int) -> None:
    orders = {order: number for number, order in enumerate(permutations(range(size)))}
    counts = [0] * len(orders)
    for shuffle in many(size, 150 * len(orders)):
        counts[orders[tuple(shuffle.between(0, size))]] += 1
    assert is_even(counts)


@pytest.mark.parametrize("size", SHUFFLES)
def test_any_job_is_equally_likely_at_any_position(size: int) -> None:
    cells = min(size, 60)
    counts = {position: [0] * cells for position in (0, 1, size // 2, size - 1)}
    trials = max(600, min(8_000, 1_500_000 // size))
    for shuffle in many(size, trials):
        for position, found in counts.items():
            found[shuffle.at(position) * cells // size] += 1
    widths = [0] * cells
    for place in range(size):
        widths[place * cells // size] += 1
    expected = [trials * width / size for width in widths]
    assert all(chi_square(found, expected) < far_out(cells - 1) for found in counts.values())


@pytest.mark.parametrize("size", [size for size in SHUFFLES if size < 100])
@pytest.mark.parametrize("last", [False, True], ids=["the first two", "the last two"])
def test_any_two_jobs_are_equally_likely_side_by_side(size: int, last: bool) -> None:
    counts = dict.fromkeys(permutations(range(size), 2), 0)
    at = size - 2 if last else 0
    for shuffle in many(size, 40 * len(counts)):
        counts[shuffle.at(at), shuffle.at(at + 1)] += 1
    assert is_even(list(counts.values()))


@pytest.mark.parametrize("size", [size for size in SHUFFLES if size >= 100])
def test_pairs_of_places_fill_all_parts_of_the_pool_alike(size: int) -> None:
    """The first two places and the last two, in ten by ten boxes."""
    expected = [0.0] * 100
    for one in range(size):
        expected[one * 10 // size * 11] -= 1
    sides = [sum(place * 10 // size == part for place in range(size)) for part in range(10)]
    expected = [expected[10 * a + b] + sides[a] * sides[b] for a in range(10) for b in range(10)]
    counts = [[0] * 100, [0] * 100]
    trials = max(1000, min(8_000, 1_500_000 // size))
    for shuffle in many(size, trials):
        for found, at in zip(counts, (0, size - 2), strict=True):
            found[shuffle.at(at) * 10 // size * 10 + shuffle.at(at + 1) * 10 // size] += 1
    scaled = [one * trials / size / (size - 1) for one in expected]
    assert all(chi_square(found, scaled) < far_out(99) for found in counts)


@pytest.mark.parametrize("size", SHUFFLES)
def test_neighbours_in_the_pool_are_no_neighbours_in_the_order(size: int) -> None:
    """The distance from a position's job to the next one's, around the pool: any but 0 as likely as any other. Of two
    neighbouring distances only every other one is independent enough to be counted."""
    bins = min(size - 1, 50)
    counts = [0] * bins
    for shuffle in many(size, max(40, 200_000 // size)):
        places = list(shuffle.between(0, size))
        for one, other in zip(places[0::2], places[1::2], strict=False):
            counts[((other - one) % size - 1) * bins // (size - 1)] += 1
    widths = [0] * bins
    for distance in range(size - 1):
        widths[distance * bins // (size - 1)] += 1
    total = sum(counts)
    assert chi_square(counts, [total * width / (size - 1) for width in widths]) < far_out(bins - 1)


@pytest.mark.parametrize("jobs", [90, 9000])
@pytest.mark.parametrize(
    "part",
    [slice(0, None, 3), slice(5, None, 19), slice(0, 0.1), slice(0.44, 0.48), slice(0.89, None, 2)],
    ids=["every third", "every 19th", "first block", "a block inside", "evens at the end"],
)
def test_a_group_of_jobs_lands_on_machines_in_proportion_to_their_weights(jobs: int, part: slice) -> None:
    start, stop = (int(bound * jobs) if isinstance(bound, float) else bound for bound in (part.start, part.stop))
    group = range(jobs)[start : stop : part.step]
    weights = [Fraction(8), Fraction("3.2"), Fraction(1), Fraction("0.5")]
    bounds = [bound[0] for bound in split([jobs], weights)]
    counts = [0] * len(weights)
    trials = 360_000 // jobs
    for shuffle in many(jobs, trials):
        for place in group:
            position = shuffle.position_of(place)
            counts[next(at for at, stop in enumerate(bounds[1:]) if position < stop)] += 1
    total = trials * len(group)
    expected = [total * (stop - start) / jobs for start, stop in pairwise(bounds)]
    assert chi_square(counts, expected) < far_out(len(weights) - 1)
