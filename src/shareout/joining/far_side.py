"""The liaison itself: the one process of a run that touches the store. It makes one call after the other, however long
each takes, and tells what came of it.

A process and not a thread: a call to a dead network folder may hang for minutes in the kernel, where nothing ends it,
and the crew forks, which threads do not survive.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shareout.errors import ShareoutError
from shareout.joining.messages import READ, Answer, Inbox, Request, send
from shareout.ledger.store import COMMON, LONGEST_PIECE, Away, Store
from shareout.record.folder import is_journal
from shareout.world import world

AT_ONCE = 1 << 21
"""Bytes of a file in one call of the run's: what waits behind it must not wait for a gigabyte."""

Result = tuple[Any, bytes | None]


def serve(open_store: Callable[[], Store], down: int, up: int) -> None:
    """Until the run closes its end. The store is opened with the first call."""
    desk = Desk(open_store)
    inbox = Inbox()
    while data := world.read(down, READ):
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
            send(up, answer.frame())


class Desk:
    """What the liaison has before it."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open = open_store
        self._store: Store | None = None
        self.shipped: set[tuple[str, str]] = set()
        """Files of which this very process has shipped something."""

    @property
    def store(self) -> Store:
        """Opened when it is first asked for; where that is refused, again with the next call."""
        if self._store is None:
            self._store = self._open()
        return self._store


def _open(desk: Desk, request: Request) -> Result:
    slack_s = desk.store.slack_s
    return [None if math.isinf(slack_s) else slack_s, desk.store.dead_s], None


def _put(desk: Desk, request: Request) -> Result:
    return None, desk.store.put(request.words[0], request.body)


def _get(desk: Desk, request: Request) -> Result:
    return None, desk.store.get(request.words[0])


def _beat(desk: Desk, request: Request) -> Result:
    desk.store.beat(request.words[0], request.body)
    return None, None


def _beats(desk: Desk, request: Request) -> Result:
    return {name: text.decode("latin-1") for name, text in desk.store.beats(request.words[0]).items()}, None


def _ship(desk: Desk, request: Request) -> Result:
    """A file of this host's, up to a length: (machine, its name there, its path here, how long). How much of it has
    arrived."""
    machine, name, path, length = request.words
    there = desk.store.length(machine, name)
    if (machine, name) not in desk.shipped:
        # Of what an earlier process has shipped, the end may be of the right length and empty.
        there = max(0, there - LONGEST_PIECE)
    until = min(length, there + AT_ONCE)
    with Path(path).open("rb") as file:
        while there < until:
            data = os.pread(file.fileno(), min(LONGEST_PIECE, until - there), there)
            if not data:
                break
            there = desk.store.ship(machine, name, there, data)
    desk.shipped.add((machine, name))
    return there, None


def _gather(desk: Desk, request: Request) -> Result:
    """What has arrived of all other machines, into folders here: (own name, folder). Whether there is more."""
    own, folder = request.words
    room = AT_ONCE
    for machine in sorted(desk.store.machines()):
        # The same name twice is refused elsewhere; what it recorded itself lies at home.
        if machine not in (own, COMMON):
            room -= _gathered(desk.store, machine, Path(folder) / machine, room)
    return room <= 0, None


def _gathered(store: Store, machine: str, folder: Path, most: int) -> int:
    """How many bytes came that were not here."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name in filter(is_journal, store.files(machine)):
        with (folder / name).open("ab") as file:
            at = file.tell()
            while count < most and (data := store.fetch(machine, name, at, LONGEST_PIECE)):
                file.write(data)
                at += len(data)
                count += len(data)
    return count


CALLS: Mapping[str, Callable[[Desk, Request], Result]] = {
    "open": _open, "put": _put, "get": _get, "beat": _beat, "beats": _beats, "ship": _ship, "gather": _gather,
}  # fmt: skip
