"""Journals → a spool: every undamaged record, checked to be its machine's own, in pieces that processes share.

The common line, a first try that is done, is taken a chunk at a time by one regular expression and one map of
checksums; whatever is not so plain goes line by line. Where the tally proves a journal to be what was written,
checksums are not computed again.
"""

from __future__ import annotations

import re
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any
from zlib import crc32

from shareout.fields import dataclass
from shareout.merge.patterns import pattern, proven_pattern
from shareout.merge.spool import SpoolWriter
from shareout.plan.permutation import Permutations
from shareout.ranges import Range, is_in
from shareout.record.belonging import Belonging
from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, Header, Line, parse
from shareout.record.lines.claim import Claim
from shareout.record.outcome import Attempt, State
from shareout.record.proof import Proof
from shareout.record.reader import Damage, JournalReader

CHUNK = 1 << 18
# So much is one turn of a process: small enough for all to end at about the same time.
PIECE = 1 << 24
_job_of = itemgetter(0)
_FIRST = re.compile(rb'\{"job":\d+,"pos":(\d+)\d{5},[^\n]*,"(?:result|exit)":([^\n]*),"crc"')
_IMPRINT = re.compile(rb'"(?:out|err)":\[[^\]]*\](?:,"err":\[[^\]]*\])?')


class NeedsMore(Exception):
    """What was not gathered is needed after all: the times that decide between two records of a job, or the imprints
    of what jobs have printed."""


@dataclass(frozen=True, slots=True)
class Journal:
    """One journal of a merge."""

    number: int
    folder: RunFolder
    path: Path
    header: Header
    start: int
    """Where the header ends."""
    size: int
    proof: Proof
    belonging: Belonging
    own: Sequence[Range]
    """The positions that are its machine's own, and no audit."""
    claims: Sequence[Claim] = ()
    """What it took of what hosts share, in its order."""

    def took(self, job: int) -> bool:
        """Whether its machine took this job over from a silent one. What is shared has its own ids."""
        header = self.header
        if not header.taken or header.ancestors:
            return False
        phases = header.phases or (0,)
        number = bisect_right(phases, job) - 1
        permutation = _permutations(header.origin, header.jobs, phases, header.order)[number]
        return is_in(phases[number] + permutation.position_of(job - phases[number]), header.taken)


@cache
def _permutations(origin: str, jobs: int, phases: tuple[int, ...], order: str) -> Permutations:
    sizes = [stop - start for start, stop in pairwise([*phases, jobs])]
    return Permutations(bytes.fromhex(origin), sizes, order)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a journal that begins and ends with whole lines (only a torn tail has no newline)."""

    number: int
    journal: Journal
    start: int
    stop: int


def pieces_of(journals: Sequence[Journal]) -> list[Piece]:
    """Journals cut into stretches that take about as long."""
    made: list[Piece] = []
    for journal in journals:
        start = journal.start
        with journal.path.open("rb") as file:
            while start < journal.size:
                # No piece reaches over the end of what is proven: before it no checksum is computed, behind it every
                # one.
                stop = journal.proof.good if start < journal.proof.good < start + PIECE else start + PIECE
                if stop < journal.size and stop != journal.proof.good:
                    file.seek(stop)
                    stop += len(file.readline())
                stop = min(stop, journal.size)
                made.append(Piece(len(made), journal, start, stop))
                start = stop
    return made


class _Patterns:
    """The patterns for one piece: the fast one for where the positions are at, and the general one."""

    def __init__(self, piece: Piece, *, lean: bool) -> None:
        header = piece.journal.header
        self._ranges = piece.journal.own
        self._proven = piece.stop <= piece.journal.proof.good
        self._make = partial(proven_pattern, header.kind, lean=lean)
        self.single = pattern(header.kind, lean=lean)
        self.general = self._make() if self._proven else self.single
        self._made: dict[tuple[bytes, bool], re.Pattern[bytes] | None] = {}

    def columns(self, chunk: bytes, count: int) -> tuple[list[Sequence[bytes]] | None, bool]:
        """The groups of all lines but sums; None when a line is not plain or not whole. And whether they are known to
        belong where they stand: then positions are no group."""
        fast = self._fast_for(chunk) if self._proven else None
        if fast is not None:
            columns = _columns(fast, chunk, count, proven=True)
            if columns is not None:
                return columns, True
        return _columns(self.general, chunk, count, proven=self._proven), False

    def pairs(self, chunk: bytes, count: int) -> list[tuple[bytes, bytes]] | None:
        """Job and result of all lines of a lean, proven chunk that are plain and surely this machine's own."""
        fast = self._fast_for(chunk) if self._proven else None
        if fast is None:
            return None
        found: list[tuple[bytes, bytes]] = fast.findall(chunk)
        return found if found and len(found) == count else None

    def _fast_for(self, chunk: bytes) -> re.Pattern[bytes] | None:
        """Made for lines that are like the chunk's first one."""
        first = _FIRST.match(chunk)
        if first is None:
            return None
        like = first[1], b'"' in first[2]
        if like not in self._made:
            low = int(first[1]) * 100_000
            # Of positions that begin alike all are its own, or they are looked at one by one: so a whole chunk belongs
            # where it stands without a single position having been made a number.
            own = any(start <= low and low + 99_999 < stop for start, stop in self._ranges)
            fast = self._make(leading=like[0], has_text=like[1]) if own else None
            # Only the last one is kept: positions go on, and do not come back.
            self._made = {like: fast}
        return self._made[like]


class Gatherer:
    """Reads pieces into one spool."""

    def __init__(self, spool: SpoolWriter, *, lean: bool) -> None:
        self._spool = spool
        self._lean = lean
        self.facts: list[dict[str, Any]] = []
        self._rows = 0
        self._misplaced: list[int] = []

    def read(self, piece: Piece) -> None:
        """All records of a piece; what is to tell about it goes to `facts`."""
        journal = piece.journal
        patterns = _Patterns(piece, lean=self._lean)
        self._rows = 0
        self._misplaced = []
        lines, offset = 0, piece.start
        damage: list[list[Any]] = []
        for chunk in _chunks(piece):
            count = chunk.count(b"\n")
            # A result may hold these bytes, too: then all is gathered, and nothing is wrong.
            if self._lean and (b'"out":[' in chunk or b'"err":[' in chunk):
                raise NeedsMore
            if not self._lean or not self._quick(journal, patterns, chunk, count):
                columns, is_own = patterns.columns(chunk, count)
                if columns is None or not self._plain(journal, columns, is_own=is_own):
                    damage += self._careful(journal, patterns.single, chunk, offset, lines)
                    # One line that is not this machine's is enough: the merge is refused with its place, and reads no
                    # further.
                    if self._misplaced:
                        break
            lines += count
            offset += len(chunk)
        self._spool.flush(journal.number)
        self.facts.append(
            {
                "piece": piece.number,
                "lines": lines,
                "damage": damage,
                "misplaced": self._misplaced,
                "rows": self._rows,
            }
        )

    def _quick(self, journal: Journal, patterns: _Patterns, chunk: bytes, count: int) -> bool:
        """A chunk of a proven journal in which all lines are plain and this machine's own; False for any other."""
        found = patterns.pairs(chunk, count)
        if found is None:
            return False
        jobs = list(map(int, map(_job_of, found)))
        self._spool.lean(journal.number, jobs, list(map(b"\t".join, found)))
        self._rows += len(jobs)
        return True

    def _plain(self, journal: Journal, columns: list[Sequence[bytes]], *, is_own: bool) -> bool:
        """Columns: job, (position,) (start, end, slot,) result and what is beside it. False when not all are of this
        machine."""
        jobs = list(map(int, columns[0]))
        if not is_own:
            positions = list(map(int, columns.pop(1)))
            low, high = min(positions), max(positions)
            # What it audits is judged apart from what is its own.
            if not any(start <= low and high < stop for start, stop in journal.own):
                return False
            if not journal.belonging.holds(jobs, positions):
                return False
        if self._lean:
            self._spool.lean(journal.number, jobs, list(map(b"\t".join, zip(columns[0], columns[-1], strict=True))))
            self._rows += len(jobs)
            return True
        results, beside = columns[-2:]
        if journal.header.kind != "command":
            results, beside = beside, results
        extras = list(map(b" ".join, zip(columns[2], columns[3], columns[1], strict=True)))
        if any(beside):
            extras = list(map(_with_imprint, extras, beside))
        rows = list(map(b"\t".join, zip(columns[0], results, strict=True)))
        self._spool.plain(journal.number, jobs, extras, rows)
        self._rows += len(rows)
        return True

    def _careful(
        self, journal: Journal, single: re.Pattern[bytes], chunk: bytes, offset: int, line: int
    ) -> list[list[Any]]:
        """Line by line: a chunk that is damaged, holds other records, or reaches over the end of a range."""
        reader = JournalReader(journal.path, offset, line)
        lines = chunk.split(b"\n")
        lines.pop()
        # Seldom: a first or last chunk, a retry, damage. So it may be slow, and tells every place.
        for at, good in reader.checked(lines):
            found = single.fullmatch(good + b"\n")
            columns: list[Sequence[bytes]] = [[group] for group in found.groups()[1:-1]] if found else []
            if not columns or not self._plain(journal, columns, is_own=False):
                try:
                    record = parse(good)
                except BadLine as error:
                    number = line + chunk.count(b"\n", 0, at - offset) + 1
                    reader.damage.append(Damage(journal.path, number, at, len(good), str(error)))
                    continue
                if isinstance(record, Attempt) and not journal.belonging.holds([record.job], [record.position]):
                    self._misplaced = [line + chunk.count(b"\n", 0, at - offset) + 1, record.job, record.position]
                    break
                self._odd(journal, good, record)
        return [[one.line, one.offset, one.size, one.why] for one in reader.damage]

    def _odd(self, journal: Journal, line: bytes, record: Line) -> None:
        # A try that was stopped or is followed by another ended nothing: the merge settles ends only.
        if isinstance(record, Attempt) and record.state not in (State.STOPPED, State.RETRY):
            self._rows += 1
            self._spool.odd(journal.number, record.job, line)


def _with_imprint(extra: bytes, beside: bytes) -> bytes:
    """What tells the times of a first try, and what it has printed."""
    found = _IMPRINT.search(beside)
    return b"%b 1 %b" % (extra, found[0]) if found else extra


def _chunks(piece: Piece) -> Iterator[bytes]:
    """Whole lines; a last one without newline is torn, and nobody's."""
    with piece.journal.path.open("rb") as file:
        file.seek(piece.start)
        left = piece.stop - piece.start
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            if left and not chunk.endswith(b"\n"):
                tail = file.readline(left)
                left -= len(tail)
                chunk += tail
            yield chunk if chunk.endswith(b"\n") else chunk[: chunk.rfind(b"\n") + 1]


def _columns(plain: re.Pattern[bytes], chunk: bytes, count: int, *, proven: bool) -> list[Sequence[bytes]] | None:
    """The groups of all lines, or None when a line of the chunk is not plain or not whole."""
    found = plain.findall(chunk)
    if len(found) != count or not count:
        return None
    columns: list[Sequence[bytes]] = list(zip(*found, strict=True))
    if proven:
        return columns
    sums = array("I", map(crc32, columns[0]))
    # In the order of the hex digits, the highest byte first: so all sums of a chunk are compared at once.
    if sys.byteorder == "little":
        sums.byteswap()
    try:
        told = bytes.fromhex(b"".join(columns[-1]).decode("ascii"))
    except ValueError:
        return None
    return columns[1:-1] if sums.tobytes() == told else None
