"""All that may happen in small cases: no promise of the ledger is broken, and the end can be reached from anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.cases import CASES
from ledger.model import LASTING, NOW, Case
from ledger.search import Searched, search, told
from shareout.ledger.lane import Lane

QUICK = [case for case in CASES if case.quick]
MOST = 400_000
Tell = Callable[[str, object], None]


def searched(case: Case, most: int) -> Searched:
    found = search(case, most)
    assert not found.wrong, told(case, found)
    return found


@pytest.mark.slow
def test_small_cases_keep_all_promises(record_property: Tell) -> None:
    """Each searched whole: a tenth of what a soak walks through."""
    states = 0
    for case in QUICK:
        found = searched(case, MOST)
        assert found.is_whole, case.name
        states += found.states
    record_property("told", f"the ledger: {states:,} states, {len(QUICK)} cases searched whole")
    assert states >= 100_000


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_keeps_all_promises(case: Case, record_property: Tell) -> None:
    """Up to so many states: those that are near the beginning."""
    record_property("told", told(case, searched(case, MOST)))


def test_every_moment_that_a_host_remembers_of_a_lane_grows_older() -> None:
    """What the model forgot would be as young for ever."""
    moments = {name for name, kind in Lane.__annotations__.items() if kind.__forward_arg__ in ("Moment", "Due")}
    assert moments == set(LASTING)
    assert max(case.dead + case.fence for case in CASES) < NOW
