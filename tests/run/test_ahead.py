"""What is looked up before its turn is the same as at its turn, whatever becomes of the batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import pytest

from shareout.run.command.ahead import AT_ONCE, Ahead
from shareout.run.command.shell import Shells
from shareout.run.command.spawn import Launch

MANY = 3 * AT_ONCE + 1


def ahead(bad: Iterable[int] = ()) -> Ahead:
    def describe(job: int, attempt: int) -> tuple[str, Mapping[bytes, bytes]]:
        if job in bad:
            raise ValueError(f"job {job}")
        return f"/bin/echo {job}", {b"JOB": b"%d" % job, b"ATTEMPT": b"%d" % attempt}

    launch = Launch(Shells("", os.environ, for_bash=False), os.environ["PATH"])
    return Ahead(lambda start, stop: (-position for position in range(start, stop)), describe, launch)


def test_each_job_gets_its_own_call_in_order() -> None:
    calls = ahead()
    calls.begin(2, {b"JOB": b"of all", b"A": b"1"})
    taken = [(job, calls.take()) for job in calls.jobs_between(5, 5 + MANY)]
    assert [job for job, _ in taken] == [-position for position in range(5, 5 + MANY)]
    assert all(call.words == [b"/bin/echo", b"%d" % job] for job, call in taken)
    assert all(call.environment == {b"A": b"1", b"JOB": b"%d" % job, b"ATTEMPT": b"2"} for job, call in taken)


def test_what_a_batch_left_is_not_given_to_the_next() -> None:
    calls = ahead()
    calls.begin(1, {})
    turns = iter(calls.jobs_between(0, MANY))
    for _ in range(AT_ONCE // 2):
        next(turns)
        calls.take()
    calls.begin(1, {b"NEXT": b"batch"})
    assert [calls.take().environment[b"JOB"] for _ in calls.jobs_between(100, 102)] == [b"-100", b"-101"]
    assert [calls.take().environment[b"NEXT"] for _ in calls.jobs_between(200, 201)] == [b"batch"]


def test_what_cannot_be_looked_up_is_told_at_its_own_turn() -> None:
    calls = ahead(bad=[-2])
    calls.begin(1, {})
    told = []
    for job in calls.jobs_between(0, 4):
        if job == -2:
            with pytest.raises(ValueError, match="job -2"):
                calls.take()
        else:
            told.append(calls.take().words[1])
    assert told == [b"0", b"-1", b"-3"]
