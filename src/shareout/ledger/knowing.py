"""What a host in the ledger knows: its lanes, the asks, and who has shown a sign of life; and what it makes of what the
store tells. What it does about that is said in `host`."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from shareout.ledger.asks.ask import ASKS, Ask
from shareout.ledger.asks.asked import Phases
from shareout.ledger.asks.asking import Asking
from shareout.ledger.calls import STREAM, Call, Happened, Root, told
from shareout.ledger.choose import Pace
from shareout.ledger.entry import Entry, name_of, ordinal_of, root_begins
from shareout.ledger.lane import Lane
from shareout.ledger.times import LONG_AGO, Moment, Times
from shareout.ranges import Range, union


class Knowing:
    """Of one incarnation of one machine, or of a guest."""

    __slots__ = (
        "able", "asides", "asking", "dead", "events", "failed_in", "fastest", "lanes", "last", "later", "leaving",
        "life", "me", "nonce", "pace", "rates", "released", "resting", "times",
    )  # fmt: skip

    def __init__(
        self,
        me: str,
        roots: Iterable[Root],
        times: Times,
        nonce: Callable[[str, int], str],
        checks: frozenset[int] = frozenset(),
    ) -> None:
        """`checks`: phases that begin only where nothing of the one before has failed."""
        self.me = me
        self.times = times
        self.nonce = nonce
        """Of the entry that is put on a lane at k."""
        self.lanes: dict[str, Lane] = {}
        """All that are known, of phases that have begun, and not final."""
        self.failed_in: dict[int, int] = {}
        """How many positions of final lanes of a phase have failed and nobody has asked for since."""
        self.dead: frozenset[str] = frozenset()
        self.released: dict[str, bool] = {}
        self.able = True
        self.leaving = False
        self.resting = False
        """As one who leaves, until it is told that it does not."""
        self.pace = Pace()
        self.asides: dict[int, bool] = {}
        self.life: dict[str, Moment] = {}
        """The last sign of life of others' incarnations, and of machines that have not come."""
        self.rates: dict[str, float] = {}
        self.fastest: dict[str, float] = {}
        """What they were in the time since anybody was last found to be slow."""
        self.last: Moment = LONG_AGO
        """When the store answered last."""
        self.events: list[Happened] = []
        self.later = tuple(sorted(roots, key=lambda root: root.phase))
        """Shares of phases that have not begun, which nobody touches."""
        self.life |= dict.fromkeys((root.machine for root in self.later), math.inf)
        self.asking = Asking(phases_of(self.later, checks))
        self._begin_phases()

    def lose_contact(self) -> None:
        """The clocks jumped: this host, or all of its machine, has stood still, nobody knows for how long."""
        self.lanes = {name: lane._replace(contact=LONG_AGO, tried=LONG_AGO) for name, lane in self.lanes.items()}

    def heard(self, owner: str, rate: float, now: Moment) -> None:
        """The beat of this incarnation has moved."""
        name = name_of(owner)
        for other in self.life:
            if name_of(other) == name and ordinal_of(other) < ordinal_of(owner):
                self.life[other] = LONG_AGO
        self.life[name] = self.life[owner] = now
        self.rates[name] = rate
        if rate < self.fastest.get(name, 0.0) / 2:
            # Slower than when it was asked, if it was: of what it had nothing to give of then it has too much now.
            for lane in self.lanes.values():
                if lane.entry.owner == owner:
                    self.lanes[lane.name] = lane._replace(asked=LONG_AGO)
            self.fastest[name] = rate
        self.fastest[name] = max(rate, self.fastest.get(name, 0.0))

    def found(self, call: Call, entry: Entry | Ask | None, now: Moment) -> None:
        """What stands where a call was made: after a put something always does."""
        if now - self.last > 2 * self.times.probe:
            self._watch_anew(now)
        self.last = now
        if call.lane == ASKS:
            self._hear_ask(entry if isinstance(entry, Ask) else None, now)
            return
        assert not isinstance(entry, Ask)
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
        if call.lane == ASKS:
            self.asking = self.asking.lost(now, self.times)
            return
        self.lanes[call.lane] = self.lanes[call.lane]._replace(busy=False, due=now + self.times.retry)

    def _hear_ask(self, ask: Ask | None, now: Moment) -> None:
        before, was_known = self.asking.state, self.asking.is_known
        self.asking = self.asking.found(ask, now)
        for one in self.asking.state.made_since(before):
            failed = sum((stretch.stop - stretch.start) * stretch.failed for stretch in one.stretches)
            self.failed_in[one.phase] = self.failed_in.get(one.phase, 0) - failed
            self._meet_root(one.root(), how="ask")
        if fed := self.asking.state.fed_since(before):
            # It was made this moment, unless it stood when this host came: whoever has a free slot puts at once, and
            # learns by that who was first.
            self._meet_root(fed, how="feed", looked=now if was_known else LONG_AGO)
        if self.asking.state.phase > before.phase:
            self._begin_phases()

    def _begin_phases(self) -> None:
        end = bisect_right(self.later, self.asking.state.phase, key=lambda root: root.phase)
        for root in self.later[:end]:
            self._meet_root(root)
        self.later = self.later[end:]

    def _meet_root(self, root: Root, how: str = "", looked: Moment = LONG_AGO) -> None:
        if root.low < root.hi:
            entry = root_begins(root.low, root.hi)
            self.lanes[root.lane] = Lane(root.lane, root.phase, root.machine, 0, entry, looked=looked, how=how)

    def _adopt(self, old: Lane, entry: Entry, now: Moment) -> None:
        lane = old.followed(entry, self.me, now, self.times.again)
        # An entry is a sign of life of whoever put it; who is met for the first time is waited for from now on.
        self.life[entry.by] = now
        self.life.setdefault(entry.owner, now)
        if entry == old.put and entry.owner == self.me and entry.kid:
            self.asides.pop(entry.kid[0], None)
        if entry.kid:
            self.lanes[entry.nonce] = old.kid_of(entry, self.me)
        if entry.verb == "seize" and self.me in (old.entry.owner, entry.by):
            self.events.append(told(old, entry, self.me))
        if entry.is_final or entry.verb == "seize":
            self.lanes.pop(lane.name)
            self.released.pop(lane.name, None)
            self.failed_in[lane.phase] = self.failed_in.get(lane.phase, 0) + entry.failed
        else:
            self.lanes[lane.name] = lane

    def _watch_anew(self, now: Moment) -> None:
        """Time in which it could not look is no watching."""
        self.life = {owner: now if moment > LONG_AGO else moment for owner, moment in self.life.items()}
        for lane in self.lanes.values():
            if lane.entry.doubt:
                self.lanes[lane.name] = lane._replace(since=now)

    def _own(self) -> list[Lane]:
        return [lane for lane in self.lanes.values() if lane.entry.owner == self.me]


def phases_of(roots: Sequence[Root], checks: frozenset[int] = frozenset()) -> Phases:
    """The barriers between these shares, which are sorted by their phases."""
    starts: dict[int, int] = {}
    for root in roots:
        starts[root.phase] = min(root.low, starts.get(root.phase, root.low))
    stop = max((root.hi for root in roots), default=0)
    is_stream = any(root.lane == STREAM for root in roots)
    return Phases(tuple(starts[phase] for phase in sorted(starts)), stop, checks, is_stream)


def open_ranges(host: Knowing) -> list[Range]:
    """Positions that are not over, as far as this host knows: in lanes, in phases that have not begun, or asked for
    once more."""
    lanes = [(lane.entry.low, lane.entry.hi) for lane in host.lanes.values()]
    stop = host.asking.phases.stop
    again = [
        (one.start, one.stop)
        for low, hi in lanes
        if low >= stop
        for made in host.asking.state.again
        for one in made.real(max(low, made.low), min(hi, made.hi))
    ]
    later = [(root.low, root.hi) for root in host.later]
    return union([*(one for one in lanes if one[0] < stop), *again, *later])
