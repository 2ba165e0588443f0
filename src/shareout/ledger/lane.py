"""What one host knows of one lane: the newest entry that it has seen, and what it has in hand of it.

A value, never changed: each thing that is learned makes another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shareout.ledger.entry import NOBODY, Entry
from shareout.ledger.times import LONG_AGO, Due, Moment
from shareout.ledger.verbs import Reached
from shareout.ranges import Range, union, without

Ended = tuple[int, int, bool]
"""A stretch of what is final: start, stop, and whether all of it failed or nothing."""


class Lane(NamedTuple):
    """What is known of one."""

    name: str
    phase: int
    machine: str
    """Whose share it is by plan; empty where an entry has made the lane."""
    k: int
    """Of the newest entry that was seen."""
    entry: Entry
    """That one; at k = 0 the state that the lane begins with."""
    looked: Moment = LONG_AGO
    """When nothing newer was seen."""
    since: Moment = LONG_AGO
    """From when on the doubt that stands has been watched."""
    asked: Due = LONG_AGO
    """From when on an idle host may ask the owner to give back."""
    due: Due = LONG_AGO
    """From when on a call that was not answered is made again."""
    put: Entry | None = None
    """What this host puts next: it may stand there already, so nothing else is put until that is known."""
    tried: Moment = LONG_AGO
    """The moment before it was put first."""
    busy: bool = False
    """A call is under way."""
    contact: Moment = LONG_AGO
    """Of an own lane: at that moment it was ours for certain, and nobody doubted."""
    how: str = ""
    """By which verb it came into this host's hands."""
    whom: str = ""
    """From whom."""
    granted: tuple[Range, ...] = ()
    """In hand: handed out and not final."""
    ended: tuple[Ended, ...] = ()
    """Final, and not below `low`."""

    def reached(self) -> Reached:
        """How far low can move."""
        low, failed = self.entry.low, self.entry.failed
        for start, stop, fails in self.ended:
            if start != low:
                break
            low, failed = stop, failed + (stop - start) * fails
        return Reached(low, failed)

    def reserved(self) -> int:
        """The end of what this host may hand out: nothing that it is about to give away."""
        if self.put is None:
            return self.entry.res
        return min(self.entry.res, self.put.res, self.put.hi)

    def begun(self) -> list[Range]:
        """What is in hand or final, in as few stretches as can be."""
        return union([*self.granted, *((start, stop) for start, stop, _ in self.ended)])

    def free(self) -> Iterator[Range]:
        """What is reserved and neither in hand nor final."""
        low, stop = self.entry.low, self.reserved()
        if low < stop:
            if not self.granted and not self.ended:
                yield low, stop
            else:
                yield from without([(low, stop)], self.begun())

    def granting(self, start: int, stop: int) -> Lane:
        """With this in hand."""
        return self._replace(granted=tuple(sorted([*self.granted, (start, stop)])))

    def giving_back(self, start: int, stop: int) -> Lane:
        """Without it."""
        return self._replace(granted=tuple(without(self.granted, [(start, stop)])))

    def ending(self, start: int, stop: int, failed: bool) -> Lane:
        """With what of this stretch is its own as final; the first word on a position counts."""
        new = without([(max(start, self.entry.low), min(stop, self.entry.hi))], [one[:2] for one in self.ended])
        ended = _joined(sorted([*self.ended, *((one, end, failed) for one, end in new)]))
        return self.giving_back(start, stop)._replace(ended=tuple(ended))

    def holding(self, of: Lane) -> Lane:
        """With what that other one has in hand and as final, as far as it lies within this one."""
        low, hi = self.entry.low, self.entry.hi
        granted = tuple((max(start, low), min(stop, hi)) for start, stop in of.granted if start < hi and stop > low)
        ended = tuple(
            (max(start, low), min(stop, hi), how) for start, stop, how in of.ended if start < hi and stop > low
        )
        return self._replace(granted=granted, ended=ended)

    def followed(self, entry: Entry, me: str, now: Moment, again: Moment) -> Lane:
        """With the entry that follows: what is in hand is so as long as the lane is this host's. `again`: how long an
        owner that had nothing to give is not asked."""
        ours = entry == self.put
        lane = self._replace(
            k=self.k + 1, entry=entry, put=None, tried=LONG_AGO, looked=now if ours else LONG_AGO, granted=(), ended=()
        )
        if entry.doubt != self.entry.doubt:
            lane = lane._replace(since=now if entry.doubt else LONG_AGO)
        if entry.verb == "back" or entry.owner != self.entry.owner:
            lane = lane._replace(asked=LONG_AGO)
        if entry.verb == "doubt" and ours:
            lane = lane._replace(asked=now + again)
        if entry.owner == me:
            lane = lane.holding(self)
            if ours:
                lane = lane._replace(contact=self.tried)
        return lane._replace(how=entry.verb, whom=self.entry.owner) if self._changes_hands(entry, me) else lane

    def _changes_hands(self, entry: Entry, me: str) -> bool:
        """What came by a seize stays so: its heir may have died before it looked at what is done of it."""
        is_ours = entry.owner == me != self.entry.owner
        return self.how != "seize" and (is_ours or (entry.verb == "open" and self.entry.owner != NOBODY))

    def kid_of(self, entry: Entry, me: str) -> Lane:
        """The lane that the entry that follows makes."""
        kid = Lane(entry.nonce, self.phase, "", 0, entry.kid_begins(), how=entry.verb, whom=self.entry.owner)
        if entry.verb == "cut" and self.how and (self.entry.owner == NOBODY or self._is_inherited()):
            # Why it is nobody's, or came to its owner, is why whoever has it may do once more what another had in hand.
            kid = kid._replace(how="seize" if self.how == "open" else self.how, whom=self.whom)
        if kid.entry.owner == me:
            # Its first moment is the one before the put that made it; in whose hands it was, it is now.
            kid = kid._replace(contact=self.tried if entry == self.put else LONG_AGO).holding(self)
        return kid

    def _is_inherited(self) -> bool:
        """Another start had it, which may have done more of it than entries say. And its heir gives back what it has
        not begun itself."""
        return self.how == "seize" or (self.how == "open" and self.whom != NOBODY)


def _joined(stretches: Iterable[Ended]) -> list[Ended]:
    made: list[Ended] = []
    for start, stop, failed in stretches:
        if made and made[-1][1] == start and made[-1][2] == failed:
            made[-1] = made[-1][0], stop, failed
        else:
            made.append((start, stop, failed))
    return made
