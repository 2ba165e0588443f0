"""Until when jobs of a lane may begin, as a worker finds it before each."""

from __future__ import annotations

import pytest

from shareout.run.hands.fences import CLOSED, FREE, MOST, Fences
from shareout.world import world


@pytest.fixture
def fences() -> Fences:
    made = Fences()
    made.jump_s = 30.0
    return made


def test_what_needs_no_limit_has_none_and_an_unknown_lane_is_closed(fences: Fences) -> None:
    assert not fences.is_past(FREE)
    assert fences.number("0.0") == CLOSED
    assert fences.is_past(CLOSED)


def test_each_lane_has_its_own(fences: Fences) -> None:
    now = world.since_boot()
    fences.extend("0.0", now + 600)
    fences.extend("1.0", now - 1)
    assert not fences.is_past(fences.number("0.0"))
    assert fences.is_past(fences.number("1.0"))
    fences.extend("1.0", now + 600)
    assert not fences.is_past(fences.number("1.0"))
    fences.extend("0.0", 0.0)
    assert fences.is_past(fences.number("0.0"))
    assert not fences.is_past(fences.number("1.0"))


def test_a_jump_between_the_two_clocks_is_a_pause(fences: Fences, monkeypatch: pytest.MonkeyPatch) -> None:
    fences.extend("0.0", world.since_boot() + 600)
    number = fences.number("0.0")
    there = world.time
    monkeypatch.setattr(world, "time", lambda: there() + 31)
    assert fences.is_past(number)
    fences.extend("0.0", world.since_boot() + 600)
    assert not fences.is_past(number), "who has heard of the ledger since has its base anew"
    monkeypatch.setattr(world, "time", lambda: there() + 31 - 62)
    assert fences.is_past(number)


def test_numbers_are_used_again_and_there_are_enough(fences: Fences) -> None:
    until = world.since_boot() + 600
    for count in range(3 * MOST):
        assert fences.may_open()
        fences.extend(f"{count}.0", until)
        if count >= MOST - 4:
            fences.close(f"{count - MOST + 4}.0")
    assert len({fences.number(f"{count}.0") for count in range(2 * MOST + 5, 3 * MOST)}) == MOST - 5
    assert fences.number("0.0") == CLOSED
