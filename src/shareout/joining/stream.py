"""The jobs of a stream as they come to this host: their lines go into a file, before any of them may be handed out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from shareout.errors import cannot_record
from shareout.ledger.asks.ask import Ask
from shareout.ledger.asks.asked import Asked
from shareout.pool import EngineCommand, Pool
from shareout.record.lines.claim import Seal, seal_line
from shareout.world import world

if TYPE_CHECKING:
    from shareout.pool.stream import StreamPool
    from shareout.record.writer import JournalWriter

Start = Callable[[Sequence[EngineCommand]], object]


class Stream:
    """Of one start: all that has come is taken anew from the ledger, which has it for ever."""

    def __init__(self, pool: StreamPool, path: Path, writer: JournalWriter, start: Start) -> None:
        """`start` runs what is to be run before the first job of this host."""
        self._pool, self._start = pool, start
        self._path = path
        self._writer = writer
        self._count = 0
        self._hash = blake3()
        self._file = world.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def hear(self, ask: Ask, before: Asked) -> None:
        """Each that is asked, in its order; `before`: to what those before it came."""
        if before.is_closed:
            return
        if ask.verb == "feed":
            self._take(ask)
        elif ask.verb == "engine":
            # Before any line: so nothing is reserved here that others would wait for meanwhile.
            if command := self._pool.take_once(ask.lines):
                self._start([command])
        elif ask.verb == "close":
            # So that journals alone prove that nothing is missing.
            self._writer.append(seal_line(Seal(self._count, self._hash.hexdigest())))

    def _take(self, ask: Ask) -> None:
        lines, sent = ask.lines, 0
        try:
            while sent < len(lines):
                sent += world.write(self._file, lines[sent:])
        except OSError as error:
            raise cannot_record(self._path, error, way_out="Make room, and join again.") from error
        self._hash.update(lines)
        self._count += ask.jobs


def stream_of(pool: Pool, path: Path, writer: JournalWriter, start: Start) -> Stream | None:
    """Where the jobs of that pool come while it is run; they are read from there from now on."""
    from shareout.pool.stream import StreamPool

    if not isinstance(pool, StreamPool):
        return None
    made = Stream(pool, path, writer, start)
    pool.read_from(path)
    return made
