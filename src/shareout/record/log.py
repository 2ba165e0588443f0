"""One log a machine: a record a line, in gzip members that are whole, in segments that rotate by size.

    2026-11-20T19:23:01.123456Z alice job=314 try=1 INFO what was printed

A member is written at once, at least every second, so that after `kill -9` `zcat` still reads all but that
second. Times are UTC; a record that is no job's has `job=-`. Control characters and bytes that are not UTF-8
are escaped, so that one record stays one line.
"""

from __future__ import annotations

import gzip
import os
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from shareout.errors import CannotRecord
from shareout.record.folder import RunFolder

FLUSH_S = 1.0
FLUSH_BYTES = 256 << 10
LEVEL = 1
_CONTROL = bytes(sorted({*range(32), 127} - {9, 10}))
_ESCAPES = {**{code: f"\\x{code:02x}" for code in _CONTROL}, **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}}


def stamp(when: float) -> str:
    """UTC to the microsecond; text order is time order."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LogWriter:
    """Appends records; the caller holds the run directory's lock."""

    def __init__(self, folder: RunFolder, machine: str, segment_bytes: int) -> None:
        self._folder = folder
        self._machine = machine
        self._segment_bytes = segment_bytes
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._flushed = time.monotonic()
        segments = folder.log_segments()
        self._number = int(segments[-1].name[4:-3]) if segments else 1
        self._handle = self._open()
        self._size = _cut_torn_member(self._handle)

    def record(self, text: str, *, level: str = "INFO", job: int | None = None, attempt: int = 0) -> None:
        """One record of ours or of a job's logging; more lines become more records."""
        self.output(text.encode("utf-8", "surrogateescape"), job, attempt, level, time.time())

    def output(self, data: bytes, job: int | None, attempt: int, level: str, when: float) -> None:
        """What a job printed, every line with its prefix."""
        who = f"job={job} try={attempt}" if job is not None else "job=-"
        prefix = f"{stamp(when)} {self._machine} {who} {level} ".encode("utf-8", "surrogateescape")
        body = _clean(data)
        self._add(prefix + body.removesuffix(b"\n").replace(b"\n", b"\n" + prefix) + b"\n")

    def flush_if_due(self) -> None:
        if self._buffered and time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """One whole member, one write."""
        self._flushed = time.monotonic()
        if not self._buffered:
            return
        member = gzip.compress(b"".join(self._buffer), LEVEL, mtime=0)
        self._buffer.clear()
        self._buffered = 0
        try:
            written = os.write(self._handle, member)
            while written < len(member):
                written += os.write(self._handle, member[written:])
        except OSError as error:
            _truncate(self._handle, self._size)
            raise CannotRecord(
                f"the log of {self._folder.path} cannot be written: {error.strerror}",
                way_out="What is recorded so far is safe. Mend it, and run the same command to go on.",
            ) from error
        self._size += len(member)
        if self._size >= self._segment_bytes:
            os.close(self._handle)
            self._number += 1
            self._handle = self._open()
            self._size = 0

    def fileno(self) -> int:
        return self._handle

    def close(self) -> None:
        try:
            self.flush()
        finally:
            os.close(self._handle)

    def _add(self, lines: bytes) -> None:
        self._buffer.append(lines)
        self._buffered += len(lines)
        if self._buffered >= FLUSH_BYTES:
            self.flush()

    def _open(self) -> int:
        path = self._folder.log_segment(self._number)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _clean(data: bytes) -> bytes:
    """Unchanged when it is plain text, as nearly all output is: two passes at the speed of memory."""
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
    """The text of a segment in pieces of whole lines; what is torn or damaged is passed over and told at the end."""
    with path.open("rb") as file:
        rest = b""
        while True:
            unpacker = zlib.decompressobj(31)
            text = bytearray()
            data = rest or file.read(1 << 18)
            if not data:
                return
            try:
                while not unpacker.eof and data:
                    text += unpacker.decompress(data)
                    data = b"" if unpacker.eof else file.read(1 << 18)
            except zlib.error as error:
                yield bytes(text[: text.rfind(b"\n") + 1])
                raise DamagedLog(path, str(error)) from error
            yield bytes(text[: text.rfind(b"\n") + 1])
            if not unpacker.eof:
                raise DamagedLog(path, "its end is cut off")
            rest = unpacker.unused_data


class DamagedLog(Exception):
    """Raised after all that could be read was yielded."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}; what stands behind the damage is left out")
        self.path = path


def _cut_torn_member(handle: int) -> int:
    """Where the last whole member ends; what a killed process left behind it is cut away."""
    size = os.fstat(handle).st_size
    good, at = 0, 0
    unpacker = zlib.decompressobj(31)
    while at < size:
        data = os.pread(handle, 1 << 20, at)
        at += len(data)
        while data:
            try:
                unpacker.decompress(data)
            except zlib.error:
                _truncate(handle, good)
                return good
            if not unpacker.eof:
                break
            data = unpacker.unused_data
            good = at - len(data)
            unpacker = zlib.decompressobj(31)
    if good < size:
        _truncate(handle, good)
    return good


def _truncate(handle: int, size: int) -> None:
    try:
        os.ftruncate(handle, size)
    except OSError:
        return
