"""Work from lanes of a ledger: what this host has reserved there, in stretches that nobody else has.

A claim stands in the journal before anything of it is handed out. What was handed out may begin as long as the lanes
that it lies in are ours for certain: that is written where workers look before each job.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from shareout.events import Counts
from shareout.fields import dataclass, replace
from shareout.joining.member import Member
from shareout.joining.picking import Picking
from shareout.ledger.calls import Grant
from shareout.ledger.times import LONG_AGO
from shareout.ranges import Range, common, size, union, without
from shareout.record.journal import attempt_line
from shareout.record.lines.claim import Claim, How
from shareout.record.outcome import Attempt
from shareout.record.tallies.standing import FAILED
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.supply import Work
from shareout.supply.left import CostsLeft
from shareout.world import world

LOOKS = 3
"""So many at the lanes of others, without anything to take, until there is nothing."""
GIVES_S = 5.0
"""So long who leaves before all is over goes on to give its inputs, for who comes later."""
KNOWN_AT_ONCE = 1 << 20
"""Positions that are looked at in one step where they may be done already."""


class Limits(Protocol):
    """Until when jobs of a lane may begin, where workers see it."""

    jump_s: float
    """How far the clock on the wall may run away from the other."""

    def number(self, lane: str) -> int:
        """By which workers know it."""

    def extend(self, lane: str, until: float) -> None:
        """From now on until then."""

    def close(self, lane: str) -> None:
        """Nothing of it is in a worker's hands."""

    def may_open(self) -> bool:
        """Whether there is room for one more."""


@dataclass(slots=True)
class Finished:
    """Positions whose records end at a place of the journal."""

    size: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where others' journals are put, and what makes the tally see what they have done between two positions."""

    folder: Path
    see: Callable[[int, int], None]


class LedgerSupply:
    """One run's."""

    costs: CostsLeft | None = None
    refusal = ""

    def __init__(
        self,
        member: Member,
        tally: Tally,
        writer: JournalWriter,
        limits: Limits,
        claim: Callable[[Claim], None],
        elsewhere: Elsewhere,
        *,
        picking: Picking,
        ended: Callable[[Sequence[int]], list[Attempt]] | None = None,
        most: int | None = None,
        leaves: bool = False,
    ) -> None:
        """`most`: so many positions at most, then it leaves. `leaves`: it does as soon as there is nothing to take."""
        self.member = member
        self._host = member.host
        self._tally = tally
        self._picking = picking
        self._ended_there = ended
        self._writer = writer
        self._limits = limits
        self._claim = claim
        self._elsewhere = elsewhere.folder
        self._look_up = elsewhere.see
        self._looked_up: set[str] = set()
        """Lanes of silent hosts of which all is known that they have recorded."""
        self._most = most
        self._leaves = leaves
        self._busy = world.since_boot()
        """When there was something to do last."""
        self._claimed: dict[str, list[Range]] = {}
        self._handed: dict[str, list[Range]] = {}
        """What was handed out under the limit of each lane, and is neither finished nor given back."""
        self._finished: deque[Finished] = deque()

    def next(self, limit: int) -> Work | None:
        """What journals prove already is passed over: it is final with a word to the host."""
        if self._most is not None:
            limit = min(limit, self._most)
        now = world.since_boot()
        while limit > 0 and (grants := self._granted(now)):
            for grant in grants:
                self._note_claim(grant)
            if work := self._chosen(grants, limit):
                return work
        return None

    def _granted(self, now: float) -> list[Grant]:
        """What may be handed out now; as a rule one stretch."""
        grants: list[Grant] = []
        while len(grants) < self._picking.most_grants and (grant := self._host.grant(KNOWN_AT_ONCE, now)):
            if not self._may_hand_out(grant):
                self._host.give_back(grant.start, grant.stop)
                break
            grants.append(grant)
        return grants

    def _chosen(self, grants: Sequence[Grant], limit: int) -> Work | None:
        """The longest job of all of them, or the first stretch of the first one; the rest is given back."""
        longest = self._picking.longest([(one.start, one.stop) for one in grants])
        if longest >= 0 and self._take_over(longest, longest + 1):
            longest = -1
        for grant in grants:
            if grant.start <= longest < grant.stop:
                self._give_back_others(grants, longest, longest + 1)
                return self._handing_out(grant.lane, longest, longest + 1)
        grant = grants[0]
        start, stop = self._picking.first(grant.start, grant.stop, limit)
        while self._take_over(start, stop):
            start, stop = self._picking.first(grant.start, grant.stop, limit)
        self._give_back_others(grants, grant.start, stop)
        if grant.start < start:
            # Perhaps by a record of this very start that has not arrived yet.
            self._finished.append(Finished(self._writer.size, grant.start, start))
        return self._handing_out(grant.lane, start, stop) if start < stop else None

    def _take_over(self, start: int, stop: int) -> bool:
        """Of what would run next, that which the list itself says has ended is recorded so; whether there was any."""
        if self._ended_there is None or start == stop:
            return False
        # What has tries behind it is known here better than there.
        fresh = [one for one in range(start, stop) if not self._tally.attempts_of(one)]
        found = self._ended_there(fresh)
        for attempt in found:
            self._tally.apply(attempt)
        if found:
            self._writer.append(b"".join(map(attempt_line, found)))
        return bool(found)

    def _give_back_others(self, grants: Sequence[Grant], start: int, stop: int) -> None:
        for one in without([(one.start, one.stop) for one in grants], [(start, stop)]):
            self._host.give_back(*one)

    def _handing_out(self, lane: str, start: int, stop: int) -> Work:
        self._handed[lane] = union([*self._handed.get(lane, ()), (start, stop)])
        self._extend(lane)
        if self._most is not None:
            self._most -= stop - start
        return Work(start, stop)

    def give_back(self, work: Work) -> None:
        """Of what was taken over from us meanwhile the host knows nothing, and it is nobody's here."""
        self._let_go(work)
        self._picking.give_back(work.start, work.stop)
        self._host.give_back(work.start, work.stop)
        if self._most is not None:
            self._most += len(work)

    def finished(self, work: Work) -> None:
        """It counts for others when its records have arrived in the store."""
        self._let_go(work)
        self._finished.append(Finished(self._writer.size, work.start, work.stop))

    def is_exhausted(self) -> bool:
        """Not while another host may still give some away."""
        if self._most == 0 or (self._leaves and self._is_idle()):
            self._host.leave()
        return not self._handed and (self._host.is_over() or self._host.has_left())

    def _is_idle(self) -> bool:
        now = world.since_boot()
        if self._handed or self._finished or self._host.left():
            self._busy = now
        return now - self._busy > LOOKS * self._host.times.probe

    def in_hand(self, most: int) -> int:
        """How many positions are handed out; told up to so many."""
        return min(most, sum(map(size, self._handed.values())))

    def left(self) -> int:
        """Of what is this host's: reserved, or free to be taken by it."""
        return self._host.left()

    def whole(self, known: Counts) -> Counts:
        """What is done of all, where this machine knows only what it did itself."""
        entries = [lane.entry for lane in self._host.lanes.values()]
        failed = max(known.failed, self._host.failed_before + sum(entry.failed for entry in entries))
        counted = [self._picking.count(*one) for one in ((0, known.jobs), *((one.low, one.hi) for one in entries))]
        if None in counted:
            # Of a part of the jobs that cannot be told apart so quickly, only what was done here is known.
            return replace(known, failed=failed)
        whole, *left = (count or 0 for count in counted)
        over = whole - sum(left) - failed - known.skipped
        return replace(known, done=max(known.done, over), failed=failed)

    def turn(self) -> bool:
        """Between two turns of the crew: what has arrived is final, and limits are as the host has them now. Whether
        there may be something new to hand out."""
        if self._finished and not self._handed and self._writer.synced < self._finished[-1].size:
            # Nothing runs here: others may wait for this word alone.
            self._writer.sync()
        self._settle()
        is_new = self.member.turn()
        for lane in list(self._handed):
            self._extend(lane)
        return is_new

    def fence_lane(self, position: int) -> str:
        """The lane under whose limit a position was handed out; empty when under none."""
        for lane, ranges in self._handed.items():
            if any(start <= position < stop for start, stop in ranges):
                return lane
        return ""

    def leave(self, until: float) -> bool:
        """At the end: what has begun and did not end is given back, what is recorded is shipped. Whether all of it was
        told before that moment, by CLOCK_BOOTTIME."""
        for ranges in self._handed.values():
            for start, stop in ranges:
                self._host.give_back(start, stop)
        self._handed.clear()
        self._writer.sync()
        self._host.leave()
        self.member.farewell()
        self.member.shipping.look_again()
        gives_until = min(until, world.since_boot() + GIVES_S)
        while world.since_boot() < until:
            is_given = self._host.is_over() or self.member.has_given() or world.since_boot() >= gives_until
            if self._is_told() and is_given:
                break
            self.turn()
            self.member.wait(0.25)
        return self._is_told()

    def _is_told(self) -> bool:
        over = self._host.is_over() or self._host.has_left()
        return over and not self._finished and self.member.shipping.is_home()

    def _may_hand_out(self, grant: Grant) -> bool:
        # What was taken from us and has come back may run here all the while: its own end is waited for.
        if common(chain.from_iterable(self._handed.values()), [(grant.start, grant.stop)]):
            return False
        has_room = grant.lane in self._handed or self._limits.may_open()
        return has_room and self._is_looked_up(grant)

    def _is_looked_up(self, grant: Grant) -> bool:
        """What was taken from a silent host may be done: what it has shipped is looked at first."""
        if grant.how != "seize" or grant.lane in self._looked_up:
            return True
        low, hi = self._host.lanes[grant.lane].entry.low, self._host.lanes[grant.lane].entry.hi

        def looked_up() -> None:
            self._look_up(low, hi)
            self._looked_up.add(grant.lane)

        self.member.gather(self._elsewhere, looked_up)
        return False

    def _note_claim(self, grant: Grant) -> None:
        """For all that is reserved there at once: a line an entry, and not one a batch."""
        known = self._claimed.setdefault(grant.lane, [])
        lane = self._host.lanes[grant.lane]
        new = list(without([(grant.start, max(grant.stop, lane.reserved()))], known))
        if new:
            self._claimed[grant.lane] = union([*known, *new])
            self._claim(Claim(grant.lane, grant.k, tuple(new), how=_how(grant.how), origin=grant.whom))

    def _let_go(self, work: Work) -> None:
        for lane, ranges in list(self._handed.items()):
            left = list(without(ranges, [(work.start, work.stop)]))
            if left:
                self._handed[lane] = left
            elif ranges:
                del self._handed[lane]
                self._limits.close(lane)

    def _settle(self) -> None:
        arrived = self.member.shipping.arrived
        while self._finished and self._finished[0].size <= arrived:
            one = self._finished.popleft()
            at = self._tally.index(one.start)
            for failed, stretch in self._by_outcome(at, at + one.stop - one.start):
                self._host.ended(one.start + stretch[0] - at, one.start + stretch[1] - at, failed=failed)

    def _by_outcome(self, at: int, end: int) -> Sequence[tuple[bool, Range]]:
        failed = list(self._tally.states.runs(FAILED, start=at, stop=end))
        return [(True, one) for one in failed] + [(False, one) for one in without([(at, end)], failed)]

    def _extend(self, lane: str) -> None:
        """As long as all is ours that was handed out under it: a lane may have been parted since."""
        ranges = self._handed[lane]
        own = [one for one in self._host.lanes.values() if one.entry.owner == self._host.me]
        inside = [(one.name, one.entry.low, one.entry.hi) for one in own]
        held = union((max(low, a), min(hi, b)) for _, low, hi in inside for a, b in ranges if low < b and a < hi)
        if size(held) < size(ranges):
            self._limits.extend(lane, LONG_AGO)
            return
        lanes = {name for name, low, hi in inside for a, b in ranges if low < b and a < hi}
        self._limits.extend(lane, min(self.member.limit(one) for one in lanes))


def _how(verb: str) -> How:
    """Of the verb that brought it; of none, its machine's share was opened."""
    return How(verb) if verb in set(How) else How.TAKE
