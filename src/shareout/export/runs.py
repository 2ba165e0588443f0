"""What there is to export: run directories of one plan, and its pool."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from shareout.fields import dataclass, replace
from shareout.plan.plan import Plan
from shareout.pool import Row
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.outcome import Attempt, State
from shareout.record.reader import JournalReader, incarnations_of
from shareout.status.jobs import MOST_HELD, SKIPPED, JobStates

Ending = tuple[float, Header, str, Attempt]
FINAL = (State.DONE, State.FAILED)
# No verdict waits longer.
JUDGED_S = 2.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that was run to its end, by the attempt that counts."""

    row: Row
    """`text` is the command line, template and all."""
    attempt: Attempt
    machine: str
    host: str
    """Where that machine ran."""


@dataclass(slots=True)
class Runs:
    """Everything that a format may ask for. Reading is streaming: a few bytes a job are held, never its text."""

    plan: Plan
    folders: Sequence[RunFolder]
    states: JobStates
    said: Callable[[str], None]
    """Where oddities are told."""
    header: bool = False
    """Whether a head line is wanted, where the format has one that may be left out."""

    def row(self, job: int) -> Row:
        """A job with its command line."""
        row = self.plan.pool.row(job)
        is_command = any(header.kind == "command" for header in self.states.headers)
        text = self.plan.pool.command(job) if is_command else row.text
        return replace(row, text=text)

    def ended(self) -> Iterator[Ended]:
        """Each job that is done or failed once, in the order in which they ended on all machines."""
        told = Told(self.states.total)
        endings = (_in_order(self._endings(at)) for at in range(len(self.folders)))
        for _, header, host, attempt in heapq.merge(*endings, key=itemgetter(0)):
            if self.counts(attempt, header.machine) and told.is_new(attempt.job):
                yield Ended(self.row(attempt.job), attempt, header.machine, host)

    def counts(self, attempt: Attempt, machine: str) -> bool:
        """Whether it is the one that decides what became of its job."""
        state = self.states.state(attempt.job)
        return (state.machine, state.attempt) == (machine, attempt.attempt) and state.state != SKIPPED

    def _endings(self, at: int) -> Iterator[Ending]:
        """What one run directory tells of attempts that may be the last."""
        for one in incarnations_of(self.folders[at]):
            host = one.header.start.host or one.header.machine
            for record in JournalReader(one.path).attempts():
                if record.state in FINAL:
                    yield record.end, one.header, host, record


def _in_order(endings: Iterator[Ending]) -> Iterator[Ending]:
    """By when they ended. A journal has them as they were judged, and the verdict of a failure waits for a moment."""
    held: list[tuple[float, int, Ending]] = []
    for number, one in enumerate(endings):
        heapq.heappush(held, (one[0], number, one))
        # Not sorted: only what ended within a verdict's wait of each other can stand in the wrong order, so a few are
        # held, and not ten million.
        while held[0][0] < one[0] - JUDGED_S:
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]


class Told:
    """Which jobs were told already, in a byte a job; in a set where ids are too many for that."""

    def __init__(self, total: int) -> None:
        self._bytes = bytearray(total if total <= MOST_HELD else 0)
        self._set: set[int] = set()

    def is_new(self, job: int) -> bool:
        """True once."""
        if job < len(self._bytes):
            new = not self._bytes[job]
            self._bytes[job] = 1
            return new
        new = job not in self._set
        self._set.add(job)
        return new
