"""What the times of a ledger promise of each other."""

from __future__ import annotations

import pytest

from shareout.ledger.times import CROWD, LONGEST_S, SELDOM, Times


@pytest.mark.parametrize("dead", [1.0, 15.0, 60.0, 120.0, 3_600.0])
def test_beats_come_often_in_the_time_of_death_and_of_very_many_hosts_no_more_together_than_of_a_crowd(
    dead: float,
) -> None:
    times = Times.of(dead, 1.0)
    assert times.beat() == times.beat(CROWD) == min(LONGEST_S, dead / 24)
    for hosts in range(CROWD, 10 * CROWD, 30):
        assert times.beat(hosts) <= min(LONGEST_S, SELDOM * times.beat())
        in_a_second, most = hosts / times.beat(hosts), max(CROWD, hosts / SELDOM) / times.beat()
        assert times.beat(hosts) == LONGEST_S or in_a_second <= most * 1.000001
    assert times.beat(100 * CROWD) <= dead / 6, "several in that time all the same"
