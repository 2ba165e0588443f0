"""How much is reserved, whose lane is cut, and where. What others say of themselves is advice, which nothing hangs
on."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

ENOUGH_S = 2.0
"""So much work is worth an entry: what is shorter is not fetched from another host, and not reserved alone."""
PARTS = 8


class Pace(NamedTuple):
    """How fast a host is, and what it could start at once."""

    hungry: int = 0
    """Positions that it has a slot for and nothing in hand."""
    rate: float = 0.0
    """Jobs a second over all its slots; 0 where that is not known."""


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
