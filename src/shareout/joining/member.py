"""This run's part in a ledger: what the host wants goes to the liaison, what comes back goes to the host."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from shareout.errors import RunDirectoryDamaged, RunDirectoryInUse, ShareoutError
from shareout.joining.history import History
from shareout.joining.inputs.publishing import Publishing
from shareout.joining.liaison import Liaison
from shareout.joining.messages import NEWS, Answer
from shareout.joining.pieces.absence import Absence
from shareout.joining.pieces.facts import Facts, facts_of, fitting
from shareout.joining.pieces.luck import Luck
from shareout.joining.pieces.replay import Replay
from shareout.joining.pieces.taken_back import TakenBack
from shareout.joining.shipping import Shipping
from shareout.joining.stream import Stream
from shareout.ledger.asks.ask import Ask, name_of_list, parse_list
from shareout.ledger.calls import Call, Happened
from shareout.ledger.choose import Pace
from shareout.ledger.entry import Entry, name_of
from shareout.ledger.host import Host
from shareout.ledger.store import COMMON
from shareout.ledger.times import LONGEST_S
from shareout.world import world

CLOSED = "closed"
"""The key of a ledger that others have taken the place of."""
LOOKED_AT, ROUNDS = 32, 8
"""Others' beats that are read at a time; of very many all in so many times."""
MANY, SCAN_S = 64, 0.001
"""With more lanes than that, so long a while a lane goes by until all are looked through again: at each answer would
keep a core busy."""


class Member:
    """All calls come from the crew's own thread, and none waits for the store."""

    def __init__(
        self,
        host: Host,
        liaison: Liaison,
        shipping: Shipping,
        pace: Callable[[], Pace],
        live: Callable[[], dict[str, Any]],
        luck: Luck,
        history: History,
        open_at: float,
        publishing: Publishing | None = None,
        stream: Stream | None = None,
        taken_back: TakenBack | None = None,
    ) -> None:
        """`live`: what this run tells of itself, for who looks at the folder. `stream`: takes the jobs that come."""
        self.host = host
        self._publishing = publishing
        self._stream = stream
        self._taken_back = taken_back
        self._history = history
        self._asked_closed = 0
        self._looks_at = 0.0
        self._open_at = open_at
        """When the ledger was not closed."""
        self._leaves = False
        self._live = live
        self._luck = luck
        self.shipping = shipping
        self._liaison = liaison
        self._pace = pace
        self._calls: dict[int, Call] = {}
        self._ahead = world.time() - world.since_boot()
        self._beats = 0
        self._next_beat = 0.0
        self._asked_beats = 0
        self._others: dict[str, tuple[bytes, float]] = {}
        """What others said when they were looked at last, and when that was."""
        self._silent = host.times.silent
        self._next_scan = 0.0
        self._gathering = 0
        self._gathered: Callable[[], None] | None = None
        self._absence = Absence()
        self._replay = Replay(host, self._met)
        self.away = ""
        """Why the store does not answer, when it does not."""
        self._into = Path()
        self._lists: dict[int, tuple[Call, Ask]] = {}
        """Asks whose lists are fetched, by the numbers of the calls for these."""
        self._unlike: dict[int, float] = {}
        """Since when the list of an ask is not what the ask says."""
        self.events: list[Happened] = []

    def turn(self) -> bool:
        """What has come is taken in, what is due is asked for. Whether anything has come."""
        now = world.since_boot()
        self._heed_clocks(now)
        answers = self._liaison.answers()
        for answer in answers:
            self._hear(answer, now)
        self._luck.judge(now, has_company=self.has_company())
        if self._luck.rests != self.host.resting:
            self.host.rest(self._luck.rests)
        self.host.wants(self._pace())
        self._history.turn(self._liaison, now)
        self._look_whether_closed(now)
        self._replay.ask(self._liaison)
        if self._replay.is_over and self._liaison.may_ask() and now >= self._next_scan:
            lanes = len(self.host.lanes)
            self._next_scan = now + (lanes * SCAN_S if lanes > MANY else 0.0)
            for call in self.host.calls(now):
                self._ask(call)
        self._beat(now)
        self.shipping.ask(self._liaison)
        for one in (self._publishing, self._taken_back):
            if one:
                one.ask(self._liaison)
        self.events += self.host.happened()
        return bool(answers)

    def limit(self, lane: str) -> float:
        """From when on no job of it starts: it may be another's by then, or all of them those of another ledger."""
        return min(self.host.limit(lane), self._open_until())

    def may_hand_out(self, now: float) -> bool:
        """Workers would give it back else, at once and again and again."""
        return now < self._open_until()

    def _open_until(self) -> float:
        return math.inf if math.isinf(self.host.times.slack) else self._open_at + self.host.times.fence

    def _look_whether_closed(self, now: float) -> None:
        if now >= self._looks_at and not self._asked_closed and self._liaison.may_ask():
            self._looks_at = now + self.host.times.probe
            self._asked_closed = self._liaison.ask("get", CLOSED)

    def _hear_whether_closed(self, answer: Answer) -> None:
        self._asked_closed = 0
        if answer.away:
            return
        if answer.body is not None:
            raise RunDirectoryInUse(
                "this ledger was closed: other hosts work on these jobs by another plan",
                way_out="What was done here counts there. Give this host the inputs that the others have now.",
            )
        self._open_at = max(self._open_at, answer.began - self.host.times.slack)

    def gather(self, folder: Path, done: Callable[[], None]) -> None:
        """What others' journals in the store have, into this folder; then `done` is called. Nothing, while the last
        such call is under way."""
        if self._gathered is None and self._liaison.may_ask():
            self._gathered, self._into = done, folder
            self._ask_for_more()

    def _ask_for_more(self) -> None:
        self._gathering = self._liaison.ask("gather", name_of(self.host.me), str(self._into))

    def _heed_clocks(self, now: float) -> None:
        """A paused virtual machine finds one clock where it was, and the other set right: it may have been given up."""
        ahead = world.time() - now
        if abs(ahead - self._ahead) > self.host.times.fence / 4:
            self._ahead = ahead
            self._open_at = -math.inf
            self.host.lose_contact()

    def farewell(self) -> None:
        """From now on nothing runs here: the next beat says so, at once."""
        self._live = dict
        self._leaves = True
        self._next_beat = 0.0

    def has_given(self) -> bool:
        """Whether hosts without inputs find them, as far as this run gives any."""
        return self._publishing is None or self._publishing.is_over

    def patience(self) -> float:
        """How long nothing is due, if nothing comes."""
        now = world.since_boot()
        if not self._liaison.may_ask():
            # What is due waits for an answer, and that wakes.
            return LONGEST_S
        if not self._replay.is_over:
            # That wakes, too.
            return max(0.0, self._next_beat - now)
        if self._next_scan > now:
            return max(0.0, min(self._next_scan, self._next_beat) - now)
        return max(0.0, min(self.host.wake_at(now), self._next_beat) - now)

    def wait(self, seconds: float) -> None:
        """For an answer."""
        world.readable([self._liaison.fileno()], min(seconds, self.patience()))

    def _ask(self, call: Call) -> None:
        text = call.text()
        number = self._liaison.ask("get", call.key) if text is None else self._liaison.ask("put", call.key, body=text)
        self._calls[number] = call

    def _hear(self, answer: Answer, now: float) -> None:
        if answer.number == NEWS:
            self.host.look_at_asks()
            return
        if answer.refusal is not None:
            raise refused(answer.refusal)
        self.away = self._absence.told(answer.away, now)
        if call := self._calls.pop(answer.number, None):
            self._hear_call(call, answer, now)
        elif found := self._lists.pop(answer.number, None):
            self._hear_list(*found, answer, now)
        elif not any(one.heard(answer) for one in self._parts() if one):
            self._hear_own(answer, now)

    def _parts(self) -> Iterable[Shipping | History | Publishing | TakenBack | Replay | None]:
        return self.shipping, self._history, self._publishing, self._taken_back, self._replay

    def _hear_own(self, answer: Answer, now: float) -> None:
        if answer.number == self._gathering and self._gathered is not None:
            self._hear_gathered(answer, self._gathered)
        elif answer.number == self._asked_closed:
            self._hear_whether_closed(answer)
        elif answer.number == self._asked_beats and not answer.away:
            self._hear_beats(answer.told, now)

    def _hear_call(self, call: Call, answer: Answer, now: float) -> None:
        if answer.away or (answer.body is None and self._history.misses(call.lane, call.k, now)):
            self.host.lost(call, now)
            return
        if answer.body is not None:
            self._history.saw(call.lane, call.k)
        found = call.read(answer.body)
        if isinstance(found, Ask) and found.list:
            # An ask is heard with what it is about, or not yet.
            self._lists[self._liaison.ask("fetch", COMMON, name_of_list(found.list))] = call, found
        else:
            self._found(call, found, now)

    def _met(self, call: Call, entry: Entry | Ask) -> None:
        self._history.saw(call.lane, call.k)
        self._found(call, entry, world.since_boot())

    def _found(self, call: Call, entry: Entry | Ask | None, now: float) -> None:
        if self._stream and isinstance(entry, Ask):
            # The lines first: what the host hears of may be handed out.
            self._stream.hear(entry, self.host.asking.state)
        self.host.found(call, entry, now)

    def _hear_list(self, call: Call, ask: Ask, answer: Answer, now: float) -> None:
        if answer.away:
            self.host.lost(call, now)
            return
        try:
            listed = parse_list(call.k, ask, answer.body or b"")
        except RunDirectoryDamaged:
            # It was shipped before the ask was put, and may be seen late all the same.
            if now - self._unlike.setdefault(call.k, now) > self.host.times.dead:
                raise
            self.host.lost(call, now)
        else:
            self._found(call, listed, now)

    def has_company(self) -> bool:
        """Whether another host works now, by its beats."""
        return any(True for _ in self._company(world.since_boot()))

    def _company(self, now: float) -> Iterator[str]:
        lasts_s, life = self.host.times.silent + LONGEST_S, self.host.life
        return (name for name in self.host.rates if now - life.get(name, -math.inf) < lasts_s)

    def _hear_gathered(self, answer: Answer, done: Callable[[], None]) -> None:
        if answer.away or answer.told:
            self._ask_for_more()
        else:
            self._gathered = None
            done()

    def _hear_beats(self, told: dict[str, str], now: float) -> None:
        # From one look at a beat to the next: nobody is silent for not having been looked at.
        between = max((now - self._others[name][1] for name in told if name in self._others), default=0.0)
        self.host.times = self.host.times._replace(silent=self._silent + max(0.0, between - self.host.times.beat()))
        for name, text in told.items():
            data = text.encode("latin-1")
            before, self._others[name] = self._others.get(name, (None, 0.0))[0], (data, now)
            facts = None if before in (None, data) else facts_of(data)
            if facts is None or facts.owner == self.host.me:
                # The first look tells nothing of when it was written.
                continue
            if name_of(facts.owner) == name_of(self.host.me):
                self._refuse_twin(facts)
            self.host.heard(facts.owner, facts.rate, now)
            self._luck.heard(name, facts.told, now)

    def _refuse_twin(self, other: Facts) -> None:
        """Of two of one name that have come at the same moment, or do not see each other at once, the older one stays:
        so each of them decides alike."""
        if (other.number, self.host.me) > (self._beats, other.owner):
            raise RunDirectoryInUse(
                f"{name_of(other.owner)} is alive elsewhere: its beat in the ledger moves",
                way_out="Give this host another name, or stop that one.",
            )

    def _beat(self, now: float) -> None:
        if now < self._next_beat or not self._liaison.may_ask():
            return
        self._next_beat = now + self.host.times.beat(sum(1 for _ in self._company(now)))
        self._beats += 1
        facts = {"owner": self.host.me, "count": self._beats, "rate": round(self._pace().rate, 6)}
        facts |= {"leaves": self._leaves, **self._luck.facts(), "live": self._live()}
        self._liaison.ask("beat", name_of(self.host.me), body=fitting(facts))
        self._asked_beats = self._liaison.ask("beats", max(LOOKED_AT, -(-len(self._others) // ROUNDS)))


def refused(refusal: tuple[int, str, str]) -> ShareoutError:
    """As it was raised in the liaison."""
    code, what, way_out = refusal
    error = ShareoutError(what, way_out=way_out)
    error.exit_code = code
    return error
