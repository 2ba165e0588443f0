"""How much is reserved, whose lane is cut, and where. What others say of themselves is advice, which nothing hangs
on."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from shareout.ledger.times import LONG_AGO, Moment

ENOUGH_S = 2.0
"""So much work is worth an entry: what is shorter is not fetched from another host, and not reserved alone."""
PARTS = 8
AHEAD_S = 1.0
"""So much work is kept reserved, that no slot waits for the store."""
LONG_S = 10.0
"""Beside a job that takes so long such a wait is nothing, and one that is kept here for as long is missed elsewhere."""


class Pace(NamedTuple):
    """How fast a host is, and what it could start at once."""

    hungry: int = 0
    """Positions that it has a slot for and nothing in hand."""
    rate: float = 0.0
    """Jobs a second over all its slots; 0 where that is not known."""
    is_stuck: bool = False
    """All slots work, and nothing has ended for long: what waits here for one of them may wait for hours."""


class Speed:
    """Of a host's slots, by what they have ended. What was fast before says nothing of what runs now: where all slots
    work and nothing ends, the host is no faster than that shows. Else it would keep reserved what it cannot begin, and
    tell those who are idle that it has nothing to give."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._ended = 0
        self._since: Moment = LONG_AGO
        """The last moment when something had just ended, or a slot was free."""

    def rate(self, ended: int, work_s: float, free: int, now: Moment) -> float:
        """Jobs a second, once so many have ended that took so long together, and so many slots are free."""
        if ended != self._ended or free > 0 or self._since == LONG_AGO:
            self._ended, self._since = ended, now
        if not ended or not work_s:
            return 0.0
        mean, quiet_s = self._slots * ended / work_s, now - self._since
        return min(mean, self._slots / quiet_s) if quiet_s > 0 else mean

    def pace(self, ended: int, work_s: float, free: int, now: Moment) -> Pace:
        """And how much it keeps ahead. What is reserved nobody else can have."""
        rate = self.rate(ended, work_s, free, now)
        is_long = rate * LONG_S <= self._slots
        is_stuck = free <= 0 and now - self._since >= LONG_S
        return Pace(free if is_long else max(free, ceil(AHEAD_S * rate)), rate, is_stuck)


def reservation(free: int, pace: Pace) -> int:
    """How much of what is free an owner reserves next. Of jobs that are long, or of which nothing is known, one a slot:
    what is reserved nobody can cut."""
    enough = ceil(ENOUGH_S * pace.rate)
    if enough < pace.hungry or not pace.rate:
        return min(free, max(pace.hungry, 1))
    return min(free, max(enough, free // PARTS, 1))


def part_of(free: int, own: Pace, owner_rate: float) -> int:
    """How many positions a thief cuts off what is free with an owner, so that both end together; 0: not worth it."""
    rates = own.rate + owner_rate
    part = ceil(free * own.rate / rates) if own.rate and owner_rate else ceil(free / 2)
    return 0 if part < min(ceil(ENOUGH_S * own.rate), free) else part


def part_of_nobodys(free: int, own: Pace, all_rates: float) -> int:
    """The same of a lane without an owner, of which every idle host wants some."""
    half = ceil(free / 2)
    return min(half, ceil(2 * free * own.rate / all_rates)) if own.rate and all_rates else half


def surplus(spare: int, pace: Pace) -> int:
    """How much an owner gives back of what is reserved and not in hand, when it is asked for work."""
    return max(0, spare - pace.hungry + 1) // 2
