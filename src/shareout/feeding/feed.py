"""`shareout.Feed`: a program gives jobs to a run that is served, and gets a future for each.

    with shareout.Feed("nats://home:4222", "token") as feed:
        futures = [feed.submit(f"work {n}") for n in range(1000)]
        print(futures[0].result().exit)

A thread speaks to the server: what was submitted meanwhile goes there as one block. Where the server is away it waits,
and nothing is given twice. When all is said, `end` closes the stream, and the run ends with its last job.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any

from shareout.errors import InputError, ShareoutError, UsageError
from shareout.ledger.asks.ask import ASKS, MOST_BYTES, MOST_LINES, Ask, feed_of, name_of_list, parse_ask
from shareout.ledger.store import COMMON, Away, ship_whole
from shareout.pool.stream.directives import StreamedDirectives, Wait
from shareout.pool.stream.index import indexed
from shareout.serving.results import Ended, Results, Told
from shareout.stores.nats.address import address_of
from shareout.stores.nats.opening import open_nats, secured
from shareout.stores.nats.token import read_token, refuse_where_nothing_speaks
from shareout.units import counted

LOOK_S, AGAIN_S = 1.0, 0.5
BACKLOG = 100_000
Submitted = tuple[bytes, Future["Ended"]]
"""A line, and who waits for what becomes of it."""
Job = str | Sequence[Any] | Mapping[str, Any]


class Feed:
    """One program's. All calls may come from any thread."""

    def __init__(self, address: str, token_file: str | Path | None = None, *, backlog: int = BACKLOG) -> None:
        """`token_file`: as `join --token-file`; without one the environment is asked. `submit` waits while so many jobs
        are not over."""
        refuse_where_nothing_speaks()
        file = None if token_file is None else str(token_file)
        token = read_token(file, os.environ, "Name the token's file, or set SHAREOUT_TOKEN.")
        self._store = open_nats(secured(address_of(address), token), None, token.source)
        self._most = max(1, backlog)
        self._changed = threading.Condition()
        self._queue: list[Submitted] = []
        self._running: dict[int, Submitted] = {}
        self._finished: list[Future[Ended]] = []
        self._asks, self._fed, self._is_closed = 0, 0, False
        self._ends, self._is_over = False, False
        self._lost: BaseException | None = None
        self._directives, self._line = StreamedDirectives("the lines"), 0
        self._behind: list[Future[Ended]] = []
        """Of lines, those that came after the last barrier."""
        self._wake_reader, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._results = Results(self._store, from_now=True)
        self._store.listen(files=True)
        self._thread = threading.Thread(target=self._work, name="shareout feed", daemon=True)
        self._thread.start()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.sync()
        self.close()

    def submit(self, job: Job) -> Future[Ended]:
        """A line of the stream: a command, or what the template of `serve` is filled from. What is no text is given as
        JSON, to a stream that is served with `--as jsonl`."""
        text = job if isinstance(job, str) else json.dumps(job)
        line = text.encode("utf-8", "surrogateescape")
        if b"\n" in line or not line.strip():
            raise ValueError(f"a job is one line: {text!r}")
        future: Future[Ended] = Future()
        with self._changed:
            self._changed.wait_for(lambda: self._lost or len(self._queue) + len(self._running) < self._most)
            if self._lost:
                raise self._lost
            if self._ends or self._is_over:
                raise RuntimeError("this feed has ended")
            self._queue.append((line, future))
            if len(self._queue) == 1:
                self._rouse()
        return future

    def map(self, jobs: Iterable[Job]) -> list[Future[Ended]]:
        """One for each, in their order."""
        return [self.submit(job) for job in jobs]

    def lines(self, lines: Iterable[str]) -> list[Future[Ended]]:
        """Those of a task file, with its directives, which hold for later calls too: a future for each job, in their
        order. At a BARRIER this waits for all that was submitted here; where a CHECK finds a failure it raises."""
        futures: list[Future[Ended]] = []
        for line in lines:
            self._line += 1
            for one in self._directives.line(self._line, line.rstrip("\r\n").encode("utf-8", "surrogateescape")):
                if isinstance(one, bytes):
                    futures.append(self.submit(one.decode("utf-8", "surrogateescape")))
                    self._behind.append(futures[-1])
                elif isinstance(one, Wait):
                    self._reach(one)
                else:
                    raise InputError(
                        "PERENGINE is for all hosts, and not a program's to say",
                        where=one.where,
                        way_out="Write it into what `serve -` or `serve --from` reads.",
                    )
        return futures

    def _reach(self, barrier: Wait) -> None:
        self.sync()
        behind, self._behind = self._behind, []
        failed = sum(one.result().state == "failed" for one in behind)
        if barrier.checks and failed:
            raise RuntimeError(f"{barrier.where}: {counted(failed, 'job')} before this barrier failed")

    def sync(self, futures: Iterable[Future[Ended]] | None = None) -> None:
        """Waits for these to be over; for all, where none are named."""
        if futures is None:
            with self._changed:
                self._changed.wait_for(lambda: self._lost or not (self._queue or self._running))
                if self._lost:
                    raise self._lost
        else:
            wait(list(futures))

    def wait_one(self) -> Future[Ended] | None:
        """The next that is over and was not given by this before; None where there is none, and none will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._lost or self._finished or not (self._queue or self._running))
            return self._finished.pop(0) if self._finished else None

    def end(self) -> None:
        """No more jobs come, from nobody: hosts leave when the last is over."""
        with self._changed:
            self._ends = True
            self._rouse()
            self._changed.wait_for(lambda: self._lost or self._is_closed)

    def close(self) -> None:
        """Lets go of the server; what was submitted goes on there."""
        with self._changed:
            self._is_over = True
            self._rouse()
        self._thread.join()
        self._store.close()
        os.close(self._wake_reader)
        os.close(self._wake)

    def _rouse(self) -> None:
        try:
            os.write(self._wake, b".")
        except BlockingIOError:
            return

    def _work(self) -> None:
        try:
            looked = 0.0
            while not (self._is_over and not self._queue):
                self._give()
                for file, at, data in self._store.news(LOOK_S, [self._wake_reader]):
                    self._hear(self._results.told(file, at, data))
                self._calm()
                if time.monotonic() - looked > LOOK_S:
                    self._hear(self._reached(lambda: list(self._results.looked_up())))
                    looked = time.monotonic()
        except (ShareoutError, Away, OSError, RuntimeError, ValueError) as error:
            self._fail(error)

    def _calm(self) -> None:
        import select

        if select.select([self._wake_reader], [], [], 0)[0]:
            os.read(self._wake_reader, 1 << 16)

    def _give(self) -> None:
        """All that was submitted by now, in blocks; then the end, where it was asked for."""
        while self._queue:
            with self._changed:
                block, size = 0, 0
                while block < min(len(self._queue), MOST_LINES) and size < MOST_BYTES:
                    size += len(self._queue[block][0])
                    block += 1
                given = self._queue[:block]
            ask, text = feed_of([line for line, _ in given], "feed", os.urandom(8).hex())
            self._reached(partial(ship_whole, self._store, COMMON, name_of_list(ask.list), text))
            first = self._ask(ask)
            with self._changed:
                del self._queue[:block]
                self._running |= {first + place: one for place, one in enumerate(given)}
        if self._ends and not self._is_closed:
            self._ask(Ask("close", "feed", os.urandom(8).hex()))
            with self._changed:
                self._changed.notify_all()

    def _ask(self, ask: Ask) -> int:
        """Behind all that were asked. How many jobs had come before it."""
        while True:
            if self._is_closed and ask.verb == "feed":
                raise UsageError("the stream is closed: no more jobs are taken", way_out="Serve another one.")
            before, number = self._fed, self._asks + 1
            text = self._reached(partial(self._store.put, f"{ASKS}/{number}", ask.text()))
            stands = parse_ask(number, text)
            self._asks = number
            self._is_closed = self._is_closed or stands.verb == "close"
            if stands.verb == "feed":
                self._fed += stands.jobs
            if text == ask.text():
                return before

    def _hear(self, told: Iterable[Told]) -> None:
        ended = []
        with self._changed:
            for machine, one in told:
                if submitted := self._running.pop(one.job, None):
                    line, future = submitted
                    given = indexed(line.decode("utf-8", "surrogateescape"))[0]
                    ended.append((future, Ended.of(machine, one, given)))
                    self._finished.append(future)
            if ended:
                self._changed.notify_all()
        for future, outcome in ended:
            future.set_result(outcome)

    def _reached(self, call: Callable[[], Any]) -> Any:
        """Also where the server is away for a while."""
        while True:
            try:
                return call()
            except Away:
                if self._is_over:
                    raise
                time.sleep(AGAIN_S)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._lost = error if isinstance(error, ShareoutError) else RuntimeError(f"the feed has ended: {error}")
            left = [future for _, future in (*self._running.values(), *self._queue)]
            self._queue, self._running = [], {}
            self._changed.notify_all()
        for future in left:
            future.set_exception(self._lost)
