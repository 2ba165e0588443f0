"""Attempts → each job's final state, and the counts. Resume, status and merge all ask here.

One byte a position of the machine's ranges. The journal is the truth; the file `tally` caches the sums up to
an offset together with the BLAKE3 of the journal to there, and is believed only when that hash is right.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from blake3 import blake3

from shareout.files import hash_start, replace_file
from shareout.record.durations import Durations
from shareout.record.journal import Header, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Damage, JournalReader

NEW, DONE, FAILED, SKIPPED = 0, 1, 2, 3
_FINAL = {State.DONE: DONE, State.FAILED: FAILED, State.SKIPPED: SKIPPED}
# The common line, without reading all of it: a first try that is done. Its result is not looked at.
_PLAIN = re.compile(
    rb'\{"job":(\d+),"pos":(\d+),"try":1,"state":"done","start":([0-9.]+),"end":([0-9.]+),"slot":\d+[,}]'
)

Range = tuple[int, int]


@dataclass(slots=True)
class Tally:
    """Where every position of some ranges stands."""

    ranges: Sequence[Range]
    states: bytearray = field(init=False)
    tries: dict[int, int] = field(default_factory=dict)
    """The highest attempt of positions that had more than a clean first one."""
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    durations: Durations = field(default_factory=Durations)
    foreign: int = 0
    doubled: int = 0
    offset: int = 0
    lines: int = 0
    damage: list[Damage] = field(default_factory=list)
    damaged: int = 0
    """How many stretches were damaged up to `offset`, also those that were told in an earlier session."""
    first_start: float | None = None
    last_end: float | None = None
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [0, *accumulate(stop - start for start, stop in self.ranges)]
        self.states = bytearray(self._starts[-1])
        self.counts[NEW] = len(self.states)

    @property
    def done(self) -> int:
        return self.counts[DONE]

    @property
    def failed(self) -> int:
        return self.counts[FAILED]

    @property
    def skipped(self) -> int:
        return self.counts[SKIPPED]

    @property
    def todo(self) -> int:
        return self.counts[NEW]

    def index(self, position: int) -> int:
        """Where a position's byte is, or -1 when it is not in the ranges."""
        for number, (start, stop) in enumerate(self.ranges):
            if start <= position < stop:
                return self._starts[number] + position - start
        return -1

    def position(self, index: int) -> int:
        """The inverse of `index`."""
        number = bisect_right(self._starts, index) - 1
        return self.ranges[number][0] + index - self._starts[number]

    def state(self, position: int) -> int:
        at = self.index(position)
        return self.states[at] if at >= 0 else NEW

    def attempts_of(self, position: int) -> int:
        """How many tries are behind a position."""
        return self.tries.get(position, int(self.state(position) != NEW))

    def apply(self, attempt: Attempt) -> None:
        """Fold one record in. The first that is done counts; what comes after it is told as doubled."""
        if attempt.state is State.STOPPED:
            return
        at = self.index(attempt.position)
        if at < 0:
            self.foreign += 1
            return
        now = self.states[at]
        if attempt.state is State.REQUEUED:
            self._set(at, NEW)
            # Attempt numbers go on, so that what comes after is told from what was before.
            self.tries[attempt.position] = max(attempt.attempt, self.tries.get(attempt.position, 0))
            return
        if now == DONE and attempt.state is State.DONE:
            self.doubled += 1
            return
        if attempt.attempt > 1 or attempt.state is not State.DONE:
            self.tries[attempt.position] = max(attempt.attempt, self.tries.get(attempt.position, 0))
        if attempt.state in _FINAL and now != DONE:
            self._set(at, _FINAL[attempt.state])
        if attempt.state in (State.DONE, State.FAILED):
            self._timed(attempt.start, attempt.end)

    def did(self, start: int, stop: int) -> None:
        """A stretch of positions is done at the first try, as the crew knows without reading its lines."""
        at = self.index(start)
        length = stop - start
        before = self.states.count(DONE, at, at + length)
        self.states[at : at + length] = b"\1" * length
        self.counts[DONE] += length - before
        self.counts[NEW] -= length - before

    def read_block(self, lines: Iterable[bytes]) -> None:
        """Checked lines, as a reader gives them."""
        plain = _PLAIN.match
        states, index, durations = self.states, self.index, self.durations.add
        for line in lines:
            found = plain(line)
            if found is None:
                record = parse(line)
                if isinstance(record, Attempt):
                    self.apply(record)
                continue
            position = int(found[2])
            at = index(position)
            if at < 0:
                self.foreign += 1
            elif states[at] == DONE:
                self.doubled += 1
            else:
                self._set(at, DONE)
                end = float(found[4])
                durations(end - float(found[3]))
                if self.last_end is None or end > self.last_end:
                    self.last_end = end
                if self.first_start is None:
                    self.first_start = float(found[3])

    def catch_up(self, path: Path) -> None:
        """Read what is new in the journal since the last call."""
        reader = JournalReader(path, self.offset, self.lines)
        for block in reader.blocks():
            self.read_block(block)
        self.offset = reader.good_end
        self.lines = reader.line
        self.damage += reader.damage
        self.damaged += len(reader.damage)

    def _set(self, at: int, state: int) -> None:
        self.counts[self.states[at]] -= 1
        self.counts[state] += 1
        self.states[at] = state

    def _timed(self, start: float, end: float) -> None:
        self.durations.add(end - start)
        if self.first_start is None or start < self.first_start:
            self.first_start = start
        if self.last_end is None or end > self.last_end:
            self.last_end = end

    def save(self, path: Path, offset: int, digest: bytes) -> None:
        """Cache the sums of the journal's first `offset` bytes, whose hash is `digest`."""
        facts = {
            "tally": 1,
            "offset": offset,
            "lines": self.lines,
            "journal": digest.hex(),
            "states": blake3(bytes(self.states)).hexdigest(),
            "ranges": [list(one) for one in self.ranges],
            "tries": self.tries,
            "durations": self.durations.facts(),
            "foreign": self.foreign,
            "doubled": self.doubled,
            "damaged": self.damaged,
            "first_start": self.first_start,
            "last_end": self.last_end,
        }
        replace_file(path, [json.dumps(facts).encode() + b"\n", bytes(self.states)], sync=False)


def tally_of(journal: Path, cache: Path, header: Header) -> Tally:
    """The tally of a journal: from the cache when it proves right, else from the first line."""
    ranges = [*header.ranges, *header.audit]
    tally = _cached(journal, cache, ranges) or Tally(ranges)
    tally.catch_up(journal)
    return tally


def _cached(journal: Path, cache: Path, ranges: Sequence[Range]) -> Tally | None:
    try:
        with cache.open("rb") as file:
            facts = json.loads(file.readline())
            states = bytearray(file.read())
        if facts["tally"] != 1 or [tuple(one) for one in facts["ranges"]] != [tuple(one) for one in ranges]:
            return None
        if blake3(bytes(states)).hexdigest() != facts["states"] or not _is_prefix(journal, facts):
            return None
        tally = Tally(ranges)
        if len(states) != len(tally.states):
            return None
        tally.states = states
        tally.counts = [states.count(state) for state in (NEW, DONE, FAILED, SKIPPED)]
        tally.tries = {int(position): int(tries) for position, tries in facts["tries"].items()}
        tally.durations = Durations.of(facts["durations"])
        tally.offset, tally.lines = facts["offset"], facts["lines"]
        tally.foreign, tally.doubled, tally.damaged = facts["foreign"], facts["doubled"], facts["damaged"]
        tally.first_start, tally.last_end = facts["first_start"], facts["last_end"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError):
        # A cache: whatever is wrong with it, the journal is read instead.
        return None
    return tally


def proven_size(journal: Path, cache: Path) -> int:
    """Up to which offset a journal is known to be the undamaged lines that were written to it, without looking at
    any of them; 0 when that is not known."""
    try:
        with cache.open("rb") as file:
            facts = json.loads(file.readline())
        if facts["tally"] == 1 and facts["damaged"] == 0 and _is_prefix(journal, facts):
            return int(facts["offset"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return 0


def _is_prefix(journal: Path, facts: dict[str, object]) -> bool:
    """Whether the journal still begins with the very bytes that were summed up."""
    offset = int(str(facts["offset"]))
    return offset <= journal.stat().st_size and hash_start(journal, offset).hexdigest() == facts["journal"]
