"""The line of a command that ended well is written in a shorter way: the same line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shareout.record.journal import attempt_line, well_ended_line
from shareout.record.outcome import Attempt, State

COUNT = st.integers(0, 10**12)
TIME = st.floats(0, 4e9)


@given(COUNT, COUNT, TIME, TIME, st.integers(0, 500), st.integers(1, 1 << 22), COUNT, st.none() | COUNT)
def test_both_ways_write_the_same(
    job: int, position: int, start: float, end: float, slot: int, pid: int, output: int, peak: int | None
) -> None:
    attempt = Attempt(job, position, 1, State.DONE, start, end, slot, 0, pid=pid, output_bytes=output, peak_memory=peak)
    assert well_ended_line(job, position, start, end, slot, pid, output, peak) == attempt_line(attempt)
