"""The line of a command that ended well is written in a shorter way: the same line."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shareout.record.journal import attempt_line, imprinted, parse, well_ended_line
from shareout.record.lines.common_line import plain_line
from shareout.record.outcome import Attempt, Imprint, State

COUNT = st.integers(0, 10**12)
TIME = st.floats(0, 4e9)


IMPRINT = st.none() | st.builds(Imprint, st.integers(1, 10**12), st.binary(min_size=16, max_size=16).map(bytes.hex))


@given(COUNT, COUNT, TIME, TIME, st.integers(0, 500), st.integers(1, 1 << 22), IMPRINT, IMPRINT, st.none() | COUNT)
def test_both_ways_write_the_same(
    job: int,
    position: int,
    start: float,
    end: float,
    slot: int,
    pid: int,
    out: Imprint | None,
    err: Imprint | None,
    peak: int | None,
) -> None:
    attempt = Attempt(job, position, 1, State.DONE, start, end, slot, 0, pid=pid, out=out, err=err, peak_memory=peak)
    short = well_ended_line(job, position, start, end, slot, pid, imprinted(out, err), peak)
    assert short == attempt_line(attempt)
    assert parse(short[:-1]) == replace(attempt, start=round(start, 6), end=round(end, 6), peak_memory=peak or None)
    assert plain_line(short[:-1])[0] == str(job).encode() or start < 1 or end < 1
