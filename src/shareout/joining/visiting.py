"""A person's visit to a ledger, by a command that is no run: it reads all that stands there, asks, and calls dead."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from getpass import getuser
from typing import TypeVar

from blake3 import blake3

from shareout.errors import UsageError
from shareout.joining.pieces.replay import call_for
from shareout.ledger.asks.ask import ASKS, LONGEST_WORDS, Ask, Stretch, list_text, name_of_list, parse_list, words
from shareout.ledger.asks.asked import Asked
from shareout.ledger.calls import Call, Root
from shareout.ledger.entry import NOBODY, Entry, name_of, why_no_owner
from shareout.ledger.host import Host
from shareout.ledger.knowing import open_ranges
from shareout.ledger.store import COMMON, Away, Store, ship_whole, whole
from shareout.ledger.times import Times
from shareout.linux import host_name
from shareout.ranges import Range
from shareout.world import world

T = TypeVar("T")


class Visit:
    """One command's."""

    def __init__(self, store: Store, roots: Sequence[Root] = (), checks: frozenset[int] = frozenset()) -> None:
        """Without `roots` nothing is known of lanes."""
        self.store = store
        self.times = Times.of(store.dead_s, store.slack_s)
        self._host = Host(_visitor(), roots, self.times, lambda lane, k: os.urandom(8).hex(), checks)
        self._host.able = False
        # Without lanes there is little to read.
        self._is_replayed = not roots
        self._answered: set[str] = set()
        """Machines that have put something where they were doubted."""

    @property
    def state(self) -> Asked:
        """What has been asked by now."""
        return self._host.asking.state

    def read(self) -> None:
        """All that stands there, and what is to be put on lanes whose owner was called dead."""
        if not self._is_replayed:
            self._replay()
        while calls := self._host.calls(world.since_boot()):
            for call in calls:
                self._told(call, self._reached(partial(self._made, call)))

    def ask(self, verb: str, *, stretches: tuple[Stretch, ...] = (), whom: str = "", now: bool = False) -> Asked:
        """Puts it behind all that were asked. What had been asked before it."""
        listed = b""
        ask = Ask(verb, words(_person()), os.urandom(8).hex(), whom=whom, now=now)
        if stretches:
            listed = list_text(stretches)
            jobs = sum(one.stop - one.start for one in stretches)
            ask = ask._replace(list=blake3(listed).hexdigest(), jobs=jobs)
            self._ship(name_of_list(ask.list), listed)
        while True:
            self.read()
            before, call = self.state, Call(ASKS, self.state.n + 1, ask, world.since_boot())
            stands = self._told(call, self._reached(partial(self._made, call)))
            if isinstance(stands, Ask) and stands._replace(stretches=()) == ask:
                return before

    def open_ranges(self) -> list[Range]:
        """Positions that are not over: in lanes, in phases that have not begun, or asked for once more."""
        return open_ranges(self._host)

    def owned_by(self, name: str) -> int:
        """How many positions lanes of a machine hold."""
        owned = [lane.entry for lane in self._host.lanes.values() if name_of(lane.entry.owner or NOBODY) == name]
        return sum(entry.hi - entry.low for entry in owned)

    def owners(self) -> set[str]:
        """Machines that have something."""
        return {name_of(lane.entry.owner) for lane in self._host.lanes.values()} - {NOBODY}

    def release(self, name: str, *, at_once: bool, told: Callable[[], None]) -> bool:
        """Its lanes are doubted, and are anybody's when nobody answers; or at once. False: it has answered. `told` when
        the wait begins."""
        host = self._host
        self._answered.discard(name)
        host.release(name, at_once=at_once)
        self.read()
        if self.owned_by(name):
            told()
        # Whoever is through with all that it had has answered, too.
        while self.owned_by(name) and (at_once or name not in self._answered):
            world.sleep(min(1.0, self.times.probe / 4))
            host.release(name, at_once=at_once)
            self.read()
        return at_once or name not in self._answered

    def _replay(self) -> None:
        """What was put before, in its order, where the store knows it: a look at each would be several."""
        self._is_replayed = True
        entry_from, number = getattr(self.store, "entry_from", None), 1
        while entry_from and (found := self._reached(partial(entry_from, number))):
            number, key, text = found[0] + 1, found[1], found[2]
            if call := call_for(self._host, key):
                self._told(call, text)

    def _made(self, call: Call) -> bytes | None:
        text = call.text()
        return self.store.get(call.key) if text is None else self.store.put(call.key, text)

    def _told(self, call: Call, text: bytes | None) -> object:
        found = call.read(text)
        if isinstance(found, Ask) and found.list:
            found = parse_list(call.k, found, self._fetch(name_of_list(found.list)))
        lane = self._host.lanes.get(call.lane)
        if isinstance(found, Entry) and lane and lane.entry.doubt and name_of(found.by) == name_of(lane.entry.owner):
            self._answered.add(name_of(found.by))
        self._host.found(call, found, world.since_boot())
        return found

    def _fetch(self, name: str) -> bytes:
        return self._reached(partial(whole, self.store, COMMON, name))

    def _ship(self, name: str, text: bytes) -> None:
        self._reached(partial(ship_whole, self.store, COMMON, name, text))

    def _reached(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Away as error:
            raise UsageError(str(error), way_out="Mend that, then give the same command again.") from error


def _person() -> str:
    """Who asks, as others are told."""
    try:
        return f"{getuser()} at {host_name()}"[:LONGEST_WORDS]
    except (OSError, KeyError):
        return f"somebody at {host_name()}"[:LONGEST_WORDS]


def _visitor() -> str:
    owner = f"{_person().replace(' at ', '@').replace('/', '.')}/1-{os.urandom(4).hex()}"
    return owner if not why_no_owner(owner) else f"somebody/1-{os.urandom(4).hex()}"
