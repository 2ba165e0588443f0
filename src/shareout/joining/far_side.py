"""The liaison itself: the one process of a run that touches the store. It makes one call after the other, however long
each takes, and tells what came of it.

A process and not a thread: a call to a dead network folder may hang for minutes in the kernel, where nothing ends it,
and the crew forks, which threads do not survive.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import ShareoutError
from shareout.fields import dataclass
from shareout.joining.messages import NEWS, READ, Answer, Inbox, Request, send
from shareout.ledger.asks.ask import ASKS, name_of_list
from shareout.ledger.store import COMMON, LONGEST_PIECE, Away, Store, whole
from shareout.record.folder import is_journal
from shareout.world import world

AT_ONCE = 1 << 21
"""Bytes of a file in one call of the run's: what waits behind it must not wait for a gigabyte."""
LISTEN_S = 60.0
LONGEST_S = 1.0
"""Nor so long for what goes over a slow line."""
AWAY_S = 0.01, 0.2
"""Before it is told that the store is away; from then on twice as long each time, until it answers again. What is lost
is asked for again at once, in many places, and a refusal takes no time."""

Result = tuple[Any, bytes | None]


@dataclass(frozen=True, slots=True)
class Doors:
    """How stores are opened."""

    open_store: Callable[[], Store]
    """The one that this run works from."""
    open_elders: Callable[[], Sequence[Store]] = tuple
    """Those of earlier plans for the same jobs."""


def serve(doors: Doors, down: int, up: int) -> None:
    """Until the run closes its end. The store is opened with the first call."""
    desk = Desk(doors)
    inbox = Inbox()
    pause_s = AWAY_S[0]
    while True:
        while desk.listens() and not world.readable([down], 0.0):
            if desk.has_news(down):
                send(up, Answer(NEWS, world.since_boot()).frame())
        if not (data := world.read(down, READ)):
            break
        for request in inbox.requests(data):
            began = world.since_boot()
            try:
                told, body = CALLS[request.call](desk, request)
                answer = Answer(request.number, began, told, body)
            except Away as error:
                answer = Answer(request.number, began, away=str(error) or "it does not answer")
            except ShareoutError as error:
                answer = Answer(request.number, began, refusal=(error.exit_code, error.what, error.way_out))
            except OSError as error:
                # Of a file of this host's own: what the store's files refuse is Away.
                answer = Answer(request.number, began, away=f"{error.filename or 'here'}: {error.strerror or error}")
            if answer.away:
                world.sleep(pause_s)
            pause_s = min(2 * pause_s, AWAY_S[1]) if answer.away else AWAY_S[0]
            send(up, answer.frame())


class Desk:
    """What the liaison has before it."""

    def __init__(self, doors: Doors) -> None:
        self._open = doors.open_store
        self._open_elders = doors.open_elders
        self._elders: Sequence[Store] | None = None
        self._store: Store | None = None
        self.shipped: set[tuple[str, str]] = set()
        """Files of which this very process has shipped something."""

    @property
    def store(self) -> Store:
        """Opened when it is first asked for; where that is refused, again with the next call."""
        if self._store is None:
            self._store = self._open()
            if listen := getattr(self._store, "listen", None):
                listen()
        return self._store

    def listens(self) -> bool:
        """Whether the store is one that tells by itself that there is something new."""
        return self._store is not None and hasattr(self._store, "news")

    def has_news(self, down: int) -> bool:
        """Waits for that, or for a call."""
        store: Any = self._store
        return bool(store.news(LISTEN_S, [down]))

    @property
    def elders(self) -> Sequence[Store]:
        """In the same order each time, whatever is made meanwhile."""
        if self._elders is None:
            self._elders = self._open_elders()
        return self._elders


def _open(desk: Desk, request: Request) -> Result:
    slack_s = desk.store.slack_s
    # A store that may be made anew in its place says which one it is.
    identity = getattr(desk.store, "identity", "")
    return [None if math.isinf(slack_s) else slack_s, desk.store.dead_s, identity], None


def _put(desk: Desk, request: Request) -> Result:
    return None, desk.store.put(request.words[0], request.body)


def _get(desk: Desk, request: Request) -> Result:
    return None, desk.store.get(request.words[0])


def _beat(desk: Desk, request: Request) -> Result:
    desk.store.beat(request.words[0], request.body)
    return None, None


def _beats(desk: Desk, request: Request) -> Result:
    return {name: text.decode("latin-1") for name, text in desk.store.beats(request.words[0]).items()}, None


def _elders(desk: Desk, request: Request) -> Result:
    """Of each where it is, after how long a host is dead there, whether it is closed, and what was said last."""
    told = []
    for store in desk.elders:
        beats = {name: text.decode("latin-1") for name, text in store.beats(1 << 20).items()}
        told.append([str(getattr(store, "path", "")), store.dead_s, store.get("closed") is not None, beats])
    return told, None


def _close(desk: Desk, request: Request) -> Result:
    return None, desk.elders[request.words[0]].put("closed", request.body)


def _inherit(desk: Desk, request: Request) -> Result:
    """As `gather`, from an earlier one: (its number, folder)."""
    number, folder = request.words
    return _gathered_all(desk.elders[number], COMMON, world.path(folder)), None


def _ship(desk: Desk, request: Request) -> Result:
    """A file of this host's, up to a length: (machine, its name there, its path here, how long). How much of it has
    arrived."""
    machine, name, path, length = request.words
    there = desk.store.length(machine, name)
    if (machine, name) not in desk.shipped:
        # Of what an earlier process has shipped, the end may be of the right length and empty.
        there = max(0, there - LONGEST_PIECE)
    until = min(length, there + AT_ONCE)
    stop = world.monotonic() + LONGEST_S
    with world.path(path).open("rb") as file:
        while there < until:
            data = world.pread(file.fileno(), min(LONGEST_PIECE, until - there), there)
            if not data:
                break
            there = desk.store.ship(machine, name, there, data)
            if world.monotonic() > stop:
                break
    desk.shipped.add((machine, name))
    return there, None


def _replay(desk: Desk, request: Request) -> Result:
    """What was put from that number on, in its order, a part of it, each with what it lists; and where to go on: 0
    where nothing follows, or where the store does not know in which order it was put."""
    put: list[list[str | None]] = []
    number, room, stop = request.words[0], AT_ONCE, world.monotonic() + LONGEST_S
    entry_from = getattr(desk.store, "entry_from", None)
    while room > 0 and world.monotonic() < stop:
        found = entry_from(number) if entry_from else None
        if found is None:
            return [0, put], None
        number, key, text = found[0] + 1, found[1], found[2]
        listed = _list_of(desk.store, text) if key.startswith(f"{ASKS}/") else None
        put.append([key, text.decode("latin-1"), listed])
        room -= len(text) + len(listed or "")
    return [number, put], None


def _list_of(store: Store, text: bytes) -> str | None:
    """What an ask lists; None where it lists nothing, or that is not there."""
    try:
        name = str(json.loads(text)["list"])
    except (ValueError, KeyError, TypeError):
        return None
    return (whole(store, COMMON, name_of_list(name)).decode("latin-1") or None) if name else None


def _fetch(desk: Desk, request: Request) -> Result:
    """All of a shipped file: (machine, its name)."""
    machine, name = request.words
    return None, whole(desk.store, machine, name)


def _gather(desk: Desk, request: Request) -> Result:
    """What has arrived of all other machines, into folders here: (own name, folder). Whether there is more."""
    own, folder = request.words
    return _gathered_all(desk.store, own, world.path(folder)), None


def _gathered_all(store: Store, own: str, folder: Path) -> bool:
    room = AT_ONCE
    for machine in sorted(store.machines()):
        # The same name twice is refused elsewhere; what it recorded itself lies at home.
        if machine not in (own, COMMON):
            room -= _gathered(store, machine, folder / machine, room)
    return room <= 0


def _gathered(store: Store, machine: str, folder: Path, most: int) -> int:
    """How many bytes came that were not here."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name in filter(is_journal, store.files(machine)):
        with (folder / name).open("ab") as file:
            at = world.lseek(file.fileno(), 0, os.SEEK_END)
            while count < most and (data := store.fetch(machine, name, at, LONGEST_PIECE)):
                file.write(data)
                at += len(data)
                count += len(data)
    return count


CALLS: Mapping[str, Callable[[Desk, Request], Result]] = {
    "open": _open, "put": _put, "get": _get, "beat": _beat, "beats": _beats, "ship": _ship, "fetch": _fetch,
    "gather": _gather, "elders": _elders, "replay": _replay, "close": _close, "inherit": _inherit,
}  # fmt: skip
