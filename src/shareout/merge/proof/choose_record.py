"""What counts, where more than one record speaks of a job: pure, and the same in whatever order records come.

A requeue ends all that its machine recorded before it, in copies of the journal too (an older copy does not know
of it yet). Of what is left, done beats everything; of several that are done the first that finished counts, its
machine's own before an audit of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shareout.errors import RunDirectoryDamaged
from shareout.fields import dataclass
from shareout.record.belonging import WAY_OUT
from shareout.record.outcome import State
from shareout.record.values import decode


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt, as far as the choice between records needs it."""

    journal: int
    machine: str
    origin: str
    state: State
    attempt: int
    end: float
    payload: bytes
    """`job TAB result` when it is done, else the journal's line."""
    extra: bytes = b""
    is_audit: bool = False
    is_adopted: bool = False
    """It was copied from an earlier list: whoever did so, it is one attempt."""

    @property
    def meaning(self) -> bytes:
        """`job TAB result` of one that is done, alike for results that are: a dict has no order."""
        # Only dicts are read and written anew: to do so with every result would cost more than all else of the merge.
        if b"{" not in self.payload:
            return self.payload
        job = self.payload[: self.payload.index(b"\t")]
        return job + b"\t" + json.dumps(value_of(self.payload), sort_keys=True).encode("ascii")

    @property
    def source(self) -> tuple[str, str]:
        """Whose `requeue` ends it: that machine's, of that origin, in whatever copy of its journals."""
        return self.origin, self.machine

    @property
    def order(self) -> tuple[bool, float, str, str]:
        """Of several that are done the least counts: never by which file was read first."""
        return self.is_audit, self.end, self.machine, self.origin


def value_of(row: bytes) -> Any:
    """The result in `job TAB result`. Nobody has looked at it before: it costs more than all else of its line."""
    job, result = row.split(b"\t", 1)
    try:
        return decode(result)
    except (ValueError, RecursionError):
        raise RunDirectoryDamaged(
            f"the result that is recorded of job {job.decode()} is no JSON", way_out=WAY_OUT
        ) from None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a job. `counted` is None when it is still to do."""

    counted: Record | None
    is_twice: bool = False
    done: tuple[Record, ...] = ()
    """All that are done, of different attempts."""
    failed_alone: tuple[str, ...] = ()
    """Machines that failed at it, in an audit, where another one did not."""
    parted: tuple[Record, ...] = ()
    """Failures that copies of one journal tell of the very attempt that another copy tells as done."""
    is_taken: bool = False
    """One of its machines took it over from another, which was silent: that both did it is no wonder."""

    @property
    def differs(self) -> bool:
        """Whether records of the job contradict each other."""
        return bool(self.parted) or (not self.is_taken and len({record.meaning for record in self.done}) > 1)


# The first that finished and not the last: a job that is done once more must not change a table that somebody has
# worked with. And no refusal: a job that two machines did is an audit, or of a host that seemed lost, and no mistake of
# its user's.
def settle(records: Sequence[Record]) -> Verdict:
    """All records of one job → the one that counts."""
    # Source by source: a requeue ends what its own machine recorded, and nothing of what another found in an audit.
    left = [record for source in sorted({one.source for one in records}) for record in _current(records, source)]
    done = _distinct([record for record in left if record.state is State.DONE])
    if not done:
        return Verdict(max(left, key=lambda record: (record.end, record.machine), default=None))
    own = sum(not record.is_audit for record in done)
    return Verdict(done[0], own > 1, tuple(done), _failed_alone(left, done), _parted(left, done))


def _parted(left: Sequence[Record], done: Sequence[Record]) -> tuple[Record, ...]:
    """One machine ran on two hosts, or a copy was edited: no single journal tells both of one attempt."""
    ended = {(record.source, record.attempt) for record in done}
    failed = [record for record in left if record.state is State.FAILED]
    return tuple(record for record in failed if (record.source, record.attempt) in ended)


def _failed_alone(left: Sequence[Record], done: Sequence[Record]) -> tuple[str, ...]:
    if not any(record.is_audit for record in left):
        return ()
    failed = {record.machine for record in left if record.state is State.FAILED}
    return tuple(sorted(failed - {record.machine for record in done}))


def _current(records: Sequence[Record], source: tuple[str, str]) -> list[Record]:
    """What counts of one machine's records: all after its last requeue."""
    mine = [record for record in records if record.source == source]
    requeued = max(((one.attempt, one.end) for one in mine if one.state is State.REQUEUED), default=None)
    kept = [record for record in mine if record.state is not State.REQUEUED]
    if requeued is not None:
        # By attempt and time and not by place: several copies of a journal are read, in any order.
        kept = [record for record in kept if (record.attempt, record.end) > requeued]
    return kept


def _distinct(done: Sequence[Record]) -> list[Record]:
    """A copy of a journal tells nothing new: the same machine at the same moment is the same attempt."""
    seen: dict[tuple[str, str, int, float, bytes], Record] = {}
    for record in sorted(done, key=lambda one: one.order):
        # Machines that do not talk may all have adopted the same record: to them it is theirs, and it is one attempt.
        who = ("", "") if record.is_adopted else (record.machine, record.origin)
        key = (*who, record.attempt, record.end, record.payload)
        seen.setdefault(key, record)
    return list(seen.values())
