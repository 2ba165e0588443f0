"""One range of ids: its records → a row for every job that is done, and what became of the others."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from shareout.fields import dataclass, field, replace
from shareout.merge.gather import Journal, NeedsMore
from shareout.merge.proof.audit import Comparison
from shareout.merge.proof.choose_record import Record, Verdict, settle
from shareout.merge.spool import Plains
from shareout.record.journal import parse
from shareout.record.outcome import Attempt, State, Stream, imprint_on

BLOCK_SHIFT = 16
"""Rows are written, and certified, in blocks of 65,536 ids: however they came to be."""

Meta = tuple[int, bytes]
"""Which journal a row is of, and `end slot start [attempt [imprint]]` as text: an imprint as the journal has it."""


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one block in pool order, each `job TAB result`; metas, when they were asked for, beside them."""

    number: int
    rows: list[bytes]
    text: bytes
    """All rows, each with its LF."""
    metas: Sequence[Meta | None]
    beside: Sequence[Sequence[Any]] = ()
    """What else stands in the rows of a table: of each of the sheets beside that of the results a value a row."""


@dataclass(slots=True)
class Outcomes:
    """What became of the jobs of one partition."""

    base: int
    width: int
    rows: list[bytes | None]
    metas: list[Meta | None]
    places: Sequence[int]
    """The ids behind rows: a range when the partition is dense, else those that have records."""
    failed: list[Record] = field(default_factory=list)
    skipped: list[Record] = field(default_factory=list)
    twice: int = 0
    taken: int = 0
    """Of these, taken over from a machine that was silent."""
    disagreements: list[tuple[int, tuple[Record, ...]]] = field(default_factory=list)
    comparison: Comparison = field(default_factory=Comparison)
    done: int = 0
    prints_differ: list[int] = field(default_factory=list)
    """Jobs that were done twice and printed different things."""
    of_journals: Counter[int] = field(default_factory=Counter)
    """How many rows are of which journal."""

    def blocks(self) -> Iterator[Block]:
        """Every block that has a row."""
        first, places = 0, self.places
        while first < len(places):
            number = places[first] >> BLOCK_SHIFT
            after = (number + 1) << BLOCK_SHIFT
            if isinstance(places, range):
                stop = min(len(places), first + after - places[first])
            else:
                stop = next((at for at in range(first, len(places)) if places[at] >= after), len(places))
            rows = [row for row in self.rows[first:stop] if row is not None]
            if rows:
                metas = [meta for meta in self.metas[first:stop] if meta is not None]
                yield Block(number, rows, b"\n".join(rows) + b"\n", metas)
            first = stop

    def unfinished(self) -> tuple[array[int], array[int]]:
        """The ids that are missing, and those that failed, as start, stop, start, stop …"""
        failed = sorted(job_of(record) for record in self.failed)
        if self.done == self.width:
            return array("Q"), array("Q")
        held = [place for place, row in zip(self.places, self.rows, strict=True) if row is not None]
        held += failed + [job_of(record) for record in self.skipped]
        held.sort()
        missing = array("Q")
        expected = self.base
        for job in [*held, self.base + self.width]:
            if job > expected:
                missing.extend((expected, job))
            expected = job + 1
        return missing, as_ranges(failed)


def job_of(record: Record) -> int:
    """A record that is not done has its journal line as payload: `{"job":314,…`."""
    return int(record.payload[7 : record.payload.index(b",")])


def told(record: Record) -> str:
    """How a job ended: its result (a command's exit status), or that it failed, and how."""
    if record.state is State.DONE:
        return record.payload.split(b"\t", 1)[1].decode("ascii", "backslashreplace")
    attempt = parse(record.payload)
    assert isinstance(attempt, Attempt)
    return f"failed: {attempt.error or attempt.signal or attempt.exit}"


def resolve(
    journals: Sequence[Journal],
    plains: Sequence[Plains],
    odd: Sequence[tuple[int, bytes]],
    base: int,
    width: int,
    *,
    meta: bool,
) -> Outcomes:
    """All records of a partition, laid out by id; only jobs that more than one record speaks of are judged."""
    held = sum(len(one.ids) for one in plains)
    odd_records = [_odd_record(journals[journal], line) for journal, line in odd]
    # Few records among many ids, as of a grid of 10^12 of which a corner has run: a list of all ids would not fit.
    if width > 8 * held + (1 << BLOCK_SHIFT):
        known = {job for one in plains for job in one.ids} | {job for job, _ in odd_records}
        made = _empty(base, width, sorted(known), meta=meta)
    else:
        made = _empty(base, width, range(base, base + width), meta=meta)
    index = _index(made.places)
    for one in plains:
        _place(made, one, index, meta=meta)
    made.done = len(made.rows) - made.rows.count(None)
    # Fewer rows than records: two met at one place. To count is the only look that costs nothing where none did, as
    # almost always; which they were is asked then.
    if odd_records or made.done < held:
        _judge(made, journals, plains, odd_records, index, meta=meta)
        made.done = len(made.rows) - made.rows.count(None)
    return made


def _empty(base: int, width: int, places: Sequence[int], *, meta: bool) -> Outcomes:
    return Outcomes(base, width, [None] * len(places), [None] * len(places) if meta else [], places)


def _index(places: Sequence[int]) -> dict[int, int] | None:
    """None when an id's place is its distance from the base."""
    return None if isinstance(places, range) else {job: at for at, job in enumerate(places)}


def _place(made: Outcomes, one: Plains, index: dict[int, int] | None, *, meta: bool) -> None:
    # Who comes later overwrites, and nobody asks who was there: of a job that is met twice `_judge` takes the place
    # back.
    slots, base = made.rows, made.base
    made.of_journals[one.journal] += len(one.rows)
    if meta:
        for job, extra in zip(one.ids, one.extras.split(b"\n"), strict=True):
            made.metas[job - base if index is None else index[job]] = one.journal, extra
    if index is None:
        for job, row in zip(one.ids, one.rows, strict=True):
            slots[job - base] = row
    else:
        for job, row in zip(one.ids, one.rows, strict=True):
            slots[index[job]] = row


def _judge(
    made: Outcomes,
    journals: Sequence[Journal],
    plains: Sequence[Plains],
    odd: Sequence[tuple[int, Record]],
    index: dict[int, int] | None,
    *,
    meta: bool,
) -> None:
    """Settle every job that has an odd record, or more than one plain one."""
    affected: dict[int, list[Record]] = {job: [] for job in (*(job for job, _ in odd), *_met_twice(plains))}
    for job, record in odd:
        affected[job].append(record)
    # `lean` left the times out. To choose without them would take the record that was read first, and another one
    # when the directories are named in another order.
    if any(not one.extras and not affected.keys().isdisjoint(one.ids) for one in plains):
        raise NeedsMore
    for one in plains:
        if one.extras:
            made.of_journals[one.journal] -= _collect(affected, one, journals[one.journal])
    for job, records in sorted(affected.items()):
        at = job - made.base if index is None else index[job]
        _enter(made, at, job, _settled(journals, job, records), meta=meta)


def _settled(journals: Sequence[Journal], job: int, records: Sequence[Record]) -> Verdict:
    verdict = settle(records)
    if len(verdict.done) > 1 and any(journals[one.journal].took(job) for one in verdict.done):
        return replace(verdict, is_taken=True)
    return verdict


def _met_twice(plains: Sequence[Plains]) -> set[int]:
    """Jobs of which more than one plain record speaks."""
    seen: set[int] = set()
    twice: set[int] = set()
    for one in plains:
        for job in one.ids:
            if job in seen:
                twice.add(job)
            seen.add(job)
    return twice


def _collect(affected: dict[int, list[Record]], one: Plains, journal: Journal) -> int:
    """How many there were."""
    count = 0
    for job, extra, row in zip(one.ids, one.extras.split(b"\n"), one.rows, strict=True):
        if job in affected:
            affected[job].append(_plain_record(journal, extra, row))
            count += 1
    return count


def _enter(made: Outcomes, at: int, job: int, verdict: Verdict, *, meta: bool) -> None:
    """A verdict takes the place of what was laid out: a row for a job that is done, none for any other."""
    counted = verdict.counted
    _note_doubles(made, job, verdict)
    row, place = None, None
    if counted is not None and counted.state is State.DONE:
        row, place = counted.payload, (counted.journal, counted.extra)
        made.of_journals[counted.journal] += 1
    elif counted is not None:
        (made.failed if counted.state is State.FAILED else made.skipped).append(counted)
    made.rows[at] = row
    if meta:
        made.metas[at] = place


def _note_doubles(made: Outcomes, job: int, verdict: Verdict) -> None:
    """What is to tell of a job that more than one attempt has ended."""
    made.twice += verdict.is_twice
    made.taken += verdict.is_taken
    if (len(verdict.done) > 1 and not verdict.is_taken) or verdict.failed_alone:
        said = [(record.machine, record.meaning) for record in verdict.done]
        made.comparison.add(said, verdict.failed_alone)
    if len({imprints_in(record.extra) for record in verdict.done}) > 1:
        made.prints_differ.append(job)
    if verdict.differs:
        made.disagreements.append((job, (*verdict.done, *verdict.parted)))


def _plain_record(journal: Journal, extra: bytes, row: bytes) -> Record:
    header = journal.header
    return Record(
        journal.number,
        header.machine,
        origin=header.origin,
        state=State.DONE,
        attempt=1,
        end=float(extra[:17]),
        payload=row,
        extra=extra,
        is_adopted=bool(header.whence),
    )


def _odd_record(journal: Journal, line: bytes) -> tuple[int, Record]:
    attempt, header = parse(line), journal.header
    assert isinstance(attempt, Attempt)
    is_audit = header.audits(attempt.position)
    payload = line
    if attempt.state is State.DONE:
        at = line.find(b'"result":')
        # Cut out as it stands, and not encoded anew: rows and certificates are over the bytes that the journal holds.
        result = line[at + 9 : -18] if at >= 0 else str(attempt.exit).encode()
        payload = b"%d\t%b" % (attempt.job, result)
    extra = extra_of(attempt)
    record = Record(
        journal.number,
        header.machine,
        origin=header.origin,
        state=attempt.state,
        attempt=attempt.attempt,
        end=attempt.end,
        payload=payload,
        extra=extra,
        is_audit=is_audit,
        is_adopted=bool(header.whence),
    )
    return attempt.job, record


def extra_of(attempt: Attempt) -> bytes:
    """What is kept of it beside its result."""
    imprints = ",".join(
        f'"{stream}":[{imprint.size},"{imprint.hash}"]' for stream in Stream if (imprint := imprint_on(attempt, stream))
    )
    told = f"{attempt.end:.6f} {attempt.slot} {attempt.start:.6f} {attempt.attempt}"
    return f"{told} {imprints}".encode() if imprints else told.encode()


def imprints_in(extra: bytes) -> bytes:
    """What `extra_of` says of what was printed; nothing where that is nothing."""
    words = extra.split(b" ", 4)
    return words[4] if len(words) > 4 else b""


def as_ranges(ids: Sequence[int]) -> array[int]:
    """Ascending ids as start, stop, start, stop …"""
    made = array("Q")
    for job in ids:
        if made and made[-1] == job:
            made[-1] = job + 1
        else:
            made.extend((job, job + 1))
    return made
