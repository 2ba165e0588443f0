"""What hosts have told and shipped over the network, laid into a folder here, as hosts that share one would leave it.

So everything that looks at runs works on it while they go on, and a merge needs nothing else. One process writes it;
what has arrived is never asked for again, and after a restart it goes on where each file ends.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from shareout.errors import UsageError
from shareout.ledger.asks.ask import ASKS, name_of_list
from shareout.ledger.store import COMMON, LONGEST_BEAT, LONGEST_PIECE, ship_whole, whole
from shareout.record.folder import is_journal
from shareout.stores.folder.store import FolderStore
from shareout.stores.nats.store import NatsStore

AT_ONCE = 200
"""Entries or pieces in one go: who serves has other things to look after."""
BEATS = 1_000


class Heard(NamedTuple):
    """What a host has said last: asked for at every look, and read once."""

    text: bytes
    at: float
    is_at_work: bool
    over: tuple[int, int]
    """Jobs, and those of them that failed, as far as it knows of all."""


class Mirror:
    """Of one ledger."""

    def __init__(
        self,
        net: NatsStore,
        home: FolderStore,
        learn: Callable[[str, bytes], None],
        own: Path,
        *,
        has_logs: bool = True,
    ) -> None:
        """`learn` is told each key with its text, in the order in which they were put. `own`: where run directories of
        this very host are: what lies there already must not be found twice. `has_logs`: what jobs printed as well."""
        self._net, self._home, self._learn = net, home, learn
        self._own, self._has_logs = own, has_logs
        self._next = 1
        self._arrived = -1
        self._known: dict[tuple[str, str], int] = {}
        self._lengths: dict[tuple[str, str], int] = {}
        self._heard: dict[str, Heard] = {}

    def step(self) -> bool:
        """What is new, or a part of it: whether there may be more at once. Raises what stores do."""
        return self._entries() or self._files()

    def _entries(self) -> bool:
        for _ in range(AT_ONCE):
            found = self._net.entry_from(self._next)
            if found is None:
                return False
            number, key, text = found
            if key.startswith(f"{ASKS}/"):
                self._lay_list(text)
            # What no host of ours puts there is left out; where a lane's entry should be, it is told as damage.
            with suppress(ValueError, UsageError):
                # Told only when it stands here too: what is over is over for whoever looks at the folder.
                self._home.put(key, text)
            self._learn(key, text)
            self._next = number + 1
        return True

    def _lay_list(self, text: bytes) -> None:
        """What an ask is about, before it: a merge holds claims against that. The lines of a stream lie elsewhere."""
        try:
            facts = json.loads(text)
            name = name_of_list(str(facts["list"])) if facts["list"] and facts["verb"] != "feed" else ""
        except (ValueError, KeyError, TypeError):
            return
        if name:
            with suppress(ValueError, UsageError):
                ship_whole(self._home, COMMON, name, whole(self._net, COMMON, name))

    def _files(self) -> bool:
        arrived = self._net.arrived()
        if arrived == self._arrived:
            return False
        pieces = 0
        for file, count in sorted(self._net.growing().items()):
            if self._known.get(file) == count or (self._own / file[0] / file[1]).exists():
                continue
            if not (self._has_logs or is_journal(file[1])):
                continue
            with suppress(UsageError):
                # A name that is too long for a folder is nobody's of ours.
                while data := self._piece(file):
                    self._lengths[file] = self._home.ship(*file, self._lengths[file], data)
                    pieces += 1
                    if pieces >= AT_ONCE:
                        return True
            self._known[file] = count
        self._arrived = arrived
        return False

    def _piece(self, file: tuple[str, str]) -> bytes:
        if file not in self._lengths:
            # Of what an earlier process has written, the end may be of the right length and empty.
            self._lengths[file] = max(0, self._home.length(*file) - LONGEST_PIECE)
        return self._net.fetch(*file, self._lengths[file], LONGEST_PIECE)

    def beats(self) -> None:
        """How hosts are, as they say."""
        now = time.monotonic()
        for name, text in self._net.beats(BEATS).items():
            before = self._heard.get(name)
            if before is None or before.text != text:
                live = _live_of(text)
                self._heard[name] = Heard(text, now, live is not None, _counts_of(live))
                with suppress(ValueError, UsageError):
                    self._home.beat(name, _timed_here(text))

    def present(self, silent_s: float) -> list[str]:
        """Who runs something, or has not said that it ended, and was heard of in that time."""
        now = time.monotonic()
        return [name for name, one in self._heard.items() if one.is_at_work and now - one.at < silent_s]

    def over(self) -> tuple[int, int]:
        """How many jobs are over and how many of them failed, as whoever knows most says: advice, and newer than
        entries, which hosts put now and then."""
        return max((one.over for one in self._heard.values()), default=(0, 0))


def _counts_of(live: Mapping[str, Any] | None) -> tuple[int, int]:
    counts = live.get("counts") if live else None
    try:
        done, failed, skipped = (int(counts[name]) for name in ("done", "failed", "skipped")) if counts else (0, 0, 0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0, 0
    return done + failed + skipped, failed


def _live_of(text: bytes) -> dict[str, Any] | None:
    """What a host tells of its run; None when it says that it has none."""
    try:
        live = json.loads(text)["live"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return live if isinstance(live, dict) and live else None


def _timed_here(text: bytes) -> bytes:
    """By this host's clock, by which those who look judge how old it is."""
    live = _live_of(text)
    if live is None or "updated" not in live:
        return text
    facts = json.loads(text)
    facts["live"]["updated"] = time.time()
    made = json.dumps(facts).encode("ascii")
    return made if len(made) <= LONGEST_BEAT else text
