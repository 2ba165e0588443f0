"""The server of `launch --serve`: a `serve` of this folder as a process of its own, which ends with the launch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from shareout.cli.options import Common
from shareout.cli.trip import OURS, RUNS, Trip
from shareout.entry import Entry, own_program
from shareout.errors import CannotStart
from shareout.launch.launcher import readable
from shareout.launch.tunnel import Server, port_of
from shareout.serving.home import Home, home_in
from shareout.serving.worker import Worker
from shareout.stores.nats.token import refuse_where_nothing_speaks

DEAD_S = 30.0
"""Who is silent for so long is taken over from: a link that goes silent is noticed and made anew in half of it."""
LOOK_S, END_S, AGAIN_S = 0.05, 20.0, 5.0


class LaunchServer:
    """One. What it tells stands in a file, for this launch has the terminal."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        """Ready when this comes back; CannotStart, with its own words, where it does not come up."""
        self._words, self._folder, self._told = words, folder, OURS / "serve.out"
        self._read = 0
        self._started = time.monotonic()
        self._worker = self._start()
        try:
            self.home = self._ready()
        except BaseException:
            self.end()
            raise

    @property
    def found(self) -> Server:
        """Where it is, and what it asks for."""
        return Server(self.home.port, self.home.token_file.read_bytes())

    def look(self, said: Callable[[str], None]) -> None:
        """Whenever there is time: what it complains of is told, and one that was killed is started anew. It keeps its
        port, so that hosts come back by themselves."""
        for line in self._news():
            said(line)
        if self._worker.code is not None and time.monotonic() - self._started >= AGAIN_S:
            said("shareout: the server has ended: it is started anew")
            self._started = time.monotonic()
            self._worker = self._start()

    def end(self) -> None:
        """What hosts have shipped until now is laid down first."""
        self._worker.stop()
        until = time.monotonic() + END_S
        while self._worker.code is None and time.monotonic() < until:
            time.sleep(LOOK_S)
        self._worker.end()
        self._told.unlink(missing_ok=True)

    def _start(self) -> Worker:
        OURS.mkdir(exist_ok=True)
        self._told.write_bytes(b"")
        self._read = 0
        self._before = _noted(self._folder)
        return Worker(self._words, self._told)

    def _ready(self) -> Home:
        while self._worker.code is None:
            if _noted(self._folder) != self._before and (home := home_in(self._folder)):
                # What it tells of the plan was told here.
                self._news()
                return home
            time.sleep(LOOK_S)
        said = [line.removeprefix("shareout: ") for line in self._news()] or ["the server has ended"]
        error = CannotStart(said[0], way_out=" ".join(said[1:]))
        error.exit_code = self._worker.code or CannotStart.exit_code
        raise error

    def _news(self) -> list[str]:
        said = self._told.read_bytes()
        end = said.rfind(b"\n") + 1
        lines, self._read = said[self._read : end], max(end, self._read)
        return readable(lines.decode("utf-8", "replace")).splitlines()


@contextmanager
def serving(trip: Trip, common: Common, entry: Entry | None) -> Iterator[LaunchServer]:
    """As long as this lasts."""
    refuse_where_nothing_speaks()
    server = LaunchServer(server_words(trip, common, entry, port=0), folder_of(trip))
    try:
        yield server
    finally:
        server.end()


def folder_of(trip: Trip) -> Path:
    """Where it has all that hosts tell it."""
    return RUNS / trip.ledger


def usual_port(trip: Trip) -> int:
    """For who types its command."""
    return port_of(trip.plan.hex, str(Path.cwd()))


def server_words(trip: Trip, common: Common, entry: Entry | None, *, port: int) -> list[str]:
    """Its command."""
    pool = [trip.pool] if trip.pool else []
    words = ["serve", *pool, "--port", str(port), "--keep", "--quiet", "--dead", f"{min(DEAD_S, trip.dead_s):g}s"]
    words += ["--expect", trip.plan.fingerprint, "--configs", str(common.configs), "--runs", str(RUNS)]
    return [*own_program(entry), *words]


def _noted(folder: Path) -> int:
    with suppress(OSError):
        return (folder / "address").stat().st_mtime_ns
    return 0
