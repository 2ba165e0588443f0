"""The logs of any machines → one stream ordered by time, in bounded memory.

Equal times keep each machine's own order. A segment that is damaged is told and its rest left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain
from operator import itemgetter
from queue import Queue
from threading import Thread

from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Stream

# `2026-11-20T19:23:01.123456Z`: equally long, so that times are compared as bytes.
STAMP = 27
BLOCKS_AHEAD = 4
# A block of a log may be of many megabytes, and some of each machine wait: they are handed on in pieces.
# 4.7 GB of logs take 93 MB of memory so; as whole blocks they take 142.
PIECE = 1 << 20
_stamp = itemgetter(slice(0, STAMP))
_first = itemgetter(0)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_RECORD = re.compile(rb"(\S+) (\S+) job=(\S+)(?: try=\d+)? (out|err|[A-Z]+) ")
LOG = "log"
STREAMS = (*map(str, Stream), LOG)
"""What a record can be of: a stream that a job printed on, or logging."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What passes; empty fields let everything through."""

    machines: frozenset[bytes] = frozenset()
    jobs: frozenset[bytes] = frozenset()
    streams: frozenset[str] = frozenset()
    level: str = "DEBUG"
    """Of what was logged. What was printed has none, and passes as INFO does."""
    since: bytes = b""
    until: bytes = b""
    grep: re.Pattern[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return self == Filter()

    def passes(self, line: bytes) -> bool:
        """Whether a line of a log, time and all, is wanted. What is no record passes only where nothing but times and
        words is asked for."""
        stamp = line[:STAMP]
        if (self.since and stamp < self.since) or (self.until and stamp > self.until):
            return False
        if self.grep is not None and not self.grep.search(line):
            return False
        if not self.machines and not self.jobs and not self.streams and self.level == "DEBUG":
            return True
        match = _RECORD.match(line)
        return match is not None and self._passes_record(match)

    def _passes_record(self, match: re.Match[bytes]) -> bool:
        word = match[4].decode()
        stream, level = (word, "INFO") if word in STREAMS else (LOG, word)
        rank = LEVELS.index(level) if level in LEVELS else len(LEVELS)
        return (
            (not self.machines or match[2] in self.machines)
            and (not self.jobs or match[3] in self.jobs)
            and (not self.streams or stream in self.streams)
            and rank >= LEVELS.index(self.level)
        )


def merged(folders: Sequence[RunFolder], wanted: Filter, said: Callable[[str], None]) -> Iterator[list[bytes]]:
    """Lists of lines with their newlines, all in one order.

    In rounds: of each machine a block is held; up to the earliest time at which one of the blocks ends, all lines
    are known, and are sorted at once. Sorting finds that they are few sorted runs, so it only merges them."""
    # Not heapq.merge, which would go through Python for every line: sort does it in C.
    streams = [_Stream(folder, said) for folder in folders]
    try:
        while streams := [one for one in streams if one.fill()]:
            until = min(one.stamps[-1] for one in streams)
            lines = _in_one_order(streams, until)
            yield lines if wanted.is_open else list(filter(wanted.passes, lines))
    finally:
        for one in streams:
            one.close()


def _in_one_order(streams: Sequence[_Stream], until: bytes) -> list[bytes]:
    """All lines up to then. Their own times serve to sort them, unless a clock was set back: then it takes pairs, which
    costs a quarter more."""
    parts = [one.take(until) for one in streams]
    lines = list(chain.from_iterable(lines for lines, _ in parts))
    if all(one.is_steady for one in streams):
        lines.sort(key=_stamp)
        return lines
    stamps = chain.from_iterable(stamps for _, stamps in parts)
    return [line for _, line in sorted(zip(stamps, lines, strict=True), key=_first)]


class _Stream:
    """One machine's records in its own order. Their times never go back: a clock that was set back does not tear
    them apart. Unpacking goes on beside, in a thread: it needs nothing of Python."""

    def __init__(self, folder: RunFolder, said: Callable[[str], None]) -> None:
        self.lines: list[bytes] = []
        self.stamps: list[bytes] = []
        self._said = said
        self.is_steady = True
        """Whether its lines' own times are in order so far."""
        self._last = b""
        self._blocks: Queue[bytes | DamagedLog | None] = Queue(BLOCKS_AHEAD)
        self._is_closed = False
        # A daemon: a merge that is interrupted does not wait for a thread that waits for room in its queue.
        Thread(target=self._unpack, args=(folder,), daemon=True).start()

    def fill(self) -> bool:
        """Have some lines, or tell that there are none any more."""
        while not self.lines:
            block = self._blocks.get()
            if block is None:
                return False
            if isinstance(block, DamagedLog):
                self._said(str(block))
                continue
            self.lines = block.splitlines(keepends=True)
            self.stamps = list(map(_stamp, self.lines))
            if self.stamps and (self.stamps[0] < self._last or self.stamps != sorted(self.stamps)):
                # As if the clock had stood still until it was past its last time again: what was printed after is not
                # shown before, and the lines keep the times that they have.
                self.stamps = list(accumulate(self.stamps, max, initial=self._last))[1:]
                self.is_steady = False
            self._last = self.stamps[-1] if self.stamps else self._last
        return True

    def take(self, until: bytes) -> tuple[list[bytes], list[bytes]]:
        """Lines and times up to then."""
        at = bisect_right(self.stamps, until)
        taken = self.lines[:at], self.stamps[:at]
        self.lines, self.stamps = self.lines[at:], self.stamps[at:]
        return taken

    def close(self) -> None:
        """Nobody reads on: the thread ends at its next block."""
        self._is_closed = True
        while not self._blocks.empty():
            self._blocks.get_nowait()

    def _unpack(self, folder: RunFolder) -> None:
        try:
            for segment in folder.log_segments():
                try:
                    for block in read_segment(segment):
                        for piece in _pieces(block):
                            if self._is_closed:
                                return
                            self._blocks.put(piece)
                except DamagedLog as error:
                    self._blocks.put(error)
                except OSError as error:
                    # A thread has nobody to raise to: what it cannot read is told as damage, at its place in the order.
                    self._blocks.put(DamagedLog(segment, error.strerror or str(error)))
        finally:
            if not self._is_closed:
                self._blocks.put(None)


def _pieces(block: bytes) -> Iterator[bytes]:
    """Cut at the ends of lines."""
    start = 0
    while len(block) - start > PIECE and (end := block.find(b"\n", start + PIECE) + 1):
        yield block[start:end]
        start = end
    if start < len(block):
        yield block[start:]
