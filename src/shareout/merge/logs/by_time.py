"""The logs of any machines → one stream ordered by time, in bounded memory.

Equal times keep each machine's own order. A segment that is damaged is told and its rest left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain
from operator import itemgetter

from shareout.fields import dataclass
from shareout.merge.logs.unpacked import DAMAGE, END, Unpacked
from shareout.ranges import Range
from shareout.record.folder import RunFolder
from shareout.record.lines.form import MOST
from shareout.record.logs.exact import MARK
from shareout.record.outcome import Stream

# `2026-11-20T19:23:01.123456Z`: equally long, so that times are compared as bytes.
STAMP = 27
_stamp = itemgetter(slice(0, STAMP))
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_RECORD = re.compile(rb"(\S+) (\S+) job=(\S+)(?: try=\d+)? (out|err|[A-Z]+) ")
# What is for machines alone: it says once more what other records say, byte for byte.
_EXACT = re.compile(rb"\S+ \S+ job=\S+ try=\d+ RAW ")
LOG = "log"
STREAMS = (*map(str, Stream), LOG)
"""What a record can be of: a stream that a job printed on, or logging."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What passes; empty fields let everything through."""

    machines: frozenset[bytes] = frozenset()
    jobs: tuple[Range, ...] = ()
    """Stretches of their ids, in order."""
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
            and (not self.jobs or self._is_of_a_job(match[3]))
            and (not self.streams or stream in self.streams)
            and rank >= LEVELS.index(self.level)
        )

    def _is_of_a_job(self, word: bytes) -> bool:
        """By stretches, for all of a large pool may be asked for."""
        if not word.isdigit() or len(word) > len(str(MOST)):
            return False
        at = bisect_right(self.jobs, (int(word), MOST)) - 1
        return at >= 0 and int(word) < self.jobs[at][1]


def merged(folders: Sequence[RunFolder], wanted: Filter, said: Callable[[str], None]) -> Iterator[list[bytes]]:
    """Lists of lines with their newlines, all in one order.

    In rounds: of each machine a block is held; up to the earliest time at which one of the blocks ends, all lines
    are known, and are sorted at once. Sorting finds that they are few sorted runs, so it only merges them."""
    # Not heapq.merge, which would go through Python for every line: sort does it in C.
    unpacked = Unpacked(folders)
    try:
        streams = [_Stream(unpacked, number, said) for number in range(len(folders))]
        while streams := [one for one in streams if one.fill()]:
            until = min(one.stamps[-1] for one in streams)
            lines = _in_one_order(streams, until)
            yield lines if wanted.is_open else list(filter(wanted.passes, lines))
    finally:
        unpacked.close()


def _in_one_order(streams: Sequence[_Stream], until: bytes) -> list[bytes]:
    """All lines up to then."""
    parts = [part for one in streams if (part := one.take(until))[0]]
    if len(parts) == 1:
        return parts[0][0]
    lines = list(chain.from_iterable(lines for lines, _ in parts))
    # What to sort by is at hand, in the order of the lines, and that is the order in which `sort` asks for it: `next`
    # gives it the next one, whatever line it is asked of.
    lines.sort(key=partial(next, chain.from_iterable(stamps for _, stamps in parts)))
    return lines


class _Stream:
    """One machine's records in its own order. Their times never go back: a clock that was set back does not tear
    them apart."""

    def __init__(self, unpacked: Unpacked, number: int, said: Callable[[str], None]) -> None:
        self.lines: list[bytes] = []
        self.stamps: list[bytes] = []
        """By which they are sorted: their own times, as a rule."""
        self._said = said
        self._next = partial(unpacked.next, number)
        self._last = b""

    def fill(self) -> bool:
        """Have some lines, or tell that there are none any more."""
        while not self.lines:
            kind, data = self._next()
            if kind == END:
                return False
            if kind == DAMAGE:
                self._said(data.decode("utf-8", "surrogateescape"))
                continue
            self.lines = data.splitlines(keepends=True)
            if MARK in data:
                self.lines = [line for line in self.lines if MARK not in line or not _EXACT.match(line)]
            self.stamps = list(map(_stamp, self.lines))
            if self.stamps and (self.stamps[0] < self._last or self.stamps != sorted(self.stamps)):
                # As if the clock had stood still until it was past its last time again: what was printed after is not
                # shown before, and the lines keep the times that they have.
                self.stamps = list(accumulate(self.stamps, max, initial=self._last))[1:]
            self._last = self.stamps[-1] if self.stamps else self._last
        return True

    def take(self, until: bytes) -> tuple[list[bytes], list[bytes]]:
        """Lines and times up to then."""
        at = bisect_right(self.stamps, until)
        taken = self.lines[:at], self.stamps[:at]
        self.lines, self.stamps = self.lines[at:], self.stamps[at:]
        return taken
