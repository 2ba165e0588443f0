"""What a host puts next on a lane that is not its own, if anything: it helps, doubts and takes over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from shareout.ledger.choose import Pace, part_of, part_of_nobodys, reservation
from shareout.ledger.entry import NOBODY, Entry, name_of
from shareout.ledger.lane import Lane
from shareout.ledger.times import LONG_AGO, Moment, Times
from shareout.ledger.verbs import Pen, cut, doubted, opened, seized

LOOKS = 15
"""In a second an idle host looks at so many lanes where nothing is to be expected."""


class Sight(NamedTuple):
    """What a host knows at a moment beside the lane."""

    now: Moment
    times: Times
    me: str
    able: bool
    """It takes work at all."""
    pace: Pace
    dead: Collection[str]
    """Older incarnations of this machine of which nothing runs any more."""
    released: Mapping[str, bool]
    """Lanes whose owner a person calls dead; true: at once."""
    life: Mapping[str, Moment]
    """The last sign of life of incarnations, and of machines that have not come yet."""
    rates: Mapping[str, float]
    idle: bool = False
    """It has slots that own lanes have nothing for."""
    taker: str = ""
    """The own lane of which more is to be reserved."""
    victim: str = ""
    """The lane that is to be helped."""

    def is_silent(self, who: str) -> bool:
        """Nothing was heard for so long that a doubt is due."""
        return self.now - self.life.get(who, LONG_AGO) >= self.times.silent


def next_of_other(lane: Lane, sight: Sight, pen: Pen) -> Entry | None:
    """What there is to do, by one who has just looked."""
    entry = lane.entry
    called_dead = lane.name in sight.released
    if sight.able and _is_to_open(lane, sight):
        return opened(entry, pen, min(entry.hi, max(entry.res, entry.low + _first(entry.hi - entry.low, sight))))
    if called_dead and sight.released[lane.name]:
        return seized(entry, pen, 0)
    if entry.doubt and (sight.able or called_dead):
        if sight.now - lane.since >= sight.times.dead:
            return seized(entry, pen, _first(entry.hi - entry.low, sight) if sight.able else 0)
    elif called_dead:
        return doubted(entry, pen) if lane.asked <= sight.now else None
    elif sight.able and entry.owner != NOBODY and sight.is_silent(entry.owner):
        return doubted(entry, pen)
    return _help(entry, sight, pen) if lane.name == sight.victim else None


def between_looks(lane: Lane, sight: Sight, lanes: int) -> float:
    """From one look at it to the next. Of very many lanes an idle host looks at some in each moment, as a busy one
    does."""
    if _is_watched(lane, sight):
        return sight.times.probe
    often = max(sight.times.probe, lanes / LOOKS)
    return min(sight.times.stroll, often) if sight.idle else sight.times.stroll


def _is_watched(lane: Lane, sight: Sight) -> bool:
    owner = lane.entry.owner
    return (
        lane.name == sight.victim
        or owner in (sight.me, *sight.dead)
        or lane.entry.doubt != ""
        or lane.name in sight.released
        or (owner != NOBODY and sight.is_silent(owner))
    )


def place_of(lane: Lane, sight: Sight) -> tuple[bool, bool, float]:
    """In which order lanes have their turn, where there are more than can be looked at in time: own ones and the one
    that is to be helped, then those of which something may follow from a look just made, then whichever was not looked
    at for longest."""
    is_others = lane.entry.owner != sight.me and not _is_to_open(lane, sight) and lane.name != sight.victim
    return is_others, not _is_fresh(lane, sight), lane.looked


def _is_fresh(lane: Lane, sight: Sight) -> bool:
    return sight.now - lane.looked < sight.times.probe


def victim(lanes: Collection[Lane], sight: Sight) -> str:
    """The lane that an idle host helps: of which most is free, measured by the pace of its owner. Where nothing is
    free, one whose owner may have something in hand that it can give back. Empty where there is none."""
    if any(lane.put and lane.put.owner != sight.me and lane.put.kid for lane in lanes):
        return ""
    others = [lane for lane in lanes if lane.entry.owner != sight.me and not lane.put]
    cuttable = [lane for lane in others if _part(lane.entry, sight) and _is_to_be_had(lane, sight)]
    if cuttable:
        return _neediest(cuttable, sight)
    asked = [lane for lane in others if _can_be_asked(lane, sight)]
    return max(asked, key=lambda lane: (lane.entry.res - lane.entry.low, lane.name)).name if asked else ""


def _neediest(lanes: Collection[Lane], sight: Sight) -> str:
    """What was seen long ago looks larger than it is: of very many lanes there would always be one more to look at."""
    most = max(_need(lane, sight) for lane in lanes)
    fresh = max((_need(lane, sight) for lane in lanes if _is_fresh(lane, sight)), default=most)
    return fresh[2] if fresh[0] == most[0] and fresh[1] > most[1] / 2 else most[2]


def _is_to_open(lane: Lane, sight: Sight) -> bool:
    owner = lane.entry.owner
    return owner in sight.dead or (owner == NOBODY and lane.machine == name_of(sight.me))


def _is_to_be_had(lane: Lane, sight: Sight) -> bool:
    """The share of a machine that has not come is its own until it has been waited for."""
    return lane.entry.owner != NOBODY or not lane.machine or sight.is_silent(lane.machine)


def _can_be_asked(lane: Lane, sight: Sight) -> bool:
    entry = lane.entry
    return entry.owner != NOBODY and not entry.doubt and entry.res - entry.low > 1 and lane.asked <= sight.now


def _need(lane: Lane, sight: Sight) -> tuple[bool, float, str]:
    entry = lane.entry
    rate = sight.rates.get(name_of(entry.owner), 0.0) or 1.0
    # What this host itself has put aside for others comes last.
    return not (entry.owner == NOBODY and entry.by == sight.me), (entry.hi - entry.res) / rate, lane.name


def _part(entry: Entry, sight: Sight) -> int:
    free = entry.hi - entry.res
    if not free:
        return 0
    # Whoever has nothing in hand has left, or is about to take more of what is enough for both: the last two seconds of
    # work, too, must come to somebody.
    if entry.owner == NOBODY or entry.res == entry.low:
        return part_of_nobodys(free, sight.pace, sum(sight.rates.values()) + sight.pace.rate)
    return part_of(free, sight.pace, sight.rates.get(name_of(entry.owner), 0.0))


def _help(entry: Entry, sight: Sight, pen: Pen) -> Entry:
    part = _part(entry, sight)
    return cut(entry, pen, entry.hi - part, _first(part, sight)) if part else doubted(entry, pen)


def _first(free: int, sight: Sight) -> int:
    return reservation(free, sight.pace)
