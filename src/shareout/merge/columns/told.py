"""Which jobs have a row in a table: those that are done, and, where they are asked for, that failed or are missing."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

from shareout.fields import dataclass
from shareout.merge.columns.asked import Rows
from shareout.merge.partition import BLOCK_SHIFT, Block, Meta, Outcomes, extra_of, job_of
from shareout.merge.proof.choose_record import Record
from shareout.record.journal import parse
from shareout.record.outcome import Attempt

State = tuple[str, str | None]
"""How it stands with a job, and the error where it failed."""
_DONE: State = (Rows.DONE.value, None)
_MISSING: State = (Rows.MISSING.value, None)


@dataclass(slots=True)
class Told:
    """The rows of one block."""

    number: int
    jobs: list[int]
    rows: list[bytes]
    metas: Sequence[Meta | None]
    states: list[State]

    def part(self, start: int, stop: int) -> Told:
        """Some of its rows."""
        cut = slice(start, stop)
        return Told(self.number, self.jobs[cut], self.rows[cut], self.metas[cut], self.states[cut])


def told_blocks(outcomes: Outcomes, blocks: Iterable[Block], rows: Sequence[Rows]) -> Iterator[Told]:
    """Those that have a row, in order."""
    if tuple(rows) == (Rows.DONE,):
        yield from map(_of_done, blocks)
        return
    failed: defaultdict[int, list[Record]] = defaultdict(list)
    for record in outcomes.failed if Rows.FAILED in rows else ():
        failed[job_of(record) >> BLOCK_SHIFT].append(record)
    missing = _Missing(outcomes.unfinished()[0] if Rows.MISSING in rows else ())
    done = {block.number: block for block in blocks} if Rows.DONE in rows else {}
    last = -1
    for number in merge(sorted({*done, *failed}), missing.blocks()):
        if number != last:
            yield _joined(number, done.get(number), failed.get(number, ()), missing.within(number))
        last = number


def _of_done(block: Block) -> Told:
    count = len(block.rows)
    # A tab parts an id from its result, and no JSON has one as it is.
    jobs = list(map(int, block.text.replace(b"\n", b"\t").split(b"\t")[:-1:2]))
    return Told(block.number, jobs, block.rows, block.metas or [None] * count, [_DONE] * count)


class _Missing:
    """Ids in stretches: of a great pool of which little has run they are too many to list."""

    def __init__(self, flat: Sequence[int]) -> None:
        self._starts, self._stops = list(flat[0::2]), list(flat[1::2])

    def blocks(self) -> Iterator[int]:
        """The blocks that they are in, in order."""
        last = -1
        for start, stop in zip(self._starts, self._stops, strict=True):
            first = max(last + 1, start >> BLOCK_SHIFT)
            last = max(last, (stop - 1) >> BLOCK_SHIFT)
            yield from range(first, last + 1)

    def within(self, number: int) -> Iterator[int]:
        """Those in one block."""
        low, high = number << BLOCK_SHIFT, (number + 1) << BLOCK_SHIFT
        at = max(0, bisect_left(self._starts, low) - 1)
        while at < len(self._starts) and self._starts[at] < high:
            yield from range(max(low, self._starts[at]), min(high, self._stops[at]))
            at += 1


def _joined(number: int, done: Block | None, failed: Sequence[Record], missing: Iterator[int]) -> Told:
    found: list[tuple[int, bytes, Meta | None, State]] = []
    if done is not None:
        known = _of_done(done)
        found += zip(known.jobs, known.rows, known.metas, known.states, strict=True)
    for record in failed:
        attempt = parse(record.payload)
        assert isinstance(attempt, Attempt)
        result = b"%d\t%b" % (attempt.job, b"null" if attempt.exit is None else b"%d" % attempt.exit)
        error = attempt.error or attempt.signal or attempt.cause.value
        found.append((attempt.job, result, (record.journal, extra_of(attempt)), (Rows.FAILED.value, error)))
    found += [(job, b"%d\tnull" % job, None, _MISSING) for job in missing]
    found.sort(key=lambda one: one[0])
    return Told(
        number,
        [one[0] for one in found],
        [one[1] for one in found],
        metas=[one[2] for one in found],
        states=[one[3] for one in found],
    )
