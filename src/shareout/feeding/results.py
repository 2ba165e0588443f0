"""What hosts have recorded, as it arrives at the server: attempts that ended something, each once."""

from __future__ import annotations

from collections.abc import Iterator

from shareout.ledger.store import LONGEST_PIECE
from shareout.record.folder import is_journal
from shareout.record.journal import BadLine, parse
from shareout.record.outcome import Attempt, State
from shareout.stores.nats.store import NatsStore

File = tuple[str, str]
ENDS = (State.DONE, State.FAILED, State.SKIPPED)


class Results:
    """From the moment on when it is made."""

    def __init__(self, store: NatsStore) -> None:
        self._store = store
        self._counts = {file: count for file, count in store.growing().items() if is_journal(file[1])}
        self._read = {file: store.length(*file) for file in self._counts}
        self._torn: dict[File, bytes] = {}

    def told(self, file: File, at: int, data: bytes) -> Iterator[Attempt]:
        """A piece that was news. What does not follow on what is known is looked up later."""
        known = self._read.get(file, 0)
        if is_journal(file[1]) and at <= known < at + len(data):
            yield from self._take(file, data[known - at :])

    def looked_up(self) -> Iterator[Attempt]:
        """All that has come: news may have been lost."""
        for file, count in self._store.growing().items():
            if is_journal(file[1]) and self._counts.get(file) != count:
                while data := self._store.fetch(*file, self._read.get(file, 0), LONGEST_PIECE):
                    yield from self._take(file, data)
                self._counts[file] = count

    def _take(self, file: File, data: bytes) -> Iterator[Attempt]:
        self._read[file] = self._read.get(file, 0) + len(data)
        *lines, self._torn[file] = (self._torn.get(file, b"") + data).split(b"\n")
        for line in lines:
            try:
                record = parse(line)
            except BadLine:
                continue
            if isinstance(record, Attempt) and record.state in ENDS:
                yield record
