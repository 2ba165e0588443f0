"""Records on their way from journals to rows: sorted by ranges of ids into a temporary file, read back range by range.

A range (a partition) is small enough for memory; all of them together need not be. Frames of one partition:
plain records (first tries that are done) as ids, extras and rows; all others as the journal's own lines.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import IO, Any

from shareout.fields import dataclass, field

PLAIN, ODD = 0, 1
# Rows that wait in memory for their frames, packed: some 60 bytes each.
MOST_BUFFERED = 1 << 19
_FIELDS = 7


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a stretch of records of one partition and one journal stands in a spool."""

    partition: int
    journal: int
    kind: int
    count: int
    offset: int
    extras_size: int
    rows_size: int


@dataclass(slots=True)
class Plains:
    """Done at the first try: `rows` are `job TAB result`, `extras` begin with the time of the end."""

    journal: int
    ids: array[int]
    extras: bytes
    rows: list[bytes]


class SpoolWriter:
    """Fills one file; every process has its own."""

    def __init__(self, file: IO[bytes], partitions: int, shift: int) -> None:
        self._file = file
        self._shift = shift
        # By partition at once, and not sorted later: most partitions get some of every chunk, for positions are
        # shuffled.
        self._loose: list[list[tuple[int, bytes, bytes]]] = [[] for _ in range(partitions)]
        self._adds = [one.append for one in self._loose]
        self._loose_ids = [array("Q") for _ in range(partitions)]
        self._ids_of = [one.append for one in self._loose_ids]
        self._loosened = 0
        # Packed while they are still in the processor's cache: to come back for each later costs more than the rest.
        self._most_loose = max(1 << 10, 16 * partitions)
        self._packed: defaultdict[int, list[tuple[bytes, bytes, bytes, int]]] = defaultdict(list)
        self._odd: defaultdict[int, list[bytes]] = defaultdict(list)
        self._buffered = 0
        self._offset = 0
        self._index = array("Q")

    def plain(self, journal: int, ids: Sequence[int], extras: Sequence[bytes], rows: Sequence[bytes]) -> None:
        """Records of one journal, all of one kind: ids, extras and rows are as long as each other."""
        adds, shift = self._adds, self._shift
        for record in zip(ids, extras, rows, strict=True):
            adds[record[0] >> shift](record)
        self._loosened += len(ids)
        if self._loosened >= self._most_loose:
            self._pack()
            if self._buffered >= MOST_BUFFERED:
                self.flush(journal)

    def lean(self, journal: int, ids: Sequence[int], rows: Sequence[bytes]) -> None:
        """The same without extras; a spool holds one kind or the other."""
        adds, ids_of, shift = self._adds, self._ids_of, self._shift
        for job, row in zip(ids, rows, strict=True):
            adds[job >> shift](row)  # type: ignore[arg-type]
            ids_of[job >> shift](job)
        self._loosened += len(ids)
        if self._loosened >= self._most_loose:
            self._pack_lean()
            if self._buffered >= MOST_BUFFERED:
                self.flush(journal)

    def odd(self, journal: int, job: int, line: bytes) -> None:
        """Any other record of it, as its line. These may be few and long: the buffer counts their bytes."""
        self._odd[job >> self._shift].append(line)
        self._buffered += 1 + len(line) // 64
        if self._buffered >= MOST_BUFFERED:
            self.flush(journal)

    def flush(self, journal: int) -> None:
        """Everything that is buffered is of this journal."""
        if any(self._loose_ids):
            self._pack_lean()
        else:
            self._pack()
        # In one frame a partition, however many packs it came in: to be read back by one call.
        for partition, packs in sorted(self._packed.items()):
            ids, extras, rows, counts = zip(*packs, strict=True)
            self._frame(partition, journal, PLAIN, ids=b"".join(ids), extras=extras, rows=rows, count=sum(counts))
        # Whole lines, for there is more to know of them: who failed, how, and what was taken back.
        for partition, lines in self._odd.items():
            self._frame(partition, journal, ODD, ids=b"", extras=(), rows=lines, count=len(lines))
        self._packed.clear()
        self._odd.clear()
        self._buffered = 0

    def _pack(self) -> None:
        for partition, records in enumerate(self._loose):
            if records:
                ids, extras, rows = zip(*records, strict=True)
                packed = array("Q", ids).tobytes(), b"\n".join(extras), b"\n".join(rows), len(ids)
                self._packed[partition].append(packed)
                records.clear()
        self._buffered += self._loosened
        self._loosened = 0

    def _pack_lean(self) -> None:
        for partition, ids in enumerate(self._loose_ids):
            if ids:
                rows: list[bytes] = self._loose[partition]  # type: ignore[assignment]
                self._packed[partition].append((ids.tobytes(), b"", b"\n".join(rows), len(ids)))
                rows.clear()
                del ids[:]
        self._buffered += self._loosened
        self._loosened = 0

    def finish(self) -> dict[str, Any]:
        """Where the index stands, for `Spool`."""
        self._file.write(self._index.tobytes())
        self._file.flush()
        return {"offset": self._offset, "frames": len(self._index) // _FIELDS}

    def _frame(
        self,
        partition: int,
        journal: int,
        kind: int,
        ids: bytes,
        extras: Sequence[bytes],
        rows: Sequence[bytes],
        count: int,
    ) -> None:
        extra_text = b"\n".join(extras) if any(extras) else b""
        row_text = b"\n".join(rows)
        self._file.write(b"".join((ids, extra_text, row_text)))
        self._index.extend((partition, journal, kind, count, self._offset, len(extra_text), len(row_text)))
        self._offset += len(ids) + len(extra_text) + len(row_text)


@dataclass(slots=True)
class Spool:
    """Reads what all writers of a merge left; may be used in several forked processes at once."""

    handles: list[int]
    _frames: dict[int, list[tuple[int, Frame]]] = field(default_factory=dict)

    def load(self, number: int, index: dict[str, Any]) -> None:
        """The index of one writer's file."""
        fields = array("Q")
        fields.frombytes(_read_at(self.handles[number], index["frames"] * _FIELDS * 8, index["offset"]))
        for at in range(0, len(fields), _FIELDS):
            frame = Frame(*fields[at : at + _FIELDS])
            self._frames.setdefault(frame.partition, []).append((number, frame))

    def partition(self, number: int) -> tuple[list[Plains], list[tuple[int, bytes]]]:
        """All of a partition: plain records, and (journal, line) of the others."""
        plains: list[Plains] = []
        odd: list[tuple[int, bytes]] = []
        for file, frame in self._frames.get(number, ()):
            ids_size = frame.count * 8 if frame.kind == PLAIN else 0
            data = _read_at(self.handles[file], ids_size + frame.extras_size + frame.rows_size, frame.offset)
            rows = data[ids_size + frame.extras_size :].split(b"\n")
            if frame.kind == ODD:
                odd += [(frame.journal, line) for line in rows]
                continue
            ids = array("Q")
            ids.frombytes(data[:ids_size])
            plains.append(Plains(frame.journal, ids, data[ids_size : ids_size + frame.extras_size], rows))
        return plains, odd

    def filled(self) -> list[int]:
        """The partitions that hold anything, in order."""
        return sorted(self._frames)


def _read_at(handle: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        # Linux gives at most 2 GiB by one call, whatever is asked for. By `pread`, for forked processes share one place
        # in the file, and would move it from under each other.
        data = os.pread(handle, size, offset)
        while len(data) < size and (more := os.pread(handle, size - len(data), offset + len(data))):
            data += more
        return data
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, size)
