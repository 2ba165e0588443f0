"""One log a machine: a record a line, in gzip members that are whole, in segments that rotate by size.

    2026-11-20T19:23:01.123456Z alice job=314 try=1 out what was printed

What was printed has the word of its stream, `out` or `err`; any other record a level, as Python's logging knows them.

A member is written at once, at least every second, so that after `kill -9` `zcat` still reads all but that
second. Times are UTC; a record that is no job's has `job=-`. Control characters and bytes that are not UTF-8
are escaped, so that one record stays one line; what that hides is told by records of their own (`exact.py`).
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from shareout.errors import CannotRecord
from shareout.files import replace_file
from shareout.record.folder import RunFolder
from shareout.record.logs.exact import raw_texts
from shareout.record.outcome import Stream
from shareout.world import world

_STREAMS = frozenset(map(str, Stream))
FLUSH_S = 1.0
# A member of its own for each record would be larger than the record. One that is open until the segment is full would
# be unreadable behind any kill, and `zcat` of a live log would lag by as much.
FLUSH_BYTES = 256 << 10
# Level 6 takes two and a half times the processor, which the jobs need, for a fifth less disk.
LEVEL = 1
STEP = 1 << 18
# Half a line of a large output: where it goes on, another record begins.
LONG = 1 << 20
# Ours are smaller, but somebody may have packed a log anew.
MOST_HELD = 1 << 24
# How a member of ours begins: deflated, no name, no time.
MEMBER = b"\x1f\x8b\x08\0\0\0\0\0"
EMPTY = zlib.compress(b"", LEVEL, 31)
_RECORD = re.compile(rb"[0-9]{4}-[0-9T:.-]+Z \S+ job=(?:-|[0-9]+ try=[0-9]+) (?:out|err|[A-Z]+) ")
_CONTROL = bytes(sorted({*range(32), 127} - {9, 10}))
_ESCAPES = {**{code: f"\\x{code:02x}" for code in _CONTROL}, **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}}


def stamp(when: float) -> str:
    """UTC to the microsecond; text order is time order."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LogWriter:
    """Appends records; the caller holds the run directory's lock."""

    def __init__(self, folder: RunFolder, machine: str, segment_bytes: int) -> None:
        self._folder = folder
        self._machine = machine_word(machine)
        self._segment_bytes = segment_bytes
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._flushed = world.monotonic()
        self._number = max(folder.log_numbers(), default=1)
        self._handle = self._open()
        self._size = _end_of_members(self._handle)
        if self._size < 0:
            # Damaged, not torn: what can still be read of it is left as it is.
            self._turn_over()
        elif self._size < world.fstat(self._handle).st_size:
            _truncate(self._handle, self._size)

    def record(self, text: str, *, level: str = "INFO", job: int | None = None, attempt: int = 0) -> None:
        """One record of ours or of a job's logging; more lines become more records."""
        self.output(text.encode("utf-8", "surrogateescape"), job, attempt, word=level, when=world.time())

    def output(self, data: bytes, job: int | None, attempt: int, *, word: str, when: float) -> None:
        """What a job printed, every line with its prefix. `word`: the stream's, or a level."""
        who = f"job={job} try={attempt}" if job is not None else "job=-"
        begin = b"%b %b %b " % (stamp(when).encode(), self._machine, who.encode())
        prefix = b"%b%b " % (begin, word.encode())
        body = cleaned(data)
        lines = prefix + body.removesuffix(b"\n").replace(b"\n", b"\n" + prefix) + b"\n"
        # In one piece with its lines, for those that read both: what is between is of no other job.
        if job is not None and word in _STREAMS and (body != data or (len(data) >= LONG and data[-1:] != b"\n")):
            count = body.removesuffix(b"\n").count(b"\n") + 1
            lines += b"".join(b"%bRAW %b\n" % (begin, text) for text in raw_texts(data, word, count))
        self._add(lines)

    def copy(self, records: bytes) -> None:
        """Whole records that have been in another log."""
        self._add(records)

    def flush_if_due(self) -> None:
        """At most a second's records are lost by `kill -9`. CannotRecord as `flush`."""
        if self._buffered and world.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """One whole member, one write."""
        self._flushed = world.monotonic()
        if not self._buffered:
            return
        # 31 asks for gzip's own head and end, so that any `zcat` reads it.
        member = zlib.compress(b"".join(self._buffer), LEVEL, 31)
        self._buffer.clear()
        self._buffered = 0
        try:
            # Never synced, as the journal is each second: no job depends on what a power cut may take of a log.
            written = world.write(self._handle, member)
            while written < len(member):
                written += world.write(self._handle, member[written:])
        except OSError as error:
            # Half a member is torn as long as it is the last; behind the next one it would be damage.
            _truncate(self._handle, self._size)
            raise _refused(self._folder, error) from error
        self._size += len(member)
        if self._size >= self._segment_bytes:
            self._turn_over()

    def fileno(self) -> int:
        """For whoever must close it after a fork."""
        return self._handle

    def close(self) -> None:
        """After what is still held was written; closed also when that cannot be (CannotRecord)."""
        try:
            self.flush()
        finally:
            world.close(self._handle)

    def _add(self, lines: bytes) -> None:
        self._buffer.append(lines)
        self._buffered += len(lines)
        if self._buffered >= FLUSH_BYTES:
            self.flush()

    def _turn_over(self) -> None:
        """To the next segment."""
        world.close(self._handle)
        self._number += 1
        self._handle = self._open()
        self._size = len(EMPTY)

    def _open(self) -> int:
        """A segment begins with an empty member, for `zcat` calls a file without any torn."""
        path = self._folder.log_segment(self._number)
        try:
            if not path.exists() or not path.stat().st_size:
                replace_file(path, [EMPTY], sync=False)
            return world.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise _refused(self._folder, error) from error


def machine_word(machine: str) -> bytes:
    """How a machine's name stands in a record: in one word."""
    return machine.encode("utf-8", "surrogateescape").replace(b" ", b"\\x20")


def _refused(folder: RunFolder, error: OSError) -> CannotRecord:
    return CannotRecord(
        f"the log of {folder.path} cannot be written: {error.strerror}",
        way_out="What is recorded so far is safe. Mend it, and run the same command to go on.",
    )


def cleaned(data: bytes) -> bytes:
    """Output as it stands in the log. Plain text, as nearly all of it is, is passed on at the speed of memory."""
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if len(data.translate(None, _CONTROL)) == len(data):
        try:
            text = data.decode("utf-8")
            if data.isascii() or text == text.translate(_ESCAPES):
                return data
        except UnicodeDecodeError:
            pass
    return data.decode("utf-8", "backslashreplace").translate(_ESCAPES).encode("utf-8")


def read_segment(path: Path) -> Iterator[bytes]:
    """The text of a segment in pieces of whole lines. Damage costs the members that it touched, and is told at the
    end by DamagedLog; of a torn last one, what is readable is read."""
    why = ""
    with path.open("rb") as file:
        base, rest = 0, b""
        while rest or (rest := file.read(STEP)):
            member = _Member(file, rest)
            yield from member.texts()
            if not member.why:
                base, rest = file.tell() - len(member.rest), member.rest
                continue
            why = why or f"{member.why}, at offset {base}"
            base = _next_member(file, base + 1)
            if base < 0:
                yield from member.readable()
                break
            file.seek(base)
            rest = b""
    if why:
        raise DamagedLog(path, why)


class DamagedLog(Exception):
    """Raised after all that could be read was yielded."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}; what is damaged is left out")
        self.path = path


class _Member:
    """One gzip member, held back until it proved right, unless it is too large to be one of ours."""

    def __init__(self, file: BinaryIO, data: bytes) -> None:
        self._file = file
        self._data = data
        self._held = bytearray()
        self._torn = False
        self.rest = b""
        self.why = ""

    def texts(self) -> Iterator[bytes]:
        """Pieces of whole lines; `why` and `rest` are told when all were taken."""
        unpacker = zlib.decompressobj(31)
        data = self._data
        while not unpacker.eof:
            if not data and not (data := self._file.read(STEP)):
                self.why, self._torn = "its end is cut off", True
                return
            try:
                self._held += unpacker.decompress(data, STEP)
            except zlib.error as error:
                self.why = str(error)
                return
            data = unpacker.unconsumed_tail
            if len(self._held) > MOST_HELD:
                yield from self._take()
        self.rest = unpacker.unused_data
        yield from self._take()

    def readable(self) -> Iterator[bytes]:
        """The records of a torn member. Damage may look torn too, so that what is not a record is left out."""
        if self._torn:
            for lines in self._take():
                records = b"".join(line for line in lines.splitlines(keepends=True) if _RECORD.match(line))
                if records:
                    yield records

    def _take(self) -> Iterator[bytes]:
        cut = self._held.rfind(b"\n") + 1
        if cut:
            yield bytes(self._held[:cut])
            del self._held[:cut]


def _next_member(file: BinaryIO, start: int) -> int:
    """Where the next member begins, or -1."""
    file.seek(start)
    window = b""
    while data := file.read(STEP):
        window = window[-len(MEMBER) :] + data
        at = window.find(MEMBER)
        if at >= 0:
            return file.tell() - len(window) + at
    return -1


def _end_of_members(handle: int) -> int:
    """Where the last whole member ends; -1 when what stands there is not torn but damaged. Members before the last
    were whole when it was appended, so that only it is unpacked."""
    size = world.fstat(handle).st_size
    at = good = _last_member(handle, size)
    unpacker = zlib.decompressobj(31)
    while at < size:
        data = world.pread(handle, 1 << 20, at)
        at += len(data)
        while data:
            try:
                unpacker.decompress(data)
            except zlib.error:
                # A power cut may leave zeros where data was to come.
                return good if not world.pread(handle, size - good, good).strip(b"\0") else -1
            if not unpacker.eof:
                break
            data = unpacker.unused_data
            good = at - len(data)
            unpacker = zlib.decompressobj(31)
    return good


def _last_member(handle: int, size: int) -> int:
    """Where it begins; 0 when there is no sign of one."""
    end = size
    while end > 0:
        start = max(0, end - (1 << 18))
        at = world.pread(handle, end - start + len(MEMBER), start).rfind(MEMBER)
        if at >= 0:
            return start + at
        end = start
    return 0


def _truncate(handle: int, size: int) -> None:
    try:
        world.ftruncate(handle, size)
    except OSError:
        return
