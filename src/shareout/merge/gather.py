"""Journals → a spool: every undamaged record, checked to be its machine's own, in pieces that processes share.

The common line, a first try that is done, is taken a chunk at a time by one regular expression and one map of
checksums; whatever is not so plain goes line by line. Where the tally proves a journal to be what was written,
checksums are not computed again.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from shareout.merge.spool import SpoolWriter
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import JournalReader

CHUNK = 1 << 19
PIECE = 1 << 24


@dataclass(frozen=True, slots=True)
class Journal:
    """One journal of a merge."""

    number: int
    folder: RunFolder
    header: Header
    start: int
    """Where the header line ends."""
    size: int
    proven: int
    """Up to here it is known to be undamaged."""


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
        with journal.folder.journal.open("rb") as file:
            while start < journal.size:
                stop = journal.proven if start < journal.proven < start + PIECE else start + PIECE
                if stop < journal.size and stop != journal.proven:
                    file.seek(stop)
                    stop += len(file.readline())
                stop = min(stop, journal.size)
                made.append(Piece(len(made), journal, start, stop))
                start = stop
    return made


def pattern(kind: str, *, proven: bool, meta: bool) -> re.Pattern[bytes]:
    """The plain line. Times are seventeen characters until the year 2286: skipping a fixed width is what makes
    this fast. Groups: (all of it,) job, position, (start,) end, (slot,) result (, checksum)."""
    start = rb"(.{17})" if meta else rb".{17}"
    slot = rb"(\d+)" if meta else rb"\d+"
    result = rb'"exit":(\d+)[^\n]*' if kind == "command" else rb'"result":([^\n]*)'
    body = (
        rb'\{"job":(\d+),"pos":(\d+),"try":1,"state":"done","start":' + start + rb',"end":(.{17}),"slot":' + slot + b","
    ) + result
    whole = body + rb',"crc":".{8}"\}\n' if proven else b"(" + body + rb'),"crc":"(.{8})"\}\n'
    return re.compile(b"(?s)" + whole)


class Gatherer:
    """Reads pieces into one spool."""

    def __init__(self, spool: SpoolWriter, *, meta: bool) -> None:
        self._spool = spool
        self._meta = meta
        self.facts: list[dict[str, Any]] = []
        self._foreign = 0
        self._rows = 0

    def read(self, piece: Piece) -> None:
        """All records of a piece; what is to tell about it goes to `facts`."""
        journal = piece.journal
        proven = piece.stop <= journal.proven
        plain = pattern(journal.header.kind, proven=proven, meta=self._meta)
        single = pattern(journal.header.kind, proven=False, meta=self._meta)
        self._foreign = self._rows = 0
        lines, offset = 0, piece.start
        damage: list[list[Any]] = []
        for chunk in _chunks(piece):
            count = chunk.count(b"\n")
            columns = _columns(plain, chunk, count, proven=proven)
            if columns is None or not self._plain(journal, columns):
                damage += self._careful(journal, single, chunk, offset, lines)
            lines += count
            offset += len(chunk)
        self._spool.flush(journal.number)
        self.facts.append(
            {"piece": piece.number, "lines": lines, "damage": damage, "foreign": self._foreign, "rows": self._rows}
        )

    def _plain(self, journal: Journal, columns: list[Sequence[bytes]]) -> bool:
        """Columns: job, position, (start,) end, (slot,) result. False when not all of them are this machine's own."""
        jobs = list(map(int, columns[0]))
        positions = list(map(int, columns[1]))
        low, high = min(positions), max(positions)
        own = any(start <= low and high < stop for start, stop in journal.header.ranges)
        if not own or max(jobs) >= journal.header.total:
            return False
        extras = columns[2]
        if self._meta:
            extras = list(map(b" ".join, zip(columns[3], columns[4], columns[2], strict=True)))
        rows = list(map(b"\t".join, zip(columns[0], columns[-1], strict=True)))
        self._spool.plain(journal.number, jobs, extras, rows)
        self._rows += len(rows)
        return True

    def _careful(
        self, journal: Journal, single: re.Pattern[bytes], chunk: bytes, offset: int, line: int
    ) -> list[list[Any]]:
        """Line by line: a chunk that is damaged, holds other records, or reaches over the end of a range."""
        reader = JournalReader(journal.folder.journal, offset, line)
        lines = chunk.split(b"\n")
        lines.pop()
        for good in reader.checked(lines):
            found = single.fullmatch(good + b"\n")
            if found is None or not self._plain(journal, [[group] for group in found.groups()[1:-1]]):
                self._odd(journal, good)
        return [[one.line, one.offset, one.size, one.why] for one in reader.damage]

    def _odd(self, journal: Journal, line: bytes) -> None:
        record = parse(line)
        if not isinstance(record, Attempt) or record.state in (State.STOPPED, State.RETRY):
            return
        ranges = (*journal.header.ranges, *journal.header.audit)
        if record.job >= journal.header.total or not any(start <= record.position < stop for start, stop in ranges):
            self._foreign += 1
            return
        self._rows += 1
        self._spool.odd(journal.number, record.job, line)


def _chunks(piece: Piece) -> Iterator[bytes]:
    """Whole lines; a last one without newline is torn, and nobody's."""
    with piece.journal.folder.journal.open("rb") as file:
        file.seek(piece.start)
        left, rest = piece.stop - piece.start, b""
        while left > 0 and (data := file.read(min(CHUNK, left))):
            left -= len(data)
            end = data.rfind(b"\n") + 1
            if not end:
                rest += data
                continue
            yield rest + data[:end] if rest or end < len(data) else data
            rest = data[end:]


def _columns(plain: re.Pattern[bytes], chunk: bytes, count: int, *, proven: bool) -> list[Sequence[bytes]] | None:
    """The groups of all lines, or None when a line of the chunk is not plain or not whole."""
    found = plain.findall(chunk)
    if len(found) != count or not count:
        return None
    columns: list[Sequence[bytes]] = list(zip(*found, strict=True))
    if proven:
        return columns
    sums = array("I", map(crc32, columns[0]))
    if sys.byteorder == "little":
        sums.byteswap()
    try:
        told = bytes.fromhex(b"".join(columns[-1]).decode("ascii"))
    except ValueError:
        return None
    return columns[1:-1] if sums.tobytes() == told else None
