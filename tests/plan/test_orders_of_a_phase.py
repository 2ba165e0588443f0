"""One suite over all permutations of a phase: each way to ask agrees with the others, and outside there is nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from blake3 import blake3

from shareout.plan.network import KEY_BYTES, Network
from shareout.plan.permutation import InOrder, Permutation
from shareout.plan.shuffled_list import ShuffledList

SIZES = [1, 2, 3, 17, 100, 1000]


def in_order(size: int) -> Permutation:
    return InOrder(size)


def shuffled_list(size: int) -> Permutation:
    return ShuffledList(blake3(b"list").digest, size)


def network(size: int) -> Permutation:
    return Network(blake3(b"network").digest(KEY_BYTES), size)


def prepared_network(size: int) -> Permutation:
    made = network(size)
    made.prepare()
    return made


MAKERS = [in_order, shuffled_list, network, prepared_network]
Maker = Callable[[int], Permutation]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", MAKERS)
def test_every_way_to_ask_gives_the_same_order_of_all_places(make: Maker, size: int) -> None:
    one = make(size)
    places = [one.at(position) for position in range(size)]
    assert sorted(places) == list(range(size))
    assert [one.position_of(place) for place in places] == list(range(size))
    assert list(one.between(0, size)) == places
    assert list(one.between(size // 3, size // 2)) == places[size // 3 : size // 2]
    assert one.places_at([*reversed(range(size))]) == places[::-1]
    one.prepare()
    assert [one.at(position) for position in range(size)] == places


@pytest.mark.parametrize("make", MAKERS)
def test_outside_there_is_no_position_and_no_place(make: Maker) -> None:
    one = make(10)
    for outside in (-1, 10):
        with pytest.raises(IndexError):
            one.at(outside)
        with pytest.raises(IndexError):
            one.position_of(outside)


@pytest.mark.parametrize("make", MAKERS)
def test_it_says_about_how_much_memory_it_holds(make: Maker) -> None:
    assert 0 < make(10).held_bytes <= make(1000).held_bytes
