"""Where the lines of a file start: a sparse index of blocks, so that line i of millions is read on demand.

The file is mapped. A block is 16 KiB; the index keeps two counts a block (job lines, all lines).
Blocks in which every line is a job are counted at the speed of memory; only those that may hold blank or
comment lines are looked at line by line. Large files are indexed by two processes. What reads many lines at random
places, as the workers of a run do, asks for marks first (`prepare`).

A small file is read once instead, so that whoever writes into it while a run goes on changes nothing for the run.
"""

from __future__ import annotations

import io
import mmap
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.errors import InputError, Place, cannot_read
from shareout.pool.compressed import text_of
from shareout.pool.places.halves import added_up, in_halves
from shareout.pool.places.marks import Marks
from shareout.pool.places.shelf import SMALLEST, Findings, Shelf, TextHash

BLOCK = 1 << 14
CHUNK = 1 << 20
# A file of so few blocks is kept split, a block at its first use: finding a line costs a fifth then.
MOST_SPLIT = 64
# A file of so few bytes is held, not mapped.
MOST_HELD = 16 << 20
# Below this a second process costs more than it saves.
FORK_BYTES = 32 << 20
BLANK = b" \t\r\v\f"
BOM = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file that are not blank and, when `comments` says so, no comments."""

    def __init__(self, path: Path, *, comments: bool, shelf: Shelf | None = None, kind: str = "") -> None:
        """`shelf`: where what is found out may have been kept, for pools of this kind."""
        self.path = path
        self.comments = comments
        self._source = text_of(path)
        self.data = _map(path, self._source)
        """All of it, mapped or held."""
        self._size = len(self.data)
        self._begin = len(BOM) if self.data[: len(BOM)] == BOM else 0
        self._shelf, self._kind = shelf, kind
        # First of all: what is found out after it is of this text, or is not kept.
        self.hash = self._hashed() if shelf is not None and self._size >= SMALLEST else None
        """None where nobody would look for it."""
        self.found = shelf.find(self.hash, kind) if shelf is not None and self.hash else None
        """What an earlier start has found out of this very text: then nothing is wrong with it."""
        # Starts of lines are counted by the newline before them; the byte before the file counts as one.
        self._kept, self._all = (self.found.lines, self.found.all_lines) if self.found else self._index()
        self.has_gaps = bool(self._all) and self._all[-1] != self._kept[-1]
        """Whether there are lines that are not kept."""
        self._splits: dict[int, list[bytes]] = {}
        self._marks: Marks | None = None

    def __len__(self) -> int:
        return self._kept[-1] if self._kept else 0

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        return self._size

    def prepare(self) -> None:
        """Look once where lines begin, so that `line` is cheap for any of them; at most a byte a line is kept."""
        if self._marks is not None:
            return
        if self.found:
            self._marks = self.found.marks
            return
        marks = Marks(self._size)
        for _, offset, text in self.texts():
            lines = text.split(b"\n")
            if not self.has_gaps:
                marks.add_lines(offset, lines)
                continue
            for line in lines:
                if self._is_kept(line):
                    marks.add(offset)
                offset += len(line) + 1
        marks.close(self._size)
        self._marks = marks

    def keep(self, facts: dict[str, Any], marks: Marks | None = None) -> None:
        """Put on the shelf what was found out, unless it was there: `facts` of the pool's own, and its `marks` where
        rows are not lines."""
        if self._shelf is None or self.hash is None or self.found:
            return
        if marks is None:
            self.prepare()
            marks = self._marks
        # Somebody may have written into the file since.
        if marks is not None and self._hashed() == self.hash:
            self._shelf.keep(self.hash, self._kind, Findings(self._kept, self._all, marks, facts))

    def line(self, number: int) -> bytes:
        """A kept line without its end."""
        marks = self._marks
        if marks is None or not 0 <= number < marks.count:
            return self.at(number)[0]
        # Not by `around`: a call is a tenth of what this takes.
        at, nth = divmod(number, marks.step)
        lines = self.data[marks.offsets[at] : marks.offsets[at + 1]].split(b"\n")
        line = [one for one in lines if self._is_kept(one)][nth] if self.has_gaps else lines[nth]
        return line[:-1] if line.endswith(b"\r") else line

    def number_at(self, offset: int) -> int:
        """Of the line that begins at a place, from 1."""
        if offset <= self._begin:
            return 1
        block = offset // BLOCK
        before = self._all[block - 1] if block else 0
        return before + sum(1 for _ in self._starts(block * BLOCK, offset)) + 1

    def text(self, start: int, stop: int) -> bytes:
        """The bytes at these places."""
        return self.data[start:stop]

    def at(self, number: int) -> tuple[bytes, int]:
        """A kept line without its end, and its 1-based number in the file."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        if self._marks is not None and not self.has_gaps:
            return self.line(number), number + 1
        block = bisect_right(self._kept, number)
        before = self._kept[block - 1] if block else 0
        lines_before = self._all[block - 1] if block else 0
        start = block * BLOCK
        if self._kept[block] - before == self._all[block] - lines_before:
            nth = number - before
            if len(self._kept) <= MOST_SPLIT:
                return self._split(block)[nth].removesuffix(b"\r"), lines_before + nth + 1
            return self._line(self._nth_start(start, nth)), lines_before + nth + 1
        for at, offset in enumerate(self._starts(start, min(start + BLOCK, self._size))):
            line = self._line(offset)
            if self._is_kept(line):
                if before == number:
                    return line, lines_before + at + 1
                before += 1
        raise AssertionError("the index counts what the block holds")

    def dropped(self) -> Iterator[tuple[int, int, bytes]]:
        """The lines that are not kept but not blank: how many kept ones stand before, line number, text."""
        kept = counted = 0
        for block, (kept_after, counted_after) in enumerate(zip(self._kept, self._all, strict=True)):
            if kept_after - kept != counted_after - counted:
                start = block * BLOCK
                before = kept
                for at, offset in enumerate(self._starts(start, min(start + BLOCK, self._size))):
                    line = self._line(offset)
                    if self._is_kept(line):
                        before += 1
                    elif line.strip(BLANK):
                        yield before, counted + at + 1, line
            kept, counted = kept_after, counted_after

    def texts(self) -> Iterator[tuple[int, int, bytes]]:
        """Every block's lines as one text: the number of the first line that starts in it, where that is, the text up
        to the end of the last one."""
        counted = 0
        for block, counted_after in enumerate(self._all):
            start = block * BLOCK
            stop = min(start + BLOCK, self._size)
            low = self.data.find(b"\n", start - 1, stop - 1) + 1 if block else self._begin
            if counted_after > counted:
                end = self.data.find(b"\n", stop - 1)
                yield counted + 1, low, self.data[low : end if end >= 0 else self._size]
            counted = counted_after

    def blocks(self) -> Iterator[tuple[int, list[bytes]]]:
        """Every block's lines with the number of the first line that starts in it: for checks of a whole file."""
        for number, _, text in self.texts():
            yield number, text.split(b"\n")

    def _line(self, offset: int) -> bytes:
        end = self.data.find(b"\n", offset)
        line = self.data[offset : end if end >= 0 else self._size]
        return line[:-1] if line.endswith(b"\r") else line

    def _starts(self, start: int, stop: int) -> Iterator[int]:
        """The offsets in start … stop-1 at which lines start."""
        if start == 0 and self._begin < self._size:
            yield self._begin
        at = self.data.find(b"\n", max(start - 1, 0), stop - 1)
        while at >= 0:
            yield at + 1
            at = self.data.find(b"\n", at + 1, stop - 1)

    def _split(self, block: int) -> list[bytes]:
        """The lines that start in a block, to the end of the last one."""
        if block not in self._splits:
            start = block * BLOCK
            low = self.data.find(b"\n", start - 1) + 1 if block else self._begin
            end = self.data.find(b"\n", start + BLOCK - 1)
            self._splits[block] = self.data[low : end if end >= 0 else self._size].split(b"\n")
        return self._splits[block]

    def _nth_start(self, start: int, nth: int) -> int:
        """The offset of the nth line that starts in a block."""
        if start == 0:
            low, nth = self._begin, nth
        else:
            low, nth = start - 1, nth + 1
        if not nth:
            return low
        text = self.data[low : start + BLOCK]
        return low + len(text) - len(text.split(b"\n", nth)[nth])

    def _hashed(self) -> TextHash:
        return TextHash(self._size, blake3(self.data, max_threads=blake3.AUTO).digest())

    def _index(self) -> tuple[array[int], array[int]]:
        chunks = -(-self._size // CHUNK)
        if self._size < FORK_BYTES or not hasattr(os, "fork"):
            return added_up([self._count(0, chunks)])
        return added_up(in_halves(self._count, chunks))

    def _count(self, first: int, last: int) -> array[int]:
        """Kept and all lines of each block, in turn."""
        counts = array("Q")
        with io.BytesIO(self.data) if isinstance(self.data, bytes) else self._source.open("rb", buffering=0) as file:
            for number in range(first, last):
                start = number * CHUNK
                # One byte earlier: a line starts after a newline.
                lead = 1 if start else 0
                file.seek(start - lead)
                chunk = _read(file, CHUNK + lead)
                self._count_chunk(chunk if lead else b"\n" + chunk, start, counts)
        return counts

    def _count_chunk(self, chunk: bytes, start: int, counts: array[int]) -> None:
        """`chunk` begins one byte before `start`, and its last byte starts no line of its own blocks' next."""
        body = len(chunk) - 1
        if b"\0" in chunk:
            before = self.data[: start + chunk.index(b"\0")].count(b"\n")
            what = "is not text: there is a NUL byte in this line"
            raise InputError(
                what, where=Place(str(self.path), before + 1), way_out="A list that NUL parts is read by -0."
            )
        plain = self._is_plain(chunk) and not (start == 0 and self._begin)
        for low in range(0, body, BLOCK):
            high = min(low + BLOCK, body)
            lines = chunk.count(b"\n", low, high)
            if plain:
                counts.append(lines)
                counts.append(lines)
            else:
                kept, counted = self._count_slowly(start + low, start + high)
                counts.append(kept)
                counts.append(counted)

    def _count_slowly(self, start: int, stop: int) -> tuple[int, int]:
        low = self.data.rfind(b"\n", 0, start) + 1 if start else self._begin
        if start and self.data[start - 1 : start] != b"\n":
            low = self.data.find(b"\n", start) + 1
            if not low:
                return 0, 0
        if low >= min(stop, self._size):
            return 0, 0
        # A block ends inside its last line; the line is read to its end.
        last = self.data.rfind(b"\n", low, stop - 1) + 1 or low
        end = self.data.find(b"\n", last)
        lines = self.data[low : end if end >= 0 else self._size].split(b"\n")
        return sum(map(self._is_kept, lines)), len(lines)

    def _is_kept(self, line: bytes) -> bool:
        """Whether a line, without its end, is a job."""
        return is_kept(line, self.comments)

    def _is_plain(self, chunk: bytes) -> bool:
        """True when every line that starts here, after a newline, is a job, for certain."""
        return _is_plain(chunk)


def _is_plain(chunk: bytes) -> bool:
    """True when every line that starts here is a job, for certain.

    The least of all lines tells it: a blank one is empty or begins with a byte below "#", and so does no
    other check of 10 million lines that was tried (find of two bytes, a pattern) in less than twice the time.
    """
    lines = chunk.split(b"\n")
    del lines[0]
    if lines and not lines[-1]:
        del lines[-1]
    return not lines or min(lines)[:1] > b"#"


def is_kept(line: bytes, comments: bool) -> bool:
    """Whether a line is a job: not blank, and no comment where comments are known."""
    first = line[:1]
    if first not in b" \t\r\v\f#":
        return True
    stripped = line.lstrip(BLANK)
    return bool(stripped) and not (comments and stripped.startswith(b"#"))


def _map(path: Path, source: Path) -> mmap.mmap | bytes:
    try:
        with source.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= MOST_HELD:
                return file.read()
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except IsADirectoryError:
        raise InputError("is a directory, not a file", where=Place(str(path))) from None
    except ValueError as error:
        raise InputError(f"cannot be read: {error}", where=Place(str(path))) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def _read(file: object, size: int) -> bytes:
    """As many bytes as asked for, or up to the end."""
    parts: list[bytes] = []
    while size:
        part = file.read(size)  # type: ignore[attr-defined]
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts) if len(parts) != 1 else parts[0]
