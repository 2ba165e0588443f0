"""The states of a share's places: as a plain array of bytes would be, in memory for what is scattered."""

from __future__ import annotations

import tracemalloc
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.record.tallies.standing import DONE, FAILED, NEW, SKIPPED, STATES
from shareout.record.tallies.states import FAR_APART, PAGE, States

SIZES = st.sampled_from([0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 5 * PAGE + 77])
STATE = st.sampled_from([NEW, DONE, FAILED, SKIPPED])
# Beside any place, those about the borders of pages.
PLACE = st.integers(0, 6 * PAGE) | st.builds(
    lambda page, off: max(0, page * PAGE + off), st.integers(0, 6), st.integers(-2, 2)
)
CHANGE = (
    st.tuples(st.just("fill"), PLACE, PLACE, STATE)
    | st.tuples(st.just("swap"), PLACE, st.just(0), STATE)
    | st.tuples(st.just("turn"), st.lists(PLACE, min_size=1, max_size=30), st.just(0), STATE)
    | st.tuples(st.just("near"), PLACE, st.integers(1, 2000), STATE)
)


def runs(model: bytearray, states: list[int], start: int, stop: int) -> list[tuple[int, int]]:
    """The slow way."""
    found = []
    for is_in, group in groupby(range(start, min(stop, len(model))), lambda at: model[at] in states):
        places = list(group)
        if is_in:
            found.append((places[0], places[-1] + 1))
    return found


def turn(states: States, model: bytearray, places: list[int], state: int) -> None:
    """What lies there becomes DONE if all of it is so, and nothing changes otherwise."""
    if not places:
        return
    are_all = all(model[place] == state for place in places)
    assert states.turn(places, state, DONE) == are_all
    for place in places if are_all else ():
        model[place] = DONE


def change(states: States, model: bytearray, what: tuple[str, object, int, int]) -> None:
    name, first, second, state = what
    size = len(model)
    if name == "turn" and isinstance(first, list):
        turn(states, model, sorted({place for place in first if place < size}, key=lambda at: at % 7), state)
        return
    assert isinstance(first, int)
    if name == "fill":
        low, high = sorted((min(first, size), min(second, size)))
        states.fill(low, high, state)
        model[low:high] = bytes([state]) * (high - low)
    elif name == "near":
        gap = state + 2
        turn(states, model, [at for at in range(first, first + second) if at < size and at % (gap * 7)], state)
    elif first < size:
        assert states.swap(first, state) == model[first]
        model[first] = state


@settings(max_examples=150, deadline=None)
@given(SIZES, st.lists(CHANGE, max_size=12), st.lists(st.tuples(PLACE, PLACE, STATE, STATE), min_size=1, max_size=6))
def test_they_are_what_an_array_of_bytes_is(
    size: int, changes: list[tuple[str, object, int, int]], asked: list[tuple[int, int, int, int]]
) -> None:
    states, model = States(size), bytearray(size)
    for what in changes:
        change(states, model, what)
    assert len(states) == size
    assert states.window(0, size) == model
    assert [states.count(state) for state in range(STATES)] == [model.count(state) for state in range(STATES)]
    for one, other, state, beside in asked:
        start, stop = sorted((one, other))
        assert states.count(state, start, stop) == model.count(state, start, stop)
        assert states.find(state, start, stop) == model.find(state, start, stop)
        assert states.find(state, start) == model.find(state, start)
        assert list(states.runs(state, beside, start=start, stop=stop)) == runs(model, [state, beside], start, stop)
        if start < min(stop, size):
            stop = min(stop, size)
            assert states.window(start, stop) == model[start:stop]
            assert states[start] == model[start]
            rest = model[start:stop]
            assert states.alike(start, stop) == len(rest) - len(rest.lstrip(rest[:1]))
    made_at_once = States(size)
    for at, state in enumerate(model):
        made_at_once.swap(at, state)
    assert made_at_once == states, "equal, whatever way they came to be so"
    saved = b"before" + b"".join(states.packed()) + b"behind"
    again, end = States.unpacked(size, bytearray(saved), 6)
    assert (again, saved[end:]) == (states, b"behind")


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGE, max_size=12), STATE, STATE)
def test_runs_may_be_filled_as_they_come(changes: list[tuple[str, object, int, int]], was: int, state: int) -> None:
    states, model = States(5 * PAGE + 77), bytearray(5 * PAGE + 77)
    for what in changes:
        change(states, model, what)
    for first, stop in states.runs(was):
        states.fill(first, stop, state)
    assert states.window(0, len(states)) == model.replace(bytes([was]), bytes([state]))


@settings(max_examples=40, deadline=None)
@given(st.lists(CHANGE, max_size=12))
def test_what_is_saved_as_another_state_is_as_if_it_had_been_so(changes: list[tuple[str, object, int, int]]) -> None:
    states, plain = States(3 * PAGE), bytearray(3 * PAGE)
    for what in changes:
        change(states, plain, what)
    table = bytes.maketrans(bytes([FAILED]), bytes([NEW]))
    again, _ = States.unpacked(3 * PAGE, bytearray(b"".join(states.packed(table))), 0)
    for first, stop in states.runs(FAILED):
        states.fill(first, stop, NEW)
    assert again == states


def test_places_far_apart_are_looked_up_one_by_one() -> None:
    states = States(100 * PAGE)
    far = [0, 50 * PAGE, 100 * PAGE - 1]
    assert far[-1] > FAR_APART * len(far)
    assert states.turn(far, NEW, DONE)
    assert not states.turn([*far, 7], NEW, DONE)
    assert list(states.runs(DONE)) == [(at, at + 1) for at in far]


@pytest.mark.parametrize("cut", [1, PAGE, PAGE + 2])
def test_a_save_that_is_cut_off_is_refused(cut: int) -> None:
    states = States(3 * PAGE)
    states.turn([5, 2 * PAGE], NEW, DONE)
    saved = bytearray(b"".join(states.packed()))
    with pytest.raises(ValueError, match="another share"):
        States.unpacked(3 * PAGE, saved[:-cut], 0)


def test_a_billion_places_take_memory_for_what_is_scattered() -> None:
    tracemalloc.start()
    try:
        states = States(10**9)
        states.fill(0, 700_000_123, DONE)
        for at in range(0, 10**9, 10**6):
            states.swap(at, FAILED)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (states.count(DONE), states.count(FAILED)) == (700_000_123 - 701, 1000)
    assert most < 4_000_000
    states.fill(0, 10**9, DONE)
    assert list(states.runs(DONE)) == [(0, 10**9)]
    assert held > 1000 * PAGE
