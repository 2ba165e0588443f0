"""Sizes and durations: what is written reads as the same number, and each unit means what the design says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.units import (
    format_duration,
    format_filesize,
    parse_amount,
    parse_duration,
    parse_filesize,
    parse_percent,
)


@given(st.integers(0, 2**63))
def test_a_size_reads_as_it_was_written(size: int) -> None:
    assert parse_filesize(format_filesize(size)) == size


@given(st.integers(0, 10**10))
def test_a_duration_reads_as_it_was_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("text", "size"),
    [("64M", 64 << 20), ("64MiB", 64 << 20), ("64MB", 64 * 10**6), ("128GB", 128 * 10**9), ("5MB", 5 * 10**6),
     ("1.5G", 3 << 29), ("100 kb", 100_000), ("0", 0), ("17", 17)],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_filesize(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("1.5", 1.5), ("1h 5s", 3605)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1x", "-1", "1h-2m", "h", "1..5", "1 2"])
def test_nonsense_is_refused_by_every_reader(text: str) -> None:
    for read in (parse_filesize, parse_duration, parse_percent, parse_amount):
        with pytest.raises(ValueError, match=r"write|is not"):
            read(text)


def test_shares_and_amounts() -> None:
    assert parse_percent("1%") == Fraction(1, 100)
    assert parse_amount("0.25") == parse_amount("1/4") == Fraction(1, 4)
