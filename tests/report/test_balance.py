"""The weights that a report suggests: true rates give them back, and what was not measured stays comparable."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.machines import Machine
from shareout.record.tallies.durations import Durations
from shareout.report.balance import balance_of
from shareout.report.reading import Deeds

MACHINES = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 64)), min_size=2, max_size=8)


def did(name: str, jobs: int, seconds: float, slots: int, drained_s: float = 0.0) -> Deeds:
    """A machine that was never idle but at the end, when its slots waited for the last job."""
    busy = jobs * seconds
    deeds = Deeds(name, finished=jobs, attempts=jobs, busy_s=busy, active_s=busy / slots + drained_s)
    deeds.drained_s = drained_s
    deeds.slots.update(range(slots))
    deeds.durations = Durations(count=jobs, total=busy, squares=jobs * seconds**2)
    return deeds


@given(MACHINES)
def test_weights_that_were_right_are_given_back(farm: list[tuple[int, int]]) -> None:
    machines = [Machine(f"m{at}", Fraction(perf, 100), cores) for at, (perf, cores) in enumerate(farm)]
    deeds = [did(one.name, 1000 * one.cores, 100 / float(one.perf), one.cores) for one in machines]
    balance = balance_of(deeds, {one.name: 1000 for one in machines}, machines)
    assert balance is not None
    for pace, one in zip(balance.paces, machines, strict=True):
        assert pace.perf == pytest.approx(float(one.perf), rel=0.006)
        assert pace.uncertainty == pytest.approx(0, abs=1e-6)


def test_unmeasured_machines_keep_their_place_among_the_others() -> None:
    machines = [Machine("a", Fraction(1), 2), Machine("b", Fraction(1), 2, ssh="me@b"), Machine("c", Fraction(3), 1)]
    deeds = [did("a", 100, 1, 2), did("b", 100, 3, 2), did("c", 2, 1, 1)]
    balance = balance_of(deeds, {"a": 100, "b": 100, "c": 2}, machines)
    assert balance is not None
    assert balance.unmeasured == ("c",)
    assert balance.block(machines) == {"a": [1.5, 2], "b": {"perf": 0.5, "cores": 2, "ssh": "me@b"}, "c": [3.0, 1]}
    assert (balance.planned_s, balance.balanced_s) == pytest.approx((150, 75))


def test_machines_that_worked_for_less_than_a_second_are_named() -> None:
    balance = balance_of([did("a", 100, 0.01, 2), did("b", 100, 1, 2)], {"a": 100, "b": 100}, [])
    assert balance is not None
    assert balance.brief == ("a",)


def test_waiting_for_the_last_long_job_is_not_slowness() -> None:
    deeds = [did("a", 100, 1, 2), did("b", 100, 1, 2, drained_s=40)]
    balance = balance_of(deeds, {"a": 100, "b": 100}, [])
    assert balance is not None
    assert [pace.perf for pace in balance.paces] == [1.0, 1.0]


def test_there_is_nothing_to_say_of_one_machine() -> None:
    assert balance_of([did("a", 100, 1, 2), did("b", 3, 1, 2)], {"a": 100, "b": 3}, []) is None
