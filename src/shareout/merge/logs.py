"""The logs of any machines → one stream ordered by time, in bounded memory.

Equal times keep each machine's own order. A segment that is damaged is told and its rest left out.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shareout.record.folder import RunFolder
from shareout.record.log import DamagedLog, read_segment

STAMP = 27
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_RECORD = re.compile(rb"(\S+) (\S+) job=(\S+)(?: try=\d+)? ([A-Z]+) ")


@dataclass(frozen=True, slots=True)
class Filter:
    """What passes; empty fields let everything through."""

    machines: frozenset[bytes] = frozenset()
    jobs: frozenset[bytes] = frozenset()
    level: str = "DEBUG"
    since: bytes = b""
    until: bytes = b""
    grep: re.Pattern[bytes] | None = None

    def passes(self, line: bytes) -> bool:
        stamp = line[:STAMP]
        if (self.since and stamp < self.since) or (self.until and stamp > self.until):
            return False
        if self.grep is not None and not self.grep.search(line):
            return False
        if not self.machines and not self.jobs and self.level == "DEBUG":
            return True
        match = _RECORD.match(line)
        if match is None:
            return False
        level = match[4].decode()
        rank = LEVELS.index(level) if level in LEVELS else len(LEVELS)
        return (
            (not self.machines or match[2] in self.machines)
            and (not self.jobs or match[3] in self.jobs)
            and rank >= LEVELS.index(self.level)
        )


def merged(folders: Sequence[RunFolder], wanted: Filter, said: Callable[[str], None]) -> Iterator[bytes]:
    """Lines with their newline."""
    streams = [_lines(folder, said) for folder in folders]
    for line in heapq.merge(*streams, key=_stamp):
        if wanted.passes(line):
            yield line


def _stamp(line: bytes) -> bytes:
    return line[:STAMP]


def _lines(folder: RunFolder, said: Callable[[str], None]) -> Iterator[bytes]:
    """One machine's records in its own order, their times never going back: a clock that was set back does not
    tear the stream apart."""
    for segment in folder.log_segments():
        try:
            for block in read_segment(segment):
                yield from block.splitlines(keepends=True)
        except DamagedLog as error:
            said(str(error))
