"""Whether a host is to blame for its failures, by what others say of theirs."""

from __future__ import annotations

from shareout.events import Counts
from shareout.joining.pieces.luck import IN_A_ROW, Luck
from shareout.record.outcome import Attempt, Cause, State


def luck_after(failures: int) -> Luck:
    luck = Luck(patience_s=15, longest_s=120)
    luck.began(counts(0))
    for number in range(failures):
        luck.finished([attempt(number, State.FAILED)], counts(number + 1))
    return luck


def counts(finished: int) -> Counts:
    return Counts(1000, 0, 0, 0, 0, finished_here=finished)


def attempt(job: int, state: State, cause: Cause = Cause.EXIT, *, number: int = 1) -> Attempt:
    return Attempt(job, job, number, state=state, start=1.0, end=2.0, slot=0, cause=cause)


def test_who_is_alone_never_rests() -> None:
    luck = luck_after(100)
    luck.judge(1, has_company=False)
    assert not luck.rests


def test_it_goes_when_the_jobs_of_another_end_well() -> None:
    luck = luck_after(IN_A_ROW)
    luck.heard("bob", {"done": 7, "row": 0}, 0)
    luck.judge(1, has_company=True)
    assert luck.rests
    luck.judge(2, has_company=True)
    assert not luck.better, "what was heard before says nothing of now"
    luck.heard("bob", {"done": 8, "row": 1}, 3)
    luck.judge(4, has_company=True)
    assert luck.better == "bob"
    assert luck.rests


def test_it_goes_on_when_others_fail_too_and_rests_again_later_only() -> None:
    luck = luck_after(IN_A_ROW)
    luck.judge(1, has_company=True)
    luck.heard("bob", {"done": 0, "row": 3}, 2)
    luck.heard("carol", {"done": 5, "row": 20}, 2)
    luck.judge(3, has_company=True)
    assert not luck.rests
    for number in range(IN_A_ROW, 3 * IN_A_ROW - 1):
        luck.finished([attempt(number, State.RETRY)], counts(number + 1))
    luck.judge(4, has_company=True)
    assert not luck.rests


def test_it_does_not_wait_for_ever_for_who_says_nothing() -> None:
    luck = luck_after(IN_A_ROW)
    luck.judge(1, has_company=True)
    luck.judge(15, has_company=True)
    assert luck.rests
    luck.judge(17, has_company=True)
    assert not luck.rests
    luck = luck_after(IN_A_ROW)
    luck.judge(1, has_company=True)
    luck.heard("bob", {"done": 0, "row": 0}, 2)
    luck.heard("eve", {"done": "x"}, 2)
    luck.judge(100, has_company=True)
    assert luck.rests
    luck.judge(122, has_company=True)
    assert not luck.rests


def test_one_that_ends_well_ends_the_row_and_what_was_stopped_is_no_failure() -> None:
    luck = luck_after(IN_A_ROW - 1)
    luck.finished([attempt(98, State.STOPPED, Cause.STOPPED)], counts(IN_A_ROW - 1))
    luck.judge(1, has_company=True)
    assert not luck.rests
    luck.finished([], counts(IN_A_ROW))
    luck.finished([attempt(99, State.FAILED)], counts(IN_A_ROW + 1))
    luck.judge(1, has_company=True)
    assert not luck.rests
    assert luck.facts() == {"done": 1, "row": 1}


def test_what_had_failed_before_tells_of_the_job_and_not_of_the_host() -> None:
    luck = luck_after(0)
    for job in range(3 * IN_A_ROW):
        luck.finished([attempt(job, State.FAILED, number=2)], counts(job + 1))
    luck.judge(1, has_company=True)
    assert not luck.rests
    assert luck.facts() == {"done": 0, "row": 0}
