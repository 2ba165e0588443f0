"""What a person adds to journals afterwards, in one of its own: requeue and skip. Nothing is taken away; a record says
what counts now.

The caller holds no lock: each call takes the run directory's own, so that nothing is added while a run goes on.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Container, Iterator, Sequence
from itertools import islice

from shareout.fields import replace
from shareout.number_set import NumberSet
from shareout.record.belonging import IdsAt
from shareout.record.folder import RunFolder
from shareout.record.journal import AMENDED, Header, attempt_line
from shareout.record.lock import Lock, refuse_owned
from shareout.record.outcome import Attempt, State
from shareout.record.reader import JournalReader
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE, FAILED, SKIPPED
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter, session_now
from shareout.world import world

FINAL = (DONE, FAILED, SKIPPED)
MOST_SMALL = (1 << 32) - 1
LOT = 1_000
"""Records a write."""


def refuse_busy(folders: Sequence[RunFolder]) -> None:
    """Before anything is changed: a run would not hear of it, and what it does meanwhile would be judged wrongly."""
    for folder in folders:
        refuse_owned(folder)


def requeue(
    folder: RunFolder, header: Header, states: Collection[int], jobs: Container[int] | None, ids_at: IdsAt | None
) -> NumberSet:
    """What has come to one of these states is to do again: all of it, or the named jobs. Their ids."""
    lock = Lock(folder)
    try:
        tally = tally_of(folder, header, ids_at)
        found, again = Places(), NumberSet()
        # All is read before the first is written: what cannot be read leaves nothing half done.
        for job, at in _ended(folder, tally, states):
            if (jobs is None or job in jobs) and again.add(job):
                found.add(job, at)
        _append(folder, header, (_record(job, at, tally, State.REQUEUED) for job, at in found))
        return again
    finally:
        lock.release()


def skip(folder: RunFolder, header: Header, jobs: Places, ids_at: IdsAt | None) -> NumberSet:
    """These, unless they are done, are never to be run. Those that now are not."""
    lock = Lock(folder)
    try:
        tally = tally_of(folder, header, ids_at)
        left, skipped = Places(), NumberSet()
        for job, at in jobs:
            if tally.state(at) not in (DONE, SKIPPED) and skipped.add(job):
                left.add(job, at)
        _append(folder, header, (_record(job, at, tally, State.SKIPPED) for job, at in left))
        return skipped
    finally:
        lock.release()


class Places:
    """Jobs, each with its position; eight bytes or sixteen for both, for of a large pool all may be named."""

    def __init__(self) -> None:
        self._jobs, self._positions = array("I"), array("I")

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._jobs, self._positions, strict=True)

    def add(self, job: int, position: int) -> None:
        """One more."""
        if self._jobs.typecode == "I" and max(job, position) > MOST_SMALL:
            self._jobs, self._positions = array("Q", self._jobs), array("Q", self._positions)
        self._jobs.append(job)
        self._positions.append(position)


def _ended(folder: RunFolder, tally: Tally, states: Collection[int]) -> Iterator[tuple[int, int]]:
    if not any(tally.counts[state] for state in states):
        return
    # The tally knows states by positions and no ids: which jobs these are, their records say.
    for path in folder.journals():
        reader = JournalReader(path)
        for chunk in reader.chunks():
            for (offset, line), plain in zip(chunk.located(), chunk.plain, strict=True):
                if plain[0]:
                    job, at = int(plain[0]), int(plain[1])
                elif isinstance(record := reader.record_of(chunk, offset, line), Attempt):
                    job, at = record.job, record.position
                else:
                    continue
                if tally.state(at) in states:
                    yield job, at


def _record(job: int, position: int, tally: Tally, state: State) -> Attempt:
    now = world.time()
    return Attempt(job, position, max(1, tally.attempts_of(position)), state=state, start=now, end=now, slot=0)


def _append(folder: RunFolder, header: Header, records: Iterator[Attempt]) -> None:
    # In lots: of a large pool all may be named.
    lot = list(islice(records, LOT))
    if not lot:
        return
    # In a journal of its own, for another's may end in a torn line, and what is put behind that is lost with it.
    writer = JournalWriter(folder, replace(header, start=session_now("start", AMENDED)))
    try:
        while lot:
            writer.append(b"".join(map(attempt_line, lot)))
            lot = list(islice(records, LOT))
        writer.end(AMENDED)
        writer.sync()
    finally:
        writer.close()
