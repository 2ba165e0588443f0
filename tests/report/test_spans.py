"""Amounts over time: whatever comes in whatever order, nothing is lost and there are never many bins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.report.spans import MOST_BINS, Spans

TIMES = st.integers(0, 10**9).map(lambda number: 1_700_000_000 + number / 1000)
ATTEMPTS = st.lists(st.tuples(st.integers(0, 3), TIMES, st.floats(0, 1e6)), max_size=40)


def filled(attempts: list[tuple[int, float, float]]) -> Spans:
    spans = Spans()
    for slot, start, seconds in attempts:
        spans.reach(start, start + seconds)
        spans.add([slot], [start], [start + seconds])
    return spans


@given(ATTEMPTS, ATTEMPTS)
def test_nothing_is_lost_however_the_bins_are_joined(ours: list, theirs: list) -> None:  # type: ignore[type-arg]
    spans = filled(ours)
    spans.together(filled(theirs))
    assert spans.high - spans.low < MOST_BINS
    assert sum(spans.ended.values()) == len(ours) + len(theirs)
    for slot in range(4):
        seconds = sum(one[2] for one in [*ours, *theirs] if one[0] == slot)
        assert sum(amount for (of, _), amount in spans.busy.items() if of == slot) == pytest.approx(seconds, abs=1e-3)
    assert all(spans.low <= at <= spans.high for at in spans.ended)
    assert all(spans.low <= at <= spans.high for _, at in spans.busy)


@given(ATTEMPTS)
def test_the_order_does_not_matter(attempts: list) -> None:  # type: ignore[type-arg]
    there, back = filled(attempts), filled(attempts[::-1])
    assert (there.width, there.low, there.high, there.ended) == (back.width, back.low, back.high, back.ended)


@given(ATTEMPTS)
def test_no_slot_is_busier_than_time_goes_by(attempts: list) -> None:  # type: ignore[type-arg]
    for slot, start, seconds in attempts:
        spans = filled([(slot, start, seconds)])
        assert all(amount <= spans.width * (1 + 1e-6) for amount in spans.busy.values())
