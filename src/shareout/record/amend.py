"""What a person adds to journals afterwards, in one of its own: requeue and skip. Nothing is taken away; a record says
what counts now.

The caller holds no lock: each call takes the run directory's own, so that nothing is added while a run goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from shareout.fields import replace
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
LOT = 10_000
"""Records a write."""


def refuse_busy(folders: Sequence[RunFolder]) -> None:
    """Before anything is changed: a run would not hear of it, and what it does meanwhile would be judged wrongly."""
    for folder in folders:
        refuse_owned(folder)


def requeue(
    folder: RunFolder, header: Header, states: Collection[int], jobs: Collection[int] | None, ids_at: IdsAt | None
) -> list[int]:
    """What has come to one of these states is to do again: all of it, or the named jobs. Their ids."""
    lock = Lock(folder)
    try:
        tally = tally_of(folder, header, ids_at)
        found = {one.position: one.job for one in _ended(folder, tally, states) if jobs is None or one.job in jobs}
        _append(folder, header, (_record(job, at, tally, State.REQUEUED) for at, job in found.items()))
        return sorted(found.values())
    finally:
        lock.release()


def skip(folder: RunFolder, header: Header, jobs: Sequence[tuple[int, int]], ids_at: IdsAt | None) -> list[int]:
    """These (job, position), unless they are done, are never to be run. Those that now are not."""
    lock = Lock(folder)
    try:
        tally = tally_of(folder, header, ids_at)
        left = [(job, at) for job, at in jobs if tally.state(at) not in (DONE, SKIPPED)]
        _append(folder, header, (_record(job, at, tally, State.SKIPPED) for job, at in left))
        return [job for job, _ in left]
    finally:
        lock.release()


def _ended(folder: RunFolder, tally: Tally, states: Collection[int]) -> Iterator[Attempt]:
    if not any(tally.counts[state] for state in states):
        return
    # The tally knows states by positions and no ids: which jobs these are, their records say.
    for path in folder.journals():
        for one in JournalReader(path).attempts():
            if tally.state(one.position) in states:
                yield one


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
