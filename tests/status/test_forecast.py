"""The forecast is honest: jobs of any spread end within its range nineteen times of twenty."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.record.sample import wilson
from shareout.record.tallies.durations import Durations
from shareout.status.machine import forecast


@pytest.mark.parametrize("kind", ["constant", "even", "exponential"])
def test_the_rest_takes_as_long_as_was_forecast(kind: str) -> None:
    source = random.Random(5)
    draw = {"constant": lambda: 1.0, "even": source.random, "exponential": lambda: source.expovariate(1)}[kind]
    hits = 0
    for _ in range(400):
        past, rest = [draw() for _ in range(200)], [draw() for _ in range(300)]
        durations = Durations()
        durations.add_all(past)
        told = forecast(300, 200 / sum(past), durations, 500)
        assert told is not None
        hits += told.low - 1e-6 <= sum(rest) <= told.high + 1e-6
    assert hits >= 0.93 * 400


def test_nothing_to_do_is_over_and_nothing_known_is_not_forecast() -> None:
    assert forecast(0, 0.0, Durations(), 5) is not None
    assert forecast(5, 0.0, Durations(), 5) is None
    assert forecast(5, 1.0, Durations(), 5) is None


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_a_rate_lies_in_its_own_range(hits: int, count: int, more: int) -> None:
    found = wilson(min(hits, count), count, count + more)
    assert found is not None
    share, low, high = found
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    assert wilson(0, 0, more) is None
    if not more:
        assert low == share == high
