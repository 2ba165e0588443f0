"""Work from lanes of a ledger: what this host has reserved there, in stretches that nobody else has.

A claim stands in the journal before anything of it is handed out. What was handed out may begin as long as the lanes
that it lies in are ours for certain: that is written where workers look before each job.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.events import Counts
from shareout.fields import dataclass
from shareout.joining.member import Member
from shareout.joining.pieces.held import Held, Limits
from shareout.joining.pieces.picking import Picking
from shareout.joining.pieces.places import Finished, Offer, Piece, Places
from shareout.joining.pieces.sums import whole
from shareout.ledger.calls import Grant
from shareout.ranges import Range, union, without
from shareout.record.journal import attempt_line
from shareout.record.lines.claim import Claim, How
from shareout.record.outcome import Attempt
from shareout.record.tallies.standing import FAILED, NEW
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.supply import Work
from shareout.supply.left import CostsLeft
from shareout.units import counted, format_duration
from shareout.world import world

LOOKS = 3
"""So many at the lanes of others, without anything to take, until there is nothing."""
GIVES_S = 5.0
"""So long who leaves before all is over goes on to give its inputs, for who comes later."""
KNOWN_AT_ONCE = 1 << 20
"""Positions that are looked at in one step where they may be done already."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where others' journals are put, and what makes the tally see what they have done of some positions."""

    folder: Path
    see: Callable[[Sequence[Range]], None]


class LedgerSupply:
    """One run's."""

    costs: CostsLeft | None = None
    lost = ""

    def __init__(
        self,
        member: Member,
        tally: Tally,
        writer: JournalWriter,
        limits: Limits,
        claim: Callable[[Claim], None],
        elsewhere: Elsewhere,
        places: Places,
        *,
        picking: Picking,
        ended: Callable[[Sequence[int]], list[Attempt]] | None = None,
        most: int | None = None,
        leaves: bool = False,
        patience_s: float = math.inf,
    ) -> None:
        """`most`: so many positions at most, then it leaves. `leaves`: it does as soon as there is nothing to take.
        `patience_s`: so long a store is waited for that is away."""
        self.member = member
        self._host = member.host
        self._tally = tally
        self._picking = picking
        self._ended_there = ended
        self._writer = writer
        self._places = places
        self._held = Held(member, limits, places)
        self._claim = claim
        self._elsewhere = elsewhere.folder
        self._look_up = elsewhere.see
        self._looked_up: set[str] = set()
        """Lanes of silent hosts of which all is known that they have recorded."""
        self._most = most
        self._leaves = leaves
        self._patience_s = patience_s
        self._answered = world.since_boot()
        self._busy = world.since_boot()
        """When there was something to do last."""
        self._claimed: dict[str, list[Range]] = {}
        self._finished: deque[Finished] = deque()

    def next(self, limit: int) -> Work | None:
        """What journals prove already is passed over: it is final with a word to the host."""
        if self._most is not None:
            limit = min(limit, self._most)
        now = world.since_boot()
        self._heed_asks()
        while limit > 0 and (offers := self._offered(now)):
            if work := self._chosen(offers, limit):
                return work
        return None

    def _heed_asks(self) -> None:
        for start, stop in self._places.heed():
            self._picking.give_back(start, stop)

    def _offered(self, now: float) -> list[Offer]:
        """What may be handed out now, claimed; as a rule one stretch. What is not to run at all is recorded so."""
        offers: list[Offer] = []
        if not self.member.may_hand_out(now):
            return offers
        while len(offers) < self._picking.most_grants and (grant := self._host.grant(KNOWN_AT_ONCE, now)):
            piece = self._places.first(grant.start, grant.stop)
            if not (self._held.may_take(grant.lane, piece) and self._is_looked_up(grant)):
                self._host.give_back(grant.start, grant.stop)
                break
            self._note_claim(grant)
            if piece.places()[1] < grant.stop:
                self._host.give_back(piece.places()[1], grant.stop)
            self._places.skip(piece)
            offers.append(Offer(grant.lane, piece))
        return offers

    def _chosen(self, offers: Sequence[Offer], limit: int) -> Work | None:
        """The longest job of all of them, or the first stretch of the first one; the rest is given back."""
        longest = self._picking.longest([one.piece[:2] for one in offers])
        if longest >= 0 and self._take_over(longest, longest + 1):
            longest = -1
        for lane, piece in offers:
            if piece.start <= longest < piece.stop:
                return self._handing_out(lane, offers, Piece(longest, longest + 1, piece.shift))
        lane, piece = offers[0]
        start, stop = self._picking.first(piece.start, piece.stop, limit)
        while self._take_over(start, stop):
            start, stop = self._picking.first(piece.start, piece.stop, limit)
        if piece.start < start:
            # Perhaps by a record of this very start that has not arrived yet.
            self._finished.append(Finished(self._writer.size, piece._replace(stop=start)))
        if start < stop:
            over = Offer(lane, piece._replace(start=start))
            return self._handing_out(lane, [over, *offers[1:]], Piece(start, stop, piece.shift))
        self._give_back(offers[1:])
        return None

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

    def _handing_out(self, lane: str, offers: Sequence[Offer], piece: Piece) -> Work:
        """That piece of them, the rest is given back."""
        self._give_back(offers, piece)
        self._held.take(lane, piece)
        if self._most is not None:
            self._most -= piece.stop - piece.start
        return Work(piece.start, piece.stop)

    def _give_back(self, offers: Sequence[Offer], *but: Piece) -> None:
        for one in without([one.piece.places() for one in offers], [piece.places() for piece in but]):
            self._host.give_back(*one)

    def give_back(self, work: Work) -> None:
        """Of what was taken over from us meanwhile the host knows nothing, and it is nobody's here."""
        self._picking.give_back(work.start, work.stop)
        for piece in self._held.let_go(work):
            self._host.give_back(*piece.places())
        if self._most is not None:
            self._most += len(work)

    def finished(self, work: Work) -> None:
        """It counts for others when its records have arrived in the store. What was only stopped, with the run, has
        none that counts: it is for others to do."""
        for piece in self._held.let_go(work):
            off = piece.start - self._tally.index(piece.start)
            inside = [(piece.start - off, piece.stop - off)]
            stopped = list(self._tally.states.runs(NEW, start=inside[0][0], stop=inside[0][1]))
            for start, stop in stopped:
                self._picking.give_back(start + off, stop + off)
                self._host.give_back(start + off + piece.shift, stop + off + piece.shift)
            for start, stop in without(inside, stopped):
                self._finished.append(Finished(self._writer.size, Piece(start + off, stop + off, piece.shift)))

    def pass_on(self, position: int) -> bool:
        """Whether another host is to try it next: where one is there that may do better. It goes when the record of the
        try has arrived, by which others know how many there were."""
        if not self.member.has_company():
            return False
        let_go = self._held.let_go(Work(position, position + 1))
        # It may come back.
        self._picking.give_back(position, position + 1)
        self._finished += [Finished(self._writer.size, piece, is_passed_on=True) for piece in let_go]
        return True

    @property
    def refusal(self) -> str:
        """Why a barrier let nothing through, when one did."""
        asking = self._host.asking
        failed = asking.state.blocked if asking.is_known else 0
        return f"a barrier with CHECK was reached after {counted(failed, 'failed job')}" if failed else ""

    def is_exhausted(self) -> bool:
        """Not while another host may still give some away."""
        if self._most == 0 or (self._leaves and self._is_idle()):
            self._host.leave()
        if self._held:
            return False
        return self.refusal != "" or self._host.is_over() or self._host.has_left()

    def _is_idle(self) -> bool:
        now = world.since_boot()
        if self._held or self._finished or self._host.left():
            self._busy = now
        return now - self._busy > LOOKS * self._host.times.probe

    def in_hand(self, most: int) -> int:
        """How many positions are handed out; told up to so many."""
        return min(most, len(self._held))

    def left(self) -> int:
        """Of what is this host's: reserved, or free to be taken by it."""
        return self._host.left()

    def whole(self, known: Counts) -> Counts:
        """What is done of all, where this machine knows only what it did itself."""
        return whole(known, self._host, self._tally, self._picking, self._places)

    def turn(self) -> bool:
        """Between two turns of the crew: what has arrived is final, and limits are as the host has them now. Whether
        there may be something new to hand out."""
        if self._finished and not self._held and self._writer.synced < self._finished[-1].size:
            # Nothing runs here: others may wait for this word alone.
            self._writer.sync()
        self._settle()
        is_new = self.member.turn()
        self._heed_absence()
        self._heed_asks()
        self._held.extend()
        return is_new

    def _heed_absence(self) -> None:
        now = world.since_boot()
        if not self.member.away:
            self._answered = now
        elif now - self._answered > self._patience_s:
            self.lost = f"{self.member.away}, and that for {format_duration(self._patience_s)}"

    def fence_lane(self, position: int) -> str:
        """The lane under whose limit a position was handed out; empty when under none."""
        return self._held.lane(position)

    def leave(self, until: float) -> bool:
        """At the end: what has begun and did not end is given back, what is recorded is shipped. Whether all of it was
        told before that moment, by CLOCK_BOOTTIME."""
        self._held.give_back()
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
        # What it would say to all hosts is said before it goes.
        over &= self._host.asking.wish is None
        return over and not self._finished and self.member.shipping.is_home()

    def _is_looked_up(self, grant: Grant) -> bool:
        """What was taken from a silent host may be done, what another passes on was tried there: what it has shipped is
        looked at first."""
        is_known = grant.how == "aside" and grant.whom in ("", self._host.me)
        if grant.how not in ("seize", "aside") or is_known or grant.lane in self._looked_up:
            return True
        low, hi = self._host.lanes[grant.lane].entry.low, self._host.lanes[grant.lane].entry.hi

        def looked_up() -> None:
            self._look_up(self._places.real(low, hi))
            self._looked_up.add(grant.lane)

        self.member.gather(self._elsewhere, looked_up)
        return False

    def _note_claim(self, grant: Grant) -> None:
        """For all that is reserved there at once: a line an entry, and not one a batch."""
        known = self._claimed.setdefault(grant.lane, [])
        if any(low <= grant.start and grant.stop <= high for low, high in known):
            return
        lane = self._host.lanes[grant.lane]
        places = [(grant.start, max(grant.stop, lane.reserved()))]
        new = union(one for part in without(places, known) for one in self._places.real(*part))
        if new:
            self._claimed[grant.lane] = union([*known, *places])
            self._claim(Claim(grant.lane, grant.k, tuple(new), how=_how(grant.how), origin=grant.whom))

    def _settle(self) -> None:
        arrived = self.member.shipping.arrived
        while self._finished and self._finished[0].size <= arrived:
            one = self._finished.popleft()
            low, hi = one.piece.places()
            if one.is_passed_on:
                self._host.give_back(low, hi)
                self._host.aside(low, elsewhere=True)
                continue
            at = self._tally.index(one.piece.start)
            for failed, stretch in self._by_outcome(at, at + hi - low):
                self._host.ended(low + stretch[0] - at, low + stretch[1] - at, failed=failed)

    def _by_outcome(self, at: int, end: int) -> Sequence[tuple[bool, Range]]:
        failed = list(self._tally.states.runs(FAILED, start=at, stop=end))
        return [(True, one) for one in failed] + [(False, one) for one in without([(at, end)], failed)]


def _how(verb: str) -> How:
    """Of the verb that brought it; of none, its machine's share was opened."""
    return How(verb) if verb in set(How) else How.TAKE
