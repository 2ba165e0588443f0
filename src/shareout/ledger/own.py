"""What an owner puts next on a lane of its own, if anything."""

from __future__ import annotations

import math
from typing import NamedTuple

from shareout.ledger.choose import Pace, surplus
from shareout.ledger.entry import Entry
from shareout.ledger.lane import Lane
from shareout.ledger.times import Moment, Times
from shareout.ledger.verbs import Pen, moved_on, put_aside, split
from shareout.ranges import is_in, size


class Wish(NamedTuple):
    """What the host would have of a lane of its own."""

    more: int = 0
    """So many positions to be reserved."""
    leaving: bool = False
    """All that is not in hand goes back, for good."""
    pace: Pace = Pace()
    aside: int = -1
    """This position is to be a lane of its own once all before it is final."""
    elsewhere: bool = False
    """And nobody's."""


def is_fenced(lane: Lane, times: Times, now: Moment) -> bool:
    """Whether nothing of it may start: it may be somebody else's by now."""
    return now - lane.contact >= times.fence


def next_of_owner(lane: Lane, wish: Wish, pen: Pen) -> Entry | None:
    """What there is to say, a doubt to be answered included. Whatever it is, it tells how far the owner is."""
    entry, reached = lane.entry, lane.reached()
    if reached.low == entry.hi:
        return moved_on(entry, pen, reached, entry.hi)
    if wish.aside == reached.low:
        return put_aside(entry, pen, reached, elsewhere=wish.elsewhere)
    if wish.leaving:
        return _leaving(lane, pen)
    res = max(entry.res, reached.low)
    if wish.more and res < entry.hi:
        return moved_on(entry, pen, reached, min(entry.hi, res + wish.more))
    if wish.pace.is_stuck and reached.low < res and not lane.begun():
        # Nobody asks for a single position, which may well run.
        return moved_on(entry, pen, reached, reached.low)
    if entry.doubt:
        return moved_on(entry, pen, reached, max(reached.low, res - _spare(lane, wish.pace, res)))
    return None


def says_it_lives(lane: Lane, times: Times, pen: Pen, now: Moment) -> Entry | None:
    """Where looks prove nothing, contact comes of own puts alone."""
    if not math.isinf(times.slack) or now - lane.contact < times.fence / 3:
        return None
    return moved_on(lane.entry, pen, lane.reached(), max(lane.entry.res, lane.reached().low))


def _spare(lane: Lane, pace: Pace, res: int) -> int:
    """How much of the end of what is reserved nobody has begun, and can be given back."""
    begun = lane.begun()
    last = begun[-1][1] if begun else lane.entry.low
    return min(max(0, res - last), surplus(size(list(lane.free())), pace))


def _leaving(lane: Lane, pen: Pen) -> Entry | None:
    entry, reached, begun = lane.entry, lane.reached(), lane.begun()
    if not begun:
        back = reached.low
    elif begun[-1][0] > reached.low and not is_in(reached.low, begun[-1:]):
        # Something before it is in nobody's hands: it can be given back once what lies behind goes its own way.
        return split(entry, pen, reached, begun[-1])
    else:
        back = begun[-1][1]
    if back < entry.res or entry.doubt or reached.low > entry.low:
        return moved_on(entry, pen, reached, max(back, reached.low))
    return None
