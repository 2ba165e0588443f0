"""Pure decisions: slots, retries, halts, deadlines, time limits, the environment of children."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.config import LimitSettings
from shareout.environment import user_environment, with_threads
from shareout.errors import UsageError
from shareout.plan.fitting import Demand
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.durations import Durations
from shareout.run.host.capacity import Capacity
from shareout.run.policy import deadline_of, halts, judge, may_start, time_limit
from shareout.settings_values import Timeout, parse_halt

LIMITS = LimitSettings(None, None, 2, 0.0, Fraction(2), None, "", 5.0, 0.0, None, None)


def failed(number: int, cause: Cause = Cause.EXIT) -> Attempt:
    return Attempt(0, 0, number, State.FAILED, 0.0, 1.0, 0, 1, None, cause)


def test_a_failure_is_tried_again_as_often_as_was_said() -> None:
    assert [judge(failed(number), LIMITS) for number in (1, 2, 3)] == [State.RETRY, State.RETRY, State.FAILED]
    assert judge(failed(1, Cause.STOPPED), LIMITS) is State.STOPPED


@pytest.mark.parametrize(
    ("rule", "done", "count", "met"),
    [("never", 0, 99, False), ("now,fail=3", 9, 2, False), ("now,fail=3", 0, 3, True), ("soon,fail=10%", 0, 2, False),
     ("now,fail=1%", 0, 1, True), ("now,fail=1%", 5, 0, False), ("soon,done=3%", 1, 1, False),
     ("0", 0, 99, False), ("1", 0, 1, True), ("2", 9, 0, False), ("10%", 0, 9, False), ("10%", 0, 10, True),
     ("-1", 1, 0, True), ("-2", 0, 9, False),
     ("soon,fail=10%", 0, 10, True), ("soon,fail=10%", 0, 9, False), ("now,success=5", 5, 0, True),
     ("soon,done=7", 4, 3, True)],
)  # fmt: skip
def test_halt_rules(rule: str, done: int, count: int, met: bool) -> None:
    assert halts(parse_halt(rule), done, count, 100) is met


def test_a_share_of_few_jobs_is_met_by_the_first_as_gnu_parallel_has_it() -> None:
    assert halts(parse_halt("now,fail=1%"), 0, 1, 10)
    assert not halts(parse_halt("now,fail=1%"), 9, 0, 10)


def test_the_older_words_of_gnu_parallel_mean_what_they_mean_there() -> None:
    words = {"0": "never", "1": "soon,fail=1", "2": "now,fail=1", "-1": "soon,success=1", "-2": "now,success=1"}
    for old, new in {**words, "10%": "soon,fail=10%"}.items():
        assert parse_halt(old) == parse_halt(new)
    for wrong in ("3", "-3", "0%", "101%", "10%%", "soon", "now,fail"):
        with pytest.raises(ValueError, match="no rule for stopping"):
            parse_halt(wrong)


def test_a_time_that_is_past_is_refused_and_one_of_the_clock_is_tomorrows() -> None:
    now = datetime(2026, 11, 20, 12, 0).timestamp()
    for past in ("2026-11-20T11:59", "2026-11-20", "2020-01-01T00:00+02:00"):
        with pytest.raises(UsageError, match="is past"):
            deadline_of(past, now, {})
    assert deadline_of("11:59", now, {}) == now + 86400 - 60


def test_a_deadline_is_read_in_all_its_forms() -> None:
    now = datetime(2026, 11, 20, 12, 0).timestamp()
    assert deadline_of("13:30", now, {}) == now + 5400
    assert deadline_of("07:00", now, {}) == now + 19 * 3600
    assert deadline_of("8h", now, {}) == now + 8 * 3600
    assert deadline_of("2026-11-21T12:00", now, {}) == now + 86400
    assert deadline_of("", now, {"SLURM_JOB_END_TIME": "123"}) == 123
    assert deadline_of("", now, {}) is None
    with pytest.raises(UsageError):
        deadline_of("noonish", now, {})


def seen(*seconds: float) -> Durations:
    durations = Durations()
    for one in seconds:
        durations.add(one)
    return durations


def test_nothing_starts_that_would_not_end_in_time() -> None:
    assert may_start(0.0, 50.0, seen(*[10.0] * 20))
    assert not may_start(45.0, 50.0, seen(*[10.0] * 20))
    assert may_start(49.0, 50.0, seen())
    assert not may_start(50.0, 50.0, seen())


def test_a_share_of_the_median_is_a_limit_once_there_is_a_median() -> None:
    limits = LimitSettings(Timeout(percent=200.0), None, 0, 0.0, Fraction(1), None, "", 5.0, 0.0, None, None)
    assert time_limit(limits, seen(10.0)) is None
    limit = time_limit(limits, seen(*[10.0] * 9, 1000.0))
    assert limit == pytest.approx(20.0, rel=0.07)


@given(st.lists(st.floats(1e-5, 1e5), min_size=1, max_size=200), st.integers(1, 99))
def test_percentiles_are_good_to_a_bucket(values: list[float], percent: int) -> None:
    exact = sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
    assert seen(*values).percentile(percent) == pytest.approx(exact, rel=0.13)


def test_gpus_are_given_by_name_and_shared_by_fractions() -> None:
    capacity = Capacity(Fraction(8), ("4", "7"), 0)
    half = Demand(Fraction(1), Fraction(1, 2), 0)
    grants = [capacity.take(half) for _ in range(4)]
    assert [grant.gpus if grant else None for grant in grants] == [("4",), ("4",), ("7",), ("7",)]
    assert capacity.take(half) is None
    assert grants[0] is not None
    capacity.give(grants[0])
    assert capacity.take(Demand(Fraction(1), Fraction(1), 0)) is None
    assert capacity.take(half) is not None


def test_children_see_the_users_own_environment() -> None:
    frozen = {
        "LD_LIBRARY_PATH": "/tmp/_MEI123", "LD_LIBRARY_PATH_ORIG": "/opt/lib", "_PYI_ARCHIVE_FILE": "x",
        "_MEIPASS2": "y", "PATH": "/bin", "LD_PRELOAD": "/tmp/_MEI123/x.so",
    }  # fmt: skip
    assert user_environment(frozen, frozen=True) == {"LD_LIBRARY_PATH": "/opt/lib", "PATH": "/bin"}
    assert user_environment({"LD_LIBRARY_PATH": "/mine"}, frozen=False) == {"LD_LIBRARY_PATH": "/mine"}
    assert with_threads({"OMP_NUM_THREADS": "3"}, 2)["OMP_NUM_THREADS"] == "3"
    assert with_threads({}, 2)["MKL_NUM_THREADS"] == "2"
