"""Jobs that come while hosts work: lines of standard input, or of a command, go to the ledger block by block.

A block is an ask, whose lines lie beside it; so what has come has come for all, in one order, also where programs feed
the same stream. What is asked twice because an answer was lost stands once: until an ask is seen where it stands,
nothing else is asked. The lines that have come are laid down here in a file, for whoever looks at the run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from shareout.errors import UsageError
from shareout.ledger.asks.ask import (
    MOST_BYTES,
    MOST_LINES,
    Ask,
    engine_of,
    feed_of,
    name_of_list,
    parse_list,
    words,
)
from shareout.ledger.asks.asked import Asked
from shareout.ledger.store import COMMON, ship_whole, whole
from shareout.pool.stream import MOST, StreamPool
from shareout.pool.stream.directives import AtEach, Wait
from shareout.serving.results import Ends
from shareout.serving.source import Source
from shareout.stores.nats.store import NatsStore
from shareout.units import counted

SOON_S, LATE_S = 0.05, 1.0
"""So long lines are waited for that may come to the same block: not at all where nothing is left to do, and longer
where much is."""
MUCH = 10_000
AGAIN = "What a stream has comes again when it goes on, from its beginning. For other jobs say another --stream NAME."
FROM = "serve --from"
"""Who asks for a halt where that command has failed."""


class Stream:
    """Of one ledger. `state`: to what the asks that are known here come; `left`: how many jobs are not over."""

    def __init__(
        self,
        net: NatsStore,
        pool: StreamPool,
        source: Source | None,
        state: Callable[[], Asked],
        left: Callable[[], int],
    ) -> None:
        self._net, self._pool, self._source = net, pool, source
        self._state, self._left = state, left
        self._file = _begun(pool.lines)
        self._put: Ask | None = None
        self._lines: list[bytes] = []
        self._bytes = 0
        self._first = 0.0
        self._passed = 0
        """How many lines have come from the source, in all its life."""
        self._known = -1
        """So many had come when this began: they come again, and are passed over."""
        self._was_closed = False
        """When it began: what comes again is only looked at."""
        self._wait: Wait | None = None
        """The barrier before which it stands."""
        self._since = 0
        """The first job behind the barrier before that."""
        self._ends = Ends(net)
        self._once: list[bytes] = []
        """What hosts were asked to run once."""
        self._said = 0
        """How many of those have come from the source, in all its life."""

    def heard(self, ask: Ask, before: Asked, n: int) -> None:
        """Each ask, before it counts. Away where its lines cannot be read now: it is told again then."""
        if ask.verb == "feed" and not before.is_closed:
            self._file.write(self._lines_of(ask, n))
            self._file.flush()
        elif ask.verb == "engine":
            self._once.append(self._lines_of(ask, n))
        if self._put and ask.nonce == self._put.nonce:
            self._put = None

    def _lines_of(self, ask: Ask, n: int) -> bytes:
        if not ask.list:
            return ask.lines
        return parse_list(n, ask, whole(self._net, COMMON, name_of_list(ask.list))).lines

    @property
    def refusal(self) -> str:
        """Why the source ended badly, where it did."""
        halt = self._state().halt
        return halt.why if halt is not None and halt.by == FROM else ""

    @property
    def failed(self) -> bool:
        """The source ended badly, and all hosts know it."""
        halt = self._state().halt
        return halt is not None and halt.by == FROM

    def step(self) -> bool:
        """When all asks are known that stood a moment ago: asks for what comes next. Whether there may be more."""
        if self._known < 0:
            self._known, self._was_closed = self._state().fed, self._state().is_closed
            if self.failed:
                self._ask(Ask("resume", FROM, _nonce()))
        if self._put is None and self._source is not None:
            self._look(self._source)
        if self._put is None:
            return False
        self._net.put(f"asks/{self._state().n + 1}", self._put.text())
        return True

    def waits_for(self, seconds: float) -> tuple[float, list[int]]:
        """How long nothing is due, of so long, unless one of these handles is readable."""
        if self._lines:
            seconds = min(seconds, max(0.0, self._first + self._patience() - time.monotonic()))
        if self._wait:
            return min(seconds, SOON_S), []
        if self._source is None or self._source.is_ended or self._is_full():
            return seconds, []
        return seconds, [self._source.handle]

    def _look(self, source: Source) -> None:
        if self._state().is_closed and not self._was_closed:
            # By a program that gives jobs as well.
            self._source = None
            return
        while self._put is None and not self._is_full() and not self._waits() and (one := source.next()) is not None:
            if isinstance(one, bytes):
                self._take(one)
            elif isinstance(one, Wait):
                self._stop_at(one)
            else:
                self._ask_each(one)
        if self._put is None:
            self._ask_for_what_is_due(source)

    def _ask_for_what_is_due(self, source: Source) -> None:
        if self._lines and (source.is_ended or self._wait or self._is_full() or self._is_due()):
            self._ask_for_lines()
        elif source.is_ended and not self._lines and not self._wait:
            self._source = None
            code, is_open = source.code(), not self._state().is_closed
            if code and is_open:
                self._give_up(f"{source.name} ended with {code}")
            elif self._passed < self._known:
                raise UsageError(
                    f"the stream {self._pool.name} has {counted(self._known, 'job')}, and {self._passed} came again",
                    way_out=AGAIN,
                )
            elif is_open:
                self._ask(Ask("close", "serve", _nonce()))

    def _give_up(self, why: str) -> None:
        """All hosts are told."""
        self._source = None
        self._ask(Ask("halt", FROM, _nonce(), why=words(why)))

    def _stop_at(self, barrier: Wait) -> None:
        """What is to come behind it waits; where that has come already, it has been reached."""
        if self._passed < self._known:
            self._since = self._passed
        else:
            self._wait = barrier

    def _waits(self) -> bool:
        """Whether jobs that stand before a barrier are not over. Behind one that checks, all ends."""
        if self._wait is None:
            return False
        if self._lines or self._left():
            return True
        failed = self._ends.failed(self._since, self._passed) if self._wait.checks else 0
        if failed:
            self._give_up(f"{self._wait.where}: {counted(failed, 'job')} before this barrier failed")
            return True
        self._wait, self._since = None, self._passed
        return False

    def _ask_each(self, one: AtEach) -> None:
        """Of every host, also of those that come later."""
        facts = {"when": one.when, "text": one.command.text, "line": one.command.line, "theirs": one.command.theirs}
        ask, text = engine_of(facts, "serve", _nonce())
        self._said += 1
        if self._once[self._said - 1 : self._said] == [text]:
            return
        if self._said <= len(self._once) or self._known:
            raise UsageError(
                f"{one.where}: the stream {self._pool.name} has begun without this PERENGINE",
                way_out="What hosts run once stays as it was. For another one say another --stream NAME.",
            )
        ship_whole(self._net, COMMON, name_of_list(ask.list), text)
        self._ask(ask)

    def _take(self, line: bytes) -> None:
        at, self._passed = self._passed, self._passed + 1
        if at < self._known:
            self._refuse_another(at, line)
            return
        if self._was_closed:
            raise UsageError(
                f"the stream {self._pool.name} was closed with {counted(self._known, 'job')}, and more come",
                way_out=AGAIN,
            )
        if at >= MOST:
            raise UsageError(f"more than {MOST:,} jobs have come", way_out="Begin another stream for the rest.")
        if not self._lines:
            self._first = time.monotonic()
        self._lines.append(line)
        self._bytes += len(line) + 1

    def _refuse_another(self, at: int, line: bytes) -> None:
        known = self._pool.line(at)
        told = line.decode("utf-8", "surrogateescape")
        if known != told:
            raise UsageError(
                f"job {at} of the stream {self._pool.name} is {known[:60]!r}, and now {told[:60]!r} comes in its place",
                way_out=AGAIN,
            )

    def _is_full(self) -> bool:
        return len(self._lines) >= MOST_LINES or self._bytes >= MOST_BYTES

    def _is_due(self) -> bool:
        return time.monotonic() - self._first >= self._patience()

    def _patience(self) -> float:
        left = self._left()
        return 0.0 if not left else SOON_S if left < MUCH else LATE_S

    def _ask_for_lines(self) -> None:
        ask, text = feed_of(self._lines, "serve", _nonce())
        ship_whole(self._net, COMMON, name_of_list(ask.list), text)
        self._ask(ask)
        self._lines, self._bytes = [], 0

    def _ask(self, ask: Ask) -> None:
        self._put = ask

    def close(self) -> None:
        """What has come is on the disk."""
        with suppress(OSError):
            os.fsync(self._file.fileno())
        self._file.close()
        if self._source:
            self._source.close()


def _begun(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def _nonce() -> str:
    return os.urandom(8).hex()
