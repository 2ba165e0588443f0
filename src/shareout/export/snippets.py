"""How what jobs printed begins and ends, found in one pass over the logs and kept in a temporary file: of memory it
takes eight bytes a job.
"""

from __future__ import annotations

import re
import struct
from array import array
from itertools import groupby
from tempfile import TemporaryFile

from shareout.export.runs import Runs
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Attempt, Stream, imprint_on
from shareout.status.jobs import MOST_HELD

KEPT = 40
_RECORD = re.compile(rb"\S+ \S+ job=([0-9]+) try=([0-9]+) (out|err) ")
_OF_STREAM = struct.Struct(f"<Q{KEPT}s{KEPT}s")
_PLACES = {b"out": 0, b"err": _OF_STREAM.size}
_ENTRY = 2 * _OF_STREAM.size
"""Of a job, first what it printed on standard output."""


class Snippets:
    """Of the attempts that count. A context manager, because of its file."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        total = runs.states.total
        # One more than the number of a job's entry; 0 for none.
        self._entries = array("Q", bytes(8 * (total if total <= MOST_HELD else 0)))
        self._others: dict[int, int] = {}
        self._count = 0
        # In a file and not in memory: 176 bytes a job are 1.8 GB for ten million.
        self._file = TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Snippets:
        for folder, header in zip(self._runs.folders, self._runs.states.headers, strict=True):
            self._read(folder, header.machine)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, attempt: Attempt, stream: Stream) -> bytes:
        """All of it when it is short, else `begin...end`; nothing where the log is gone."""
        imprint = imprint_on(attempt, stream)
        if imprint is None:
            return b""
        size, head, tail = self._entry(self._number(attempt.job), stream.encode())
        # A record of the log ends in a line end; the count of bytes tells whether the output did.
        if size == imprint.size + 1:
            head, tail = (head, tail[:-1]) if tail else (head[:-1], b"")
        return head + b"..." + tail if tail else head

    def _read(self, folder: RunFolder, machine: str) -> None:
        for segment in folder.log_segments():
            try:
                for text in read_segment(segment):
                    self._take(text, machine)
            except DamagedLog as error:
                self._runs.said(str(error))

    def _take(self, text: bytes, machine: str) -> None:
        records = ((found, line) for line in text.splitlines(keepends=True) if (found := _RECORD.match(line)))
        for (job, attempt, stream), lines in groupby(records, lambda one: (int(one[0][1]), int(one[0][2]), one[0][3])):
            state = self._runs.states.state(job)
            if (state.machine, state.attempt) == (machine, attempt):
                self._add(job, stream, b"".join(line[found.end() :] for found, line in lines))

    def _add(self, job: int, stream: bytes, data: bytes) -> None:
        """Output that was large comes in several pieces."""
        number = self._number(job) or self._begun(job)
        size, head, tail = self._entry(number, stream)
        room = KEPT - len(head)
        entry = _OF_STREAM.pack(size + len(data), head + data[:room], (tail + data[room:])[-KEPT:])
        self._file.seek((number - 1) * _ENTRY + _PLACES[stream])
        self._file.write(entry)

    def _begun(self, job: int) -> int:
        self._file.seek(self._count * _ENTRY)
        self._file.write(bytes(_ENTRY))
        self._count += 1
        if job < len(self._entries):
            self._entries[job] = self._count
        else:
            self._others[job] = self._count
        return self._count

    def _number(self, job: int) -> int:
        return self._entries[job] if job < len(self._entries) else self._others.get(job, 0)

    def _entry(self, number: int, stream: bytes) -> tuple[int, bytes, bytes]:
        """Size, begin, end."""
        if not number:
            return 0, b"", b""
        self._file.seek((number - 1) * _ENTRY + _PLACES[stream])
        size, head, tail = _OF_STREAM.unpack(self._file.read(_OF_STREAM.size))
        return size, head[:size], tail[: max(0, size - KEPT)]
