"""What hosts have recorded, as it arrives at the server: attempts that ended something, and what is told of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shareout.fields import dataclass
from shareout.ledger.store import LONGEST_PIECE
from shareout.record.folder import is_journal
from shareout.record.journal import BadLine, parse
from shareout.record.outcome import Attempt, Imprint, State
from shareout.stores.nats.store import NatsStore

File = tuple[str, str]
Told = tuple[str, Attempt]
"""By which host."""
ENDS = (State.DONE, State.FAILED, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a job that was submitted."""

    job: int
    """Its id: its place in the stream, from 0."""
    given: Any
    """Its line, or what its row says."""
    state: str
    """`done`, `failed` or `skipped`."""
    exit: int | None
    signal: str | None
    error: str | None
    attempt: int
    start: float
    """Seconds since 1970."""
    end: float
    machine: str = ""
    """The host that ran it."""
    slot: int = 0
    pid: int | None = None
    out: int = 0
    """Bytes that it printed; what they are `show` tells."""
    err: int = 0
    result: Any = None
    """Of a Python program's job what it returned."""

    @classmethod
    def of(cls, machine: str, one: Attempt, given: Any) -> Ended:
        """Told by that host."""
        return cls(
            one.job, given, one.state.value,
            exit=one.exit, signal=one.signal, error=one.error, attempt=one.attempt, start=one.start, end=one.end,
            machine=machine, slot=one.slot, pid=one.pid, out=_size(one.out), err=_size(one.err), result=one.result,
        )  # fmt: skip


def _size(printed: Imprint | None) -> int:
    return printed.size if printed else 0


class Results:
    """Of one ledger."""

    def __init__(self, store: NatsStore, *, from_now: bool) -> None:
        """`from_now`: what is there already is nobody's news."""
        self._store = store
        known = store.growing() if from_now else {}
        self._counts = {file: count for file, count in known.items() if is_journal(file[1])}
        self._read = {file: store.length(*file) for file in self._counts}
        self._torn: dict[File, bytes] = {}

    def told(self, file: File, at: int, data: bytes) -> Iterator[Told]:
        """A piece that was news. What does not follow on what is known is looked up later."""
        known = self._read.get(file, 0)
        if is_journal(file[1]) and at <= known < at + len(data):
            yield from self._take(file, data[known - at :])

    def looked_up(self) -> Iterator[Told]:
        """All that has come, a piece at a time: news may have been lost. Where the store is away in the middle of it,
        nothing of what was told before is told again."""
        for file, count in self._store.growing().items():
            if is_journal(file[1]) and self._counts.get(file) != count:
                while data := self._store.fetch(*file, self._read.get(file, 0), LONGEST_PIECE):
                    yield from self._take(file, data)
                self._counts[file] = count

    def _take(self, file: File, data: bytes) -> Iterator[Told]:
        self._read[file] = self._read.get(file, 0) + len(data)
        *lines, self._torn[file] = (self._torn.get(file, b"") + data).split(b"\n")
        for line in lines:
            try:
                record = parse(line)
            except BadLine:
                continue
            if isinstance(record, Attempt) and record.state in ENDS:
                yield file[0], record


class Ends:
    """How jobs ended that stand together, where somebody asks."""

    def __init__(self, store: NatsStore) -> None:
        self._store = store
        self._results: Results | None = None
        self._failed: set[int] = set()

    def failed(self, start: int, stop: int) -> int:
        """How many of these, which are all over. Of later calls the jobs come later."""
        # Made when it is asked for first, since most streams have nothing that asks.
        self._results = self._results or Results(self._store, from_now=False)
        for _, one in self._results.looked_up():
            if one.state is State.FAILED and one.job >= start:
                self._failed.add(one.job)
            elif one.state is State.DONE:
                self._failed.discard(one.job)
        self._failed = {job for job in self._failed if start <= job < stop}
        return len(self._failed)
