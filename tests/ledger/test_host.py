"""One host in the ledger by real times: how it is driven, and what the search leaves out."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from shareout.ledger.calls import Call, Root
from shareout.ledger.choose import Pace, Speed, part_of, part_of_nobodys, reservation, surplus
from shareout.ledger.entry import Entry, root_begins
from shareout.ledger.host import Host
from shareout.ledger.lane import Lane
from shareout.ledger.own import Wish, next_of_owner
from shareout.ledger.times import LONG_AGO, Times
from shareout.ledger.verbs import Pen

ROOTS = [Root("0.0", "alice", 0, 0, 100), Root("1.0", "bob", 0, 100, 200), Root("2.0", "carol", 0, 200, 200)]
FOLDER = Times.of(120, 60)


class Shelf:
    """Keys that are put once."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def answer(self, call: Call) -> Entry | None:
        text = call.text()
        if text is not None:
            self.texts.setdefault(call.key, text)
        return call.read(self.texts.get(call.key))


def host_of(name: str, times: Times = FOLDER) -> Host:
    numbers = itertools.count(1)
    return Host(f"{name}/1-aaaa", ROOTS, times, lambda lane, k: f"{name}{next(numbers):08}")


def drive(host: Host, shelf: Shelf, now: float) -> int:
    """All calls that are due, and those that follow; how many."""
    count = 0
    while calls := host.calls(now):
        for call in calls:
            count += 1
            host.found(call, shelf.answer(call), now)
    return count


def test_two_hosts_share_a_plan_until_all_is_final() -> None:
    shelf, now = Shelf(), 1000.0
    hosts = {name: host_of(name) for name in ("alice", "bob")}
    done: list[int] = []
    while not all(host.is_over() for host in hosts.values()):
        for name, host in hosts.items():
            host.wants(Pace(4 if name == "alice" else 1, 4.0 if name == "alice" else 1.0))
            drive(host, shelf, now)
            while grant := host.grant(4, now):
                assert now < host.limit(grant.lane)
                done += range(grant.start, grant.stop)
                host.ended(grant.start, grant.stop, failed=False)
                break
        now += 1
        assert now < 1200
    assert sorted(done) == list(range(200))
    assert len(shelf.texts) <= 120
    assert any('"verb":"cut"' in text.decode() for text in shelf.texts.values())


def test_who_hears_that_all_is_over_looks_for_what_it_does_not_know_yet() -> None:
    """And not only in its own time, as one that has enough to do."""
    shelf, now = Shelf(), 1000.0
    alice, bob = host_of("alice"), host_of("bob")
    for host in (alice, bob):
        host.wants(Pace(100, 100.0))
        drive(host, shelf, now)
        while grant := host.grant(100, now):
            host.ended(grant.start, grant.stop, failed=False)
        drive(host, shelf, now)
    assert bob.is_over()
    alice.look_at_asks()
    drive(alice, shelf, now)
    assert set(alice.lanes) == {"1.0"}, "it has looked, and bob was not there yet"
    drive(alice, shelf, now + alice.times.retry)
    assert alice.is_over()


def test_an_idle_host_does_not_stand_beside_what_a_host_reserved_when_it_was_fast() -> None:
    """A thousand short jobs, then long ones: alice has reserved as many as it would have done in seconds."""
    shelf, now, slots = Shelf(), 1000.0, 4
    alice, bob, speed = host_of("alice"), host_of("bob"), Speed(slots)
    ended, in_hand = 1000, 0
    while not bob.lanes or not any(lane.how in ("cut", "take") for lane in bob.lanes.values()):
        rate = speed.rate(ended, 10.0, slots - in_hand, now)
        alice.wants(Pace(max(slots - in_hand, int(rate)), rate))
        drive(alice, shelf, now)
        while in_hand < slots and (grant := alice.grant(slots - in_hand, now)):
            in_hand += grant.stop - grant.start
        # What bob has it does at once, and it asks a moment later.
        bob.wants(Pace(slots, 1.0))
        if now > 1001:
            drive(bob, shelf, now)
        while grant := bob.grant(100, now):
            bob.ended(grant.start, grant.stop, failed=False)
        now += 0.5
        assert now < 1060, "bob is idle, and alice holds what it has not begun"


@pytest.mark.parametrize("how", ["it became slow", "it was started again"])
def test_who_had_nothing_to_give_is_asked_again_when_that_may_have_changed(how: str) -> None:
    """And not only ten minutes later."""
    shelf, now = Shelf(), 1000.0
    alice, bob, again = host_of("alice"), host_of("bob"), host_of("alice")
    again.me = "alice/2-bbbb"
    again.proved_dead([alice.me])

    def turn(who: Host, hungry: int, rate: float) -> None:
        nonlocal now
        now += 10
        who.wants(Pace(hungry, rate))
        drive(who, shelf, now)
        while grant := who.grant(100, now):
            if who is bob:
                who.ended(grant.start, grant.stop, failed=False)

    def doubts() -> int:
        return sum(b'"verb":"doubt"' in text for text in shelf.texts.values())

    turn(alice, 100, 50.0)
    bob.heard(alice.me, 50.0, now)
    while not doubts():
        turn(bob, 4, 1.0)
        bob.heard(alice.me, 50.0, now)
    turn(alice, 100, 50.0)
    for _ in range(5):
        turn(bob, 4, 1.0)
        bob.heard(alice.me, 50.0, now)
        assert doubts() == 1
    if how == "it became slow":
        bob.heard(alice.me, 1.0, now)
    else:
        turn(again, 100, 50.0)
    turn(bob, 4, 1.0)
    turn(bob, 4, 1.0)
    assert doubts() == 2


def test_a_host_in_which_nothing_ends_is_no_faster_than_that() -> None:
    speed = Speed(8)
    assert speed.rate(0, 0.0, 8, 1000.0) == 0
    assert speed.rate(800, 8.0, 0, 1001.0) == 800
    assert speed.rate(800, 8.0, 0, 1011.0) == 0.8
    assert speed.rate(801, 20.0, 0, 1012.0) == 8 * 801 / 20
    # One who has nothing to do is as fast as it was.
    assert speed.rate(801, 20.0, 8, 1100.0) == 8 * 801 / 20


def test_a_host_is_stuck_where_all_slots_work_and_nothing_ends_for_long() -> None:
    speed = Speed(2)
    assert not speed.pace(0, 0.0, 2, 1000.0).is_stuck
    assert not speed.pace(0, 0.0, 0, 1001.0).is_stuck
    assert not speed.pace(0, 0.0, 1, 1050.0).is_stuck
    assert speed.pace(0, 0.0, 0, 1060.0).is_stuck
    assert not speed.pace(1, 60.0, 0, 1061.0).is_stuck


def test_what_has_not_begun_where_a_host_is_stuck_is_given_back_unasked() -> None:
    """Of a single position nobody asks for it, for that may well run."""
    entry = root_begins(5, 6)._replace(verb="cut", res=6, owner="alice/1-aaaa", by="alice/1-aaaa", nonce="n")
    lane, pen = Lane("n", 0, "", 1, entry), Pen(1, "alice/1-aaaa", "m")
    back = next_of_owner(lane, Wish(pace=Pace(0, 1.0, is_stuck=True)), pen)
    assert back is not None
    assert (back.verb, back.low, back.res, back.owner) == ("back", 5, 5, "alice/1-aaaa")
    assert next_of_owner(lane, Wish(pace=Pace(0, 1.0)), pen) is None, "one of its slots may be free any moment"
    assert next_of_owner(lane.granting(5, 6), Wish(pace=Pace(0, 1.0, is_stuck=True)), pen) is None, "it runs"


def test_an_empty_share_is_no_lane() -> None:
    assert set(host_of("alice").lanes) == {"0.0", "1.0"}


def test_a_host_stops_where_its_contact_ends() -> None:
    shelf, host = Shelf(), host_of("alice")
    host.wants(Pace(1, 0))
    drive(host, shelf, 1000)
    assert host.limit("0.0") == 1000 + 90
    assert host.limit("1.0") == LONG_AGO
    assert host.grant(1, 1090) is None
    assert host.grant(1, 1089)


@pytest.mark.parametrize("slack", [0.0, 60.0])
def test_a_look_that_finds_nothing_renews_contact_by_what_it_may_have_missed(slack: float) -> None:
    shelf, host = Shelf(), host_of("alice", Times.of(120, slack))
    drive(host, shelf, 1000)
    drive(host, shelf, 1080)
    assert host.limit("0.0") == max(1000, 1080 - slack) + 90


def test_where_looks_prove_nothing_an_owner_says_that_it_lives() -> None:
    shelf, host = Shelf(), host_of("alice", Times.of(120, math.inf))
    drive(host, shelf, 1000)
    drive(host, shelf, 1029)
    assert host.limit("0.0") == 1090
    drive(host, shelf, 1030)
    assert host.limit("0.0") == 1120
    assert b'"verb":"keep"' in shelf.texts["lanes/0.0/2"]


def test_it_wakes_when_there_is_something_to_call_for() -> None:
    shelf, host, now = Shelf(), host_of("alice"), 1000.0
    for _ in range(50):
        drive(host, shelf, now)
        wake = host.wake_at(now)
        assert now < wake <= now + FOLDER.stroll
        assert not host.calls((now + wake) / 2)
        now = wake
        assert host.calls(now)
        for lane in list(host.lanes.values()):
            host.lanes[lane.name] = lane._replace(busy=False)


def test_who_was_started_again_is_silent_as_what_it_was() -> None:
    host = host_of("alice")
    host.heard("bob/1-bbbb", 1.0, 1000)
    host.heard("bob/2-cccc", 1.0, 1001)
    assert host.life["bob/1-bbbb"] == LONG_AGO
    assert host.life["bob/2-cccc"] == host.life["bob"] == 1001


def test_a_ledger_whose_looks_lag_too_long_is_refused() -> None:
    assert Times.of(120, 60).why_not() == ""
    assert Times.of(120, 85).why_not() == (
        "a look at this folder may be 85 s old, and whoever is silent for 120 s is taken for dead"
    )
    assert Times.of(120, math.inf).why_not() == ""


def test_what_is_chosen_lies_within_what_is_free() -> None:
    seed = random.randrange(1 << 40)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(5_000):
        free = chance.randrange(1, 10 ** chance.randrange(1, 8))
        pace = Pace(chance.randrange(64), chance.choice([0, 10 ** chance.uniform(-4, 5)]))
        rate = chance.choice([0, 10 ** chance.uniform(-4, 5)])
        assert 1 <= reservation(free, pace) <= free
        assert 0 <= part_of(free, pace, rate) <= free
        assert 1 <= part_of_nobodys(free, pace, rate) <= free
        assert 0 <= surplus(free, pace) <= free


def test_of_long_jobs_one_a_slot_is_reserved() -> None:
    assert reservation(1000, Pace(8, 0.4)) == 8
    assert reservation(1000, Pace(8, 400.0)) == 800
    assert reservation(100_000, Pace(8, 400.0)) == 12_500


def test_a_thief_takes_so_much_that_both_end_together() -> None:
    assert part_of(900, Pace(1, 2.0), 1.0) == 600
    assert part_of(3, Pace(1, 1.0), 1.0) == 2
    assert part_of(4, Pace(8, 100.0), 1.0) == 4
