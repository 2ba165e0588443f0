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

from collections.abc import Iterable
from functools import partial

from shareout.ledger.asks.ask import ASKS, Ask
from shareout.ledger.calls import Call, Grant, Happened
from shareout.ledger.choose import Pace, reservation
from shareout.ledger.entry import name_of
from shareout.ledger.knowing import Knowing
from shareout.ledger.lane import Lane
from shareout.ledger.others import Sight, between_looks, next_of_other, place_of, victim
from shareout.ledger.own import Wish, is_fenced, next_of_owner, says_it_lives
from shareout.ledger.times import LONG_AGO, Due, Moment
from shareout.ledger.verbs import Pen
from shareout.ranges import size

MOST_CALLS = 8
"""Under way at a time."""


class Host(Knowing):
    """One incarnation of one machine, or of a guest."""

    __slots__ = ()

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

    def rest(self, resting: bool) -> None:
        """For a while it takes nothing, and gives back what has not begun here; or it does no longer."""
        self.resting, self.able = resting, not (resting or self.leaving)

    def say(self, ask: Ask) -> None:
        """To all hosts, behind what they have been asked by now."""
        self.asking = self.asking._replace(wish=ask)

    def look_at_asks(self) -> None:
        """At once: somebody has asked something."""
        self.asking = self.asking._replace(looked=LONG_AGO)

    def is_drained(self) -> bool:
        """A person asks this host to go."""
        return self.me in self.asking.state.drained

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

    def happened(self) -> list[Happened]:
        """What a person should hear, once."""
        told, self.events = self.events, []
        return told

    # Positions

    def grant(self, most: int, now: Moment) -> Grant | None:
        """Some that are reserved here and in nobody's hands, now in the caller's; None where there are none, or none of
        them may start now."""
        if self.leaving or self.resting or not self.asking.may_work:
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
        """Every position is final, and all hosts know it."""
        return self.asking.state.is_ended and not self.lanes

    # Calls

    def calls(self, now: Moment) -> list[Call]:
        """Those that are due and were not given out before."""
        calls = self._calls_of_asks(now)
        if not self.asking.is_known:
            return calls
        sight = self._sight(now)
        under_way = sum(lane.busy for lane in self.lanes.values())
        for lane in sorted(self.lanes.values(), key=lambda one: place_of(one, sight)):
            if under_way + len(calls) >= MOST_CALLS:
                break
            if not lane.busy and lane.due <= now and (call := self._call(lane, sight)):
                calls.append(call)
                self.lanes[lane.name] = self.lanes[lane.name]._replace(busy=True)
        return calls

    def _calls_of_asks(self, now: Moment) -> list[Call]:
        open_phases = frozenset(lane.phase for lane in self.lanes.values())
        # Drawn when it is needed: a host that is at work comes here for each job that ends.
        nonce = partial(self.nonce, ASKS, self.asking.state.n + 1)
        # Who takes nothing calls nothing over: others do, or who comes next.
        self.asking = self.asking.deciding(open_phases, self.failed_in, self.me if self.able else "", nonce)
        call = self.asking.call(now, self.times.probe)
        self.asking = self.asking._replace(busy=self.asking.busy or call is not None)
        return [call] if call else []

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

    def wake_at(self, now: Moment) -> Due:
        """When `calls` has something new at the latest, if nothing is told until then."""
        waits = [] if self.asking.busy else [self.asking.wake_at(self.times.probe)]
        if self.asking.is_known:
            sight = self._sight(now)
            lanes = [lane for lane in self.lanes.values() if not lane.busy]
            waits += [max(lane.due, lane.looked + self._interval(lane, sight)) for lane in lanes]
        return max(now, min(waits, default=now + self.times.probe))

    # What it sees

    def _sight(self, now: Moment) -> Sight:
        sight = Sight(
            now=now,
            times=self.times,
            me=self.me,
            able=self.able and self.asking.may_work,
            pace=self.pace,
            dead=self.dead,
            released=self.released,
            life=self.life,
            rates=self.rates,
        )
        own = self._own()
        if not sight.able or self._has_enough(own):
            return sight
        if taker := next((lane.name for lane in own if not lane.put and lane.entry.res < lane.entry.hi), ""):
            return sight._replace(taker=taker)
        sight = sight._replace(idle=True)
        return sight._replace(victim=victim(self.lanes.values(), sight))

    def _has_enough(self, own: Iterable[Lane]) -> bool:
        """Or it has asked for more, and nothing has come of that yet."""
        if size([one for lane in own for one in lane.free()]) >= self.pace.hungry:
            return True
        return any(lane.put and lane.put.res > lane.entry.res for lane in own)

    def _wish(self, lane: Lane, sight: Sight) -> Wish:
        aside = lane.reached().low if self.asides else -1
        more = reservation(lane.entry.hi - lane.entry.res, self.pace) if lane.name == sight.taker else 0
        return Wish(
            more=more,
            leaving=self.leaving or self.resting,
            pace=self.pace,
            aside=aside if aside in self.asides else -1,
            elsewhere=self.asides.get(aside, False),
        )

    def _interval(self, lane: Lane, sight: Sight) -> float:
        if self.asking.state.is_ended:
            # What it does not know yet stands there, and who takes nothing any more would look for it in its own time.
            return self.times.retry
        return between_looks(lane, sight, len(self.lanes))
