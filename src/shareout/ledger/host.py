"""The host in the ledger: what it knows, what it wants of the store, and what it may start.

Pure: it knows no file, no clock and no process. All it does follows from what it is told, each time with `now`. It goes

    host = Host(me, roots, times, nonce=lambda lane, k: secrets.token_hex(8))
    while not host.is_over():
        for call in host.calls(now):           # each is under way from then on, until `found` or `lost` comes for it
            liaison.ask(call)                  # store.put(call.key, call.text()); where that is None, store.get
        for call, text in liaison.answers():   # none came (Away, the liaison's death): host.lost(call, now)
            host.found(call, call.read(text), now)
        for one in host.happened():            # a person is told; what was lost is taken out of the workers' hands
        for lane in lanes_of_workers:          # in shared memory: a worker reads it before each job,
            limits[lane] = host.limit(lane)    # and starts none from then on
        host.wants(Pace(slots that nothing is in hand for, jobs a second))
        while grant := host.grant(most, now):
            append a claim to the journal      # first; what of it a journal in the store, or the own one, has is no job
            hand out grant.start … grant.stop
        for what is recorded, synced and *acknowledged by the store*:
            host.ended(start, stop, failed=…)
        wait for an answer, for a worker, or until host.wake_at(now)

Positions, not lanes, say what is given back and what has ended: a lane may have been cut or set aside meanwhile, and
what has gone to others is nobody's business here. What was dropped may still run here, and end, and be told; where the
same positions are granted again meanwhile, whoever runs them waits for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from shareout.ledger.calls import Call, Grant, Happened, Root, told
from shareout.ledger.choose import Pace, reservation
from shareout.ledger.entry import Entry, name_of, ordinal_of, root_begins
from shareout.ledger.lane import Lane
from shareout.ledger.others import Sight, is_watched, next_of_other, victim
from shareout.ledger.own import Wish, is_fenced, next_of_owner, says_it_lives
from shareout.ledger.times import LONG_AGO, Due, Moment, Times
from shareout.ledger.verbs import Pen
from shareout.ranges import size

MOST_CALLS = 8
"""Under way at a time."""


class Host:
    """One incarnation of one machine, or of a guest."""

    __slots__ = (
        "able", "asides", "dead", "events", "failed_before", "lanes", "last", "leaving", "life", "me", "nonce", "pace",
        "rates", "released", "times",
    )  # fmt: skip

    def __init__(self, me: str, roots: Iterable[Root], times: Times, nonce: Callable[[str, int], str]) -> None:
        self.me = me
        self.times = times
        self.nonce = nonce
        """Of the entry that is put on a lane at k."""
        self.lanes: dict[str, Lane] = {}
        """All that are known and not final."""
        self.failed_before = 0
        """How many positions of final lanes have failed."""
        self.dead: frozenset[str] = frozenset()
        self.released: dict[str, bool] = {}
        self.able = True
        self.leaving = False
        self.pace = Pace()
        self.asides: dict[int, bool] = {}
        self.life: dict[str, Moment] = {}
        """The last sign of life of others' incarnations, and of machines that have not come."""
        self.rates: dict[str, float] = {}
        self.last: Moment = LONG_AGO
        """When the store answered last."""
        self.events: list[Happened] = []
        for root in roots:
            self.life[root.machine] = math.inf
            if root.low < root.hi:
                entry = root_begins(root.low, root.hi)
                self.lanes[root.lane] = Lane(root.lane, root.phase, root.machine, 0, entry)

    # What it is told

    def proved_dead(self, owners: Iterable[str]) -> None:
        """Older incarnations of this machine whose lock stood on this very system, and is free; nothing of theirs
        runs."""
        self.dead |= set(owners)

    def wants(self, pace: Pace) -> None:
        """How much more could be started at once, and how fast jobs end here."""
        self.pace = pace

    def leave(self) -> None:
        """Takes nothing more, and gives back what is not in hand; what is goes back by `give_back`, or ends."""
        self.able, self.leaving = False, True

    def lose_contact(self) -> None:
        """The clocks jumped: this host, or all of its machine, has stood still, nobody knows for how long."""
        self.lanes = {name: lane._replace(contact=LONG_AGO, tried=LONG_AGO) for name, lane in self.lanes.items()}

    def has_left(self) -> bool:
        """Nothing of it is in this host's hands any more, and the store says so."""
        return self.leaving and not any(lane.put or lane.entry.low < lane.entry.res for lane in self._own())

    def release(self, name: str, *, at_once: bool = False) -> None:
        """A person says that a machine is dead: all its lanes that are known by now are doubted, or taken from it
        without asking."""
        lanes = (lane.name for lane in self.lanes.values() if name_of(lane.entry.owner) == name)
        self.released |= dict.fromkeys(lanes, at_once)

    def aside(self, position: int, *, elsewhere: bool = False) -> None:
        """It holds up all behind it, or must run elsewhere: a lane of its own once all before it is final. What is to
        run elsewhere was given back before."""
        self.asides[position] = elsewhere

    def heard(self, owner: str, rate: float, now: Moment) -> None:
        """The beat of this incarnation has moved."""
        name = name_of(owner)
        for other in self.life:
            if name_of(other) == name and ordinal_of(other) < ordinal_of(owner):
                self.life[other] = LONG_AGO
        self.life[name] = self.life[owner] = now
        self.rates[name] = rate

    def happened(self) -> list[Happened]:
        """What a person should hear, once."""
        told, self.events = self.events, []
        return told

    # Positions

    def grant(self, most: int, now: Moment) -> Grant | None:
        """Some that are reserved here and in nobody's hands, now in the caller's; None where there are none, or none of
        them may start now."""
        if self.leaving:
            return None
        for lane in self._own():
            if not is_fenced(lane, self.times, now):
                for start, stop in lane.free():
                    if start in self.asides:
                        continue
                    stop = min(stop, start + most, *(one for one in self.asides if one > start))
                    self.lanes[lane.name] = lane.granting(start, stop)
                    return Grant(lane.name, lane.k, start, stop, how=lane.how, whom=lane.whom)
        return None

    def give_back(self, start: int, stop: int) -> None:
        """Granted and not begun, and in no worker's hands any more."""
        for lane in self._own():
            self.lanes[lane.name] = lane.giving_back(start, stop)

    def ended(self, start: int, stop: int, *, failed: bool) -> None:
        """Final, every one with the same outcome, recorded, synced, and acknowledged by the store. Those that were
        never granted, too: what was done before this host joined."""
        for lane in self._own():
            if start < lane.entry.hi and stop > lane.entry.low:
                self.lanes[lane.name] = lane.ending(start, stop, failed)

    def limit(self, lane: str) -> Moment:
        """From when on no job of this lane starts."""
        known = self.lanes.get(lane)
        return known.contact + self.times.fence if known and known.entry.owner == self.me else LONG_AGO

    def left(self) -> int:
        """How many positions of own lanes are in nobody's hands: reserved, or free to be taken."""
        free = sum(size(list(lane.free())) + lane.entry.hi - lane.entry.res for lane in self._own())
        return 0 if self.leaving else free

    def is_over(self) -> bool:
        """Every position is final."""
        return not self.lanes

    # Calls

    def calls(self, now: Moment) -> list[Call]:
        """Those that are due and were not given out before."""
        sight = self._sight(now)
        under_way = sum(lane.busy for lane in self.lanes.values())
        calls: list[Call] = []
        for lane in sorted(self.lanes.values(), key=lambda one: one.entry.owner != self.me):
            if under_way + len(calls) >= MOST_CALLS:
                break
            if not lane.busy and lane.due <= now and (call := self._call(lane, sight)):
                calls.append(call)
                self.lanes[lane.name] = self.lanes[lane.name]._replace(busy=True)
        return calls

    def _call(self, lane: Lane, sight: Sight) -> Call | None:
        now = sight.now
        if lane.put is None:
            pen = Pen(lane.k, self.me, self.nonce(lane.name, lane.k + 1))
            if lane.entry.owner == self.me:
                put = next_of_owner(lane, self._wish(lane, sight), pen) or says_it_lives(lane, self.times, pen, now)
            else:
                put = next_of_other(lane, sight, pen) if now - lane.looked < self.times.probe else None
            if put:
                self.lanes[lane.name] = lane = lane._replace(put=put, tried=now)
        if lane.put is None and now - lane.looked < self._interval(lane, sight):
            return None
        return Call(lane.name, lane.k + 1, lane.put, now)

    def found(self, call: Call, entry: Entry | None, now: Moment) -> None:
        """What stands where a call was made: after a put something always does."""
        if now - self.last > 2 * self.times.probe:
            self._watch_anew(now)
        self.last = now
        lane = self.lanes[call.lane]._replace(busy=False)
        if entry is None:
            if lane.entry.owner == self.me and not lane.entry.doubt:
                # Whoever has seen a doubt may be seized by a put that a look would not see: it must answer.
                lane = lane._replace(contact=max(lane.contact, call.at - self.times.slack))
            self.lanes[call.lane] = lane._replace(looked=now)
        else:
            self._adopt(lane, entry, now)

    def lost(self, call: Call, now: Moment) -> None:
        """No answer, or a refusal: a put may have come through, or may still do so."""
        self.lanes[call.lane] = self.lanes[call.lane]._replace(busy=False, due=now + self.times.retry)

    def wake_at(self, now: Moment) -> Due:
        """When `calls` has something new at the latest, if nothing is told until then."""
        sight = self._sight(now)
        waits = [
            max(lane.due, lane.looked + self._interval(lane, sight)) for lane in self.lanes.values() if not lane.busy
        ]
        return max(now, min(waits, default=now + self.times.probe))

    def _adopt(self, old: Lane, entry: Entry, now: Moment) -> None:
        ours = entry == old.put
        lane = old._replace(
            k=old.k + 1, entry=entry, put=None, tried=LONG_AGO, looked=now if ours else LONG_AGO, granted=(), ended=()
        )
        if entry.doubt != old.entry.doubt:
            lane = lane._replace(since=now if entry.doubt else LONG_AGO)
        # An entry is a sign of life of whoever put it; who is met for the first time is waited for from now on.
        self.life[entry.by] = now
        self.life.setdefault(entry.owner, now)
        if entry.verb == "back":
            lane = lane._replace(asked=LONG_AGO)
        if entry.verb == "doubt" and ours:
            lane = lane._replace(asked=now + self.times.again)
        if entry.owner == self.me:
            lane = lane.holding(old)
            if ours:
                lane = lane._replace(contact=old.tried)
                self.asides.pop(entry.kid[0] if entry.kid else -1, None)
            if old.entry.owner != self.me:
                lane = lane._replace(how=entry.verb, whom=old.entry.owner)
        if entry.kid:
            self._meet_kid(old, lane, ours)
        if entry.verb == "seize" and self.me in (old.entry.owner, entry.by):
            self.events.append(told(old, entry, self.me))
        if entry.is_final or entry.verb == "seize":
            self.lanes.pop(lane.name)
            self.released.pop(lane.name, None)
            self.failed_before += entry.failed
        else:
            self.lanes[lane.name] = lane

    def _meet_kid(self, old: Lane, parent: Lane, ours: bool) -> None:
        entry = parent.entry
        kid = Lane(entry.nonce, old.phase, "", 0, entry.kid_begins())
        if kid.entry.owner == self.me:
            # Its first moment is the one before the put that made it; in whose hands it was, it is now.
            kid = kid._replace(contact=old.tried if ours else LONG_AGO, how=entry.verb, whom=old.entry.owner)
            kid = kid.holding(old)
        self.lanes[kid.name] = kid

    def _watch_anew(self, now: Moment) -> None:
        """Time in which it could not look is no watching."""
        self.life = {owner: now if moment > LONG_AGO else moment for owner, moment in self.life.items()}
        for lane in self.lanes.values():
            if lane.entry.doubt:
                self.lanes[lane.name] = lane._replace(since=now)

    # What it sees

    def _own(self) -> list[Lane]:
        return [lane for lane in self.lanes.values() if lane.entry.owner == self.me]

    def _sight(self, now: Moment) -> Sight:
        sight = Sight(
            now=now,
            times=self.times,
            me=self.me,
            able=self.able,
            pace=self.pace,
            dead=self.dead,
            released=self.released,
            life=self.life,
            rates=self.rates,
        )
        own = self._own()
        if not self.able or size([one for lane in own for one in lane.free()]) >= self.pace.hungry:
            return sight
        if any(lane.put and lane.put.res > lane.entry.res for lane in own):
            return sight
        if taker := next((lane.name for lane in own if not lane.put and lane.entry.res < lane.entry.hi), ""):
            return sight._replace(taker=taker)
        sight = sight._replace(idle=True)
        return sight._replace(victim=victim(self.lanes.values(), sight))

    def _wish(self, lane: Lane, sight: Sight) -> Wish:
        aside = lane.reached().low if self.asides else -1
        more = reservation(lane.entry.hi - lane.entry.res, self.pace) if lane.name == sight.taker else 0
        return Wish(
            more=more,
            leaving=self.leaving,
            pace=self.pace,
            aside=aside if aside in self.asides else -1,
            elsewhere=self.asides.get(aside, False),
        )

    def _interval(self, lane: Lane, sight: Sight) -> float:
        return self.times.probe if is_watched(lane, sight) else self.times.stroll
