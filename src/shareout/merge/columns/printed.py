"""What jobs have printed: from the logs into a file, by ranges of ids, and from there job by job, in bounded memory.

The logs are ordered by time and the table by id, so it is laid by as the records of journals are (`merge/spool.py`).
What is read back is held against the hash in the journal: so it is told where a log does not have all of it.
"""

from __future__ import annotations

import os
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from blake3 import blake3

from shareout.merge.gather import Journal
from shareout.merge.partition import imprints_in
from shareout.merge.processes import divided
from shareout.record.logs.exact import RAW, raw_of
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Imprint, Stream

SHORT = 64 << 10
"""What is longer stands in a table only for who asks for it."""
MOST_BUFFERED = 16 << 20
_RECORD = re.compile(rb"^\S+ \S+ job=(\d{1,18}) try=(\d{1,9}) (out|err|RAW) (.*)$", re.MULTILINE)
_IMPRINTS = {one: re.compile(rb'"%b":\[(\d+),"([0-9a-f]*)"\]' % one.value.encode()) for one in Stream}
_FIELDS = 4
_NUMBERS = {Stream.OUT.value.encode(): 0, Stream.ERR.value.encode(): 1}

Whose = tuple[int, int, int, int]
"""The run directory's number, job, try, and stream."""


class PrintedTexts:
    """A context manager, because of its temporary files (in the folder `where`)."""

    def __init__(self, journals: Sequence[Journal], shift: int, where: Path | None, processes: int) -> None:
        self._folders = list(dict.fromkeys(journal.folder for journal in journals))
        self._folder_of = {journal.number: self._folders.index(journal.folder) for journal in journals}
        self._shift, self._where, self._processes = shift, where, processes
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []
        self._frames: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._sizes: defaultdict[int, int] = defaultdict(int)
        self.longest = 0
        """Of one job on standard output, in bytes."""

    def __enter__(self) -> PrintedTexts:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def largest_partition(self) -> int:
        """How many bytes the jobs of one range of ids have printed at most."""
        return max(self._sizes.values(), default=0)

    def gather(self, said: Callable[[str], None]) -> None:
        """Read all logs; damage is told, and costs what it touched."""
        segments = [(at, path) for at, folder in enumerate(self._folders) for path in folder.log_segments()]
        count = max(1, min(self._processes, len(segments)))
        self._files = [self._stack.enter_context(TemporaryFile(dir=self._where)) for _ in range(count)]  # noqa: SIM115

        def work(number: int) -> dict[str, Any]:
            writer = _Writer(self._files[number], self._shift)
            for turn in range(number, len(segments), count):
                writer.read(turn, *segments[turn])
            return writer.finish()

        for number, facts in enumerate(divided(count, work)):
            for partition, offset, entries, size in facts["frames"]:
                self._frames[partition].append((number, offset, entries))
                self._sizes[partition] += size
            self.longest = max(self.longest, facts["longest"])
            for sentence in facts["damage"]:
                said(sentence)

    def of_partition(self, number: int) -> PartitionTexts:
        """What is there of the jobs of one range of ids."""
        found: defaultdict[Whose, list[tuple[int, int, int, int]]] = defaultdict(list)
        for file, offset, entries in self._frames.get(number, ()):
            heads = array("Q")
            heads.frombytes(self._read(file, entries * _FIELDS * 8, offset))
            place = offset + entries * _FIELDS * 8
            for at in range(0, len(heads), _FIELDS):
                job, turn, whose, size = heads[at : at + _FIELDS]
                folder, attempt = divmod(whose >> 1, 1 << 30)
                found[folder, job, attempt, whose & 1].append((turn, file, place, size))
                place += size
        return PartitionTexts(self, found)

    def folder_of(self, journal: int) -> int:
        """The number of the run directory that a journal is in."""
        return self._folder_of[journal]

    def _read(self, file: int, size: int, offset: int) -> bytes:
        handle = self._files[file].fileno()
        if hasattr(os, "pread"):
            return os.pread(handle, size, offset)
        os.lseek(handle, offset, os.SEEK_SET)
        return os.read(handle, size)

    def read(self, pieces: Sequence[tuple[int, int, int, int]]) -> bytes:
        """All of them, in the order of their segments."""
        return b"".join([self._read(file, size, place) for _, file, place, size in sorted(pieces)])


class PartitionTexts:
    """Where the texts of one range of ids stand."""

    def __init__(self, texts: PrintedTexts, found: dict[Whose, list[tuple[int, int, int, int]]]) -> None:
        self._texts, self._found = texts, found

    def size(self, journal: int, job: int, extra: bytes) -> int:
        """Of all that the attempt that a row is of has printed."""
        folder, attempt = self._texts.folder_of(journal), attempt_of(extra)
        pieces = (self._found.get((folder, job, attempt, stream), ()) for stream in (0, 1))
        return sum(size for some in pieces for _, _, _, size in some)

    def of(self, journal: int, job: int, extra: bytes, stream: Stream) -> tuple[bytes, bool]:
        """The bytes, and whether they are all that was printed, as the journal knows it."""
        number = 0 if stream is Stream.OUT else 1
        whose = self._texts.folder_of(journal), job, attempt_of(extra), number
        data = self._texts.read(self._found.get(whose, ()))
        return _held_against(imprint_in(extra, stream), data)


def attempt_of(extra: bytes) -> int:
    """From `end slot start [attempt [imprints]]`."""
    words = extra.split(b" ", 4)
    return int(words[3]) if len(words) > 3 else 1


def imprint_in(extra: bytes, stream: Stream) -> Imprint | None:
    """The same of what was printed on a stream; None: nothing."""
    found = _IMPRINTS[stream].search(imprints_in(extra))
    return Imprint(int(found[1]), found[2].decode("ascii")) if found else None


def _held_against(imprint: Imprint | None, data: bytes) -> tuple[bytes, bool]:
    """What a record of the log does not tell is whether its last line had an end."""
    if imprint is None:
        # None of it is this attempt's, which printed nothing: an earlier one was killed before it was on record.
        return b"", True
    if len(data) == imprint.size + 1:
        data = data[:-1]
    elif len(data) > imprint.size:
        data = data[len(data) - imprint.size :]
    is_whole = len(data) == imprint.size and imprint.hash in ("", blake3(data).hexdigest(length=16))
    return data, is_whole


class _Writer:
    """Fills one file; every process has its own."""

    def __init__(self, file: IO[bytes], shift: int) -> None:
        self._file, self._shift = file, shift
        self._heads: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
        self._texts: defaultdict[int, list[bytes]] = defaultdict(list)
        self._buffered = self._offset = 0
        self._frames: list[list[int]] = []
        self._damage: list[str] = []
        self._longest = 0
        self._last: tuple[tuple[int, ...], int] = ((), 0)

    def read(self, turn: int, folder: int, segment: Path) -> None:
        """All that jobs have printed in it."""
        try:
            for text in read_segment(segment):
                records = _RECORD.findall(text)
                for (job, attempt), some in groupby(records, lambda one: one[:2]):
                    self._take(turn, folder, int(job), int(attempt), list(some))
        except DamagedLog as error:
            self._damage.append(str(error))
        except OSError as error:
            self._damage.append(f"{segment} cannot be read: {error.strerror}")

    def _take(self, turn: int, folder: int, job: int, attempt: int, records: list[tuple[bytes, ...]]) -> None:
        of_stream: tuple[list[bytes], list[bytes]] = ([], [])
        for _, _, word, text in records:
            if word != RAW.encode():
                of_stream[_NUMBERS[word]].append(text + b"\n")
                continue
            try:
                name, lines, data = raw_of(text)
                told = of_stream[_NUMBERS[name.encode()]]
            except (ValueError, KeyError):
                continue
            if lines:
                del told[-lines:]
            told.append(data)
        for number, told in enumerate(of_stream):
            if told:
                self._add(job, turn, (folder << 30 | attempt) << 1 | number, b"".join(told))

    def _add(self, job: int, turn: int, whose: int, data: bytes) -> None:
        partition = job >> self._shift
        self._heads[partition].extend((job, turn, whose, len(data)))
        self._texts[partition].append(data)
        # A large output comes in pieces, one behind the other.
        key, before = self._last
        self._last = ((job, whose), len(data) + (before if key == (job, whose) else 0))
        if not whose & 1:
            self._longest = max(self._longest, self._last[1])
        self._buffered += len(data) + 64
        if self._buffered >= MOST_BUFFERED:
            self._flush()

    def _flush(self) -> None:
        for partition, heads in self._heads.items():
            data = b"".join(self._texts[partition])
            self._file.write(heads.tobytes() + data)
            entries = len(heads) // _FIELDS
            self._frames.append([partition, self._offset, entries, len(data)])
            self._offset += len(heads) * 8 + len(data)
        self._heads.clear()
        self._texts.clear()
        self._buffered = 0

    def finish(self) -> dict[str, Any]:
        """Where everything stands."""
        self._flush()
        self._file.flush()
        return {"frames": self._frames, "longest": self._longest, "damage": self._damage}
