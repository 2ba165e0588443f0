"""A simulated farm that shares one ledger: the program's own hosts and members, around them a clock, a store and slots.

Nothing waits here: the clock is a number, and goes on from one event to the next. A store's calls take a while each and
are made one after the other by each host, as its liaison does; what a host puts is seen by a look of another's only
after a while, while a put finds it at once.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, pairwise
from pathlib import Path
from typing import Any, cast

import shareout.joining.member as member_module
from shareout.joining.history import History
from shareout.joining.liaison import MOST_UNDER_WAY, Liaison
from shareout.joining.member import Member
from shareout.joining.messages import Answer
from shareout.joining.pieces.luck import Luck
from shareout.joining.shipping import Shipping
from shareout.ledger.calls import Root
from shareout.ledger.choose import Pace, Speed
from shareout.ledger.entry import parse, root_begins
from shareout.ledger.host import Host
from shareout.ledger.times import LONGEST_S, Times
from shareout.ledger.verbs import Pen, Reached, moved_on, opened

SYNC_S = 1.0
"""A journal is synced so often."""
GHOSTLY_S = 20.0
"""A ghost puts something so often."""
TURN_S = 0.25
"""A crew turns at least so often while anything is new."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A job takes its work over this speed. It dies for good at a moment."""

    name: str
    slots: int
    speed: float
    dies_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Folder:
    """What the store is like: seconds for a call, for each name that it looks at, until others' looks see a put."""

    call_s: float = 0.05
    name_s: float = 0.0
    lag_s: float = 0.0
    slack_s: float = 0.0
    dead_s: float = 120.0


@dataclass(slots=True)
class Told:
    """What came of it."""

    ended_s: float = 0.0
    """When the last job ended."""
    over_s: float = 0.0
    """When the last host knew that all is over."""
    entries: int = 0
    by_verb: dict[str, int] = field(default_factory=dict)
    by_host: dict[str, int] = field(default_factory=dict)
    names: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many each host has looked at in each minute."""
    ran: list[int] = field(default_factory=list)
    """How often each job ended."""


class Clock:
    """In the place of `world` for the members."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def since_boot(self) -> float:
        return self.now


class Farm:
    """One run of it."""

    def __init__(
        self,
        machines: Sequence[Machine],
        work_s: Sequence[float],
        shares: Sequence[int],
        folder: Folder,
        ghosts: int = 0,
    ) -> None:
        """The last `ghosts` machines are none: others see what they put and how they are, and nothing else of them is
        there."""
        self.clock, self.folder, self.work_s = Clock(), folder, work_s
        self.keys: dict[str, tuple[bytes, float, str]] = {}
        self.beats: dict[str, bytes] = {}
        self.told = Told(ran=[0] * len(work_s))
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        bounds = [0]
        for size in shares:
            bounds.append(bounds[-1] + size)
        roots = [
            Root(f"{at}.0", machine.name, 0, low, hi)
            for at, (machine, (low, hi)) in enumerate(zip(machines, pairwise(bounds), strict=True))
        ]
        live = len(machines) - ghosts
        self.seats = [Seat(self, machine, roots) for machine in machines[:live]]
        for number, (machine, root) in enumerate(zip(machines[live:], roots[live:], strict=True)):
            Ghost(self, machine, root).begin(number * GHOSTLY_S / max(1, ghosts))

    def at(self, moment: float, then: Callable[[], None]) -> None:
        heappush(self._events, (moment, next(self._number), then))

    def run(self, until_s: float = math.inf) -> Told:
        """Until all is over, or so long."""
        linux = vars(member_module)["world"]
        vars(member_module)["world"] = self.clock
        try:
            for at, seat in enumerate(self.seats):
                self.at(at * 0.05, seat.turn)
            while self._events and self._events[0][0] <= until_s:
                self.clock.now, _, then = heappop(self._events)
                then()
                if all(seat.is_gone for seat in self.seats):
                    break
        finally:
            vars(member_module)["world"] = linux
        return self.told


class Line:
    """A host's liaison, and its journal on the way: one call after the other."""

    def __init__(self, farm: Farm, seat: Seat) -> None:
        self._farm, self._seat = farm, seat
        self._asked: deque[tuple[int, str, tuple[Any, ...], bytes]] = deque()
        self._answers: list[Answer] = []
        self._number = 0
        self._is_busy = False

    def may_ask(self) -> bool:
        return len(self._asked) < MOST_UNDER_WAY

    def ask(self, call: str, *words: Any, body: bytes = b"") -> int:
        self._number += 1
        self._asked.append((self._number, call, words, body))
        self._begin()
        return self._number

    def answers(self) -> list[Answer]:
        found, self._answers = self._answers, []
        return found

    def _begin(self) -> None:
        if self._is_busy or not self._asked:
            return
        self._is_busy = True
        number, call, words, body = self._asked.popleft()
        farm, began = self._farm, self._farm.clock.now
        # Of beats a listing and each of them; of what is put, it and what then stands there.
        names = {"put": 2, "get": 1, "beat": 1, "ship": 1, "replay": 1}.get(call) or 1 + min(words[0], len(farm.beats))
        place = self._seat.name, int(began // 60)
        farm.told.names[place] = farm.told.names.get(place, 0) + names
        farm.at(
            began + farm.folder.call_s + names * farm.folder.name_s, lambda: self._end(number, call, words, body, began)
        )

    def _end(self, number: int, call: str, words: tuple[Any, ...], body: bytes, began: float) -> None:
        self._is_busy = False
        if self._seat.is_gone:
            return
        self._answers.append(self._made(number, call, words, body, began))
        self._begin()
        self._seat.turn()

    def _made(self, number: int, call: str, words: tuple[Any, ...], body: bytes, began: float) -> Answer:
        farm, name = self._farm, self._seat.name
        if call == "put":
            if words[0] not in farm.keys:
                farm.keys[words[0]] = body, farm.clock.now, name
                self._count(body)
            return Answer(number, began, body=farm.keys[words[0]][0])
        if call == "get":
            text, when, by = farm.keys.get(words[0], (None, 0.0, ""))
            is_seen = by == name or when + farm.folder.lag_s <= began
            return Answer(number, began, body=text if is_seen else None)
        if call == "beat":
            farm.beats[words[0]] = body
            return Answer(number, began)
        if call == "beats":
            others = [one for one in farm.beats if one != name]
            shown = [others[(self._number + at) % len(others)] for at in range(min(words[0], len(others)))]
            return Answer(number, began, told={one: farm.beats[one].decode() for one in shown})
        if call == "replay":
            # A folder knows no order.
            return Answer(number, began, [0, []])
        return Answer(number, began)

    def _count(self, body: bytes) -> None:
        told, verb = self._farm.told, body[9 : body.index(b'"', 9)].decode()
        told.entries += 1
        told.by_verb[verb] = told.by_verb.get(verb, 0) + 1
        told.by_host[self._seat.name] = told.by_host.get(self._seat.name, 0) + 1


class Bag:
    """In the place of `Shipping`: what has ended counts when it was synced, and has arrived."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ended = self.synced = self.arrived = 0
        self._synced_s = 0.0
        self._call = 0
        self._of = 0

    def sync(self, *, at_once: bool) -> None:
        if at_once or self._clock.now - self._synced_s >= SYNC_S:
            self.synced, self._synced_s = self.ended, self._clock.now

    def ask(self, line: Line) -> None:
        if not self._call and self.synced > self.arrived and line.may_ask():
            self._call, self._of = line.ask("ship"), self.synced

    def heard(self, answer: Answer) -> bool:
        if not self._call or answer.number != self._call:
            return False
        self._call, self.arrived = 0, self._of
        return True


class Ghost:
    """What others see of a host that reserves some of its share every now and then, until all of it is reserved."""

    def __init__(self, farm: Farm, machine: Machine, root: Root) -> None:
        self._farm, self._machine, self._root = farm, machine, root
        self._k, self._entry = 0, root_begins(root.low, root.hi)
        self._me = f"{machine.name}/1-abcd"
        self._beats = 0

    def begin(self, moment: float) -> None:
        self._farm.at(moment, self._put)
        self._farm.at(moment % LONGEST_S, self._beat)

    def _beat(self) -> None:
        self._beats += 1
        told = {"owner": self._me, "count": self._beats, "rate": self._machine.slots / 20, "live": {}}
        self._farm.beats[self._machine.name] = json.dumps(told).encode()
        self._farm.at(self._farm.clock.now + LONGEST_S, self._beat)

    def _put(self) -> None:
        # It sees at once what others have put.
        while found := self._farm.keys.get(f"lanes/{self._root.lane}/{self._k + 1}"):
            self._k, self._entry = self._k + 1, parse(self._root.lane, self._k + 1, found[0])
        entry = self._entry
        pen = Pen(self._k, self._me, f"{self._root.lane.replace('.', 'x')}x{self._k:04}")
        if not entry.is_final:
            slots = self._machine.slots
            low = entry.low if entry.res < entry.low + slots else min(entry.low + slots, entry.hi - slots)
            res = min(entry.hi, max(entry.res, low + 2 * slots))
            new = moved_on(entry, pen, Reached(max(low, entry.low), 0), res) if self._k else opened(entry, pen, res)
            self._farm.keys[f"lanes/{self._root.lane}/{self._k + 1}"] = new.text(), self._farm.clock.now, ""
        self._farm.at(self._farm.clock.now + GHOSTLY_S, self._put)


class Seat:
    """A host of the farm: a crew in a few lines, around the program's own member and host."""

    def __init__(self, farm: Farm, machine: Machine, roots: Sequence[Root]) -> None:
        self.name = machine.name
        self.is_gone = False
        self._farm, self._machine = farm, machine
        self._running: dict[int, str] = {}
        self._line, self._bag = Line(farm, self), Bag(farm.clock)
        self._ended: deque[tuple[int, int]] = deque()
        self._spent, self._count = 0.0, 0
        self._speed = Speed(machine.slots)
        self._wake = math.inf
        times = Times.of(farm.folder.dead_s, farm.folder.slack_s)
        nonces = map("{:012x}".format, count(abs(hash(self.name)) % (1 << 44)))
        self.host = Host(f"{self.name}/1-abcd", roots, times, lambda lane, k: next(nonces))
        self.member = Member(
            self.host,
            cast(Liaison, self._line),
            cast(Shipping, self._bag),
            self._pace,
            dict,
            luck=Luck(times.silent, times.dead),
            # What is kept over starts is kept nowhere here.
            history=History(Path("/dev/null/seen"), "", Path(), times),
            open_at=farm.clock.now,
        )
        if machine.dies_s < math.inf:
            farm.at(machine.dies_s, self._die)

    def _die(self) -> None:
        self.is_gone = True

    def _pace(self) -> Pace:
        """As `Joined` tells it."""
        free = self._machine.slots - len(self._running)
        return self._speed.pace(self._count, self._spent, free, self._farm.clock.now)

    def turn(self) -> None:
        if self.is_gone:
            return
        now = self._farm.clock.now
        self._bag.sync(at_once=not self._running)
        while self._ended and self._ended[0][0] <= self._bag.arrived:
            _, at = self._ended.popleft()
            self.host.ended(at, at + 1, failed=False)
        self.member.turn()
        while len(self._running) < self._machine.slots and self._start(now):
            pass
        if self.host.is_over():
            self.is_gone = True
            self._farm.told.over_s = now
            return
        moment = now + max(TURN_S if self._ended else 0.0, self.member.patience(), 1e-3)
        if moment < self._wake or self._wake <= now:
            self._wake = moment
            self._farm.at(moment, lambda: self._woken(moment))

    def _woken(self, moment: float) -> None:
        if moment == self._wake:
            self.turn()

    def _start(self, now: float) -> bool:
        grant = self.host.grant(1, now)
        if grant is None:
            return False
        at = grant.start
        self._running[at] = grant.lane
        took = self._farm.work_s[at] / self._machine.speed
        self._farm.at(now + took, lambda: self._end(at, took))
        return True

    def _end(self, at: int, took: float) -> None:
        if self.is_gone:
            return
        del self._running[at]
        self._spent += took
        self._count += 1
        self._bag.ended += 1
        self._ended.append((self._bag.ended, at))
        self._farm.told.ran[at] += 1
        self._farm.told.ended_s = self._farm.clock.now
        self.turn()
