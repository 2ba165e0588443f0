"""Attempts → each job's final state, and the counts. Resume, status and merge all ask here.

One byte a position of the machine's ranges. The journal is the truth; the file `tally` caches the sums up to
an offset together with the BLAKE3 of the journal to there, and is believed only when that hash is right.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub
from pathlib import Path
from typing import Any, Never

from blake3 import blake3

from shareout.errors import CannotRead
from shareout.files import replace_file
from shareout.record.belonging import Belonging, IdsAt
from shareout.record.journal import Header, parse
from shareout.record.lines.common_line import sampled
from shareout.record.outcome import Attempt, State
from shareout.record.proof import VERSION, hash_of_prefix, sealed
from shareout.record.reader import Chunk, Damage, JournalReader
from shareout.record.tallies.bulk import Bulk, bulk_of
from shareout.record.tallies.durations import Durations
from shareout.world import world

NEW, DONE, FAILED, SKIPPED = 0, 1, 2, 3
_FINAL = {State.DONE: DONE, State.FAILED: FAILED, State.SKIPPED: SKIPPED}
# Of a journal that is all damage, every line would be kept; nobody reads more than the first, and all are counted.
MOST_DAMAGE_KEPT = 1000

Range = tuple[int, int]


@dataclass(slots=True)
class Tally:
    """Where every position of some ranges stands."""

    ranges: Sequence[Range]
    belonging: Belonging | None = None
    """What a journal must keep to that is read; a record that does not is refused."""
    # A byte each, not a set: ten million positions are 10 MB, and are counted, saved and restored as a whole.
    states: bytearray = field(init=False)
    tries: dict[int, int] = field(init=False)
    """The highest attempt of positions that had more than a clean first one."""
    counts: list[int] = field(init=False)
    durations: Durations = field(init=False)
    doubled: int = 0
    offset: int = 0
    lines: int = 0
    hasher: blake3 = field(init=False, compare=False)
    """Over the journal up to `offset`."""
    damage: list[Damage] = field(init=False)
    damaged: int = 0
    """How many stretches were damaged up to `offset`, also those that `damage` no longer tells."""
    first_start: float | None = None
    last_end: float | None = None
    _starts: list[int] = field(init=False)
    _lookup: list[tuple[int, int, int]] = field(init=False)
    _file: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._starts = [0, *accumulate(stop - start for start, stop in self.ranges)]
        # Start, stop, and what to subtract: sorted, for a job file may have thousands of phases.
        self._lookup = sorted(
            (start, stop, start - at)
            for (start, stop), at in zip(self.ranges, self._starts, strict=False)
            if start < stop
        )
        self._clear()

    def _clear(self) -> None:
        self.states = bytearray(self._starts[-1])
        self.counts = [len(self.states), 0, 0, 0]
        self.tries, self.durations, self.damage, self.hasher = {}, Durations(), [], blake3()
        self.doubled = self.offset = self.lines = self.damaged = 0
        self.first_start = self.last_end = None

    @property
    def done(self) -> int:
        """How many positions are done, whoever ran them and at whichever try."""
        return self.counts[DONE]

    @property
    def failed(self) -> int:
        """How many have failed for good: a try that is followed by another does not count."""
        return self.counts[FAILED]

    @property
    def skipped(self) -> int:
        """How many a person said are not to run."""
        return self.counts[SKIPPED]

    @property
    def todo(self) -> int:
        """How many have no final state: never tried, to be tried again, or requeued."""
        return self.counts[NEW]

    def index(self, position: int) -> int:
        """Where a position's byte is, or -1 when it is not in the ranges."""
        at = bisect_right(self._lookup, (position, 1 << 200)) - 1
        if at < 0 or position >= self._lookup[at][1]:
            return -1
        return position - self._lookup[at][2]

    def position(self, index: int) -> int:
        """The inverse of `index`."""
        number = bisect_right(self._starts, index) - 1
        return self.ranges[number][0] + index - self._starts[number]

    def state(self, position: int) -> int:
        """NEW, DONE, FAILED or SKIPPED; NEW also of a position outside the ranges."""
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
            raise ValueError(f"position {attempt.position} is not in {self.ranges}")
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
            self._timed(attempt.start, attempt.end, 1)

    def did(self, start: int, stop: int) -> None:
        """A stretch of positions is done at the first try, as the crew knows without reading its lines."""
        at = self.index(start)
        length = stop - start
        for state in (NEW, FAILED, SKIPPED):
            self.counts[state] -= self.states.count(state, at, at + length)
        self.counts[DONE] += length - self.states.count(DONE, at, at + length)
        self.states[at : at + length] = b"\1" * length

    def took(self, lines: bytes, count: int) -> None:
        """How long the jobs of such a stretch took, from some of its lines when they are many."""
        for start, end, weight in sampled(lines, count):
            self._timed(start, end, weight)

    def catch_up(self, path: Path) -> None:
        """Read what is new in the journal since the last call. One that was replaced is read anew."""
        found = world.stat(path)
        file = (found.st_dev, found.st_ino)
        if found.st_size < self.offset or self._file not in ((0, 0), file):
            self._clear()
        self._file = file
        reader = JournalReader(path, self.offset, self.lines, self.hasher)
        for chunk in reader.chunks():
            self._read(chunk, reader)
        self.offset = reader.good_end
        self.lines = reader.line
        self.damaged += len(reader.damage)
        self.damage += reader.damage[: max(0, MOST_DAMAGE_KEPT - len(self.damage))]

    def _read(self, chunk: Chunk, reader: JournalReader) -> None:
        """In bulk where the order of lines does not matter, else line by line."""
        bulk = bulk_of(chunk) if chunk.is_whole else None
        if bulk is None or not self._read_in_bulk(bulk):
            self._read_line_by_line(chunk, reader)

    def _read_line_by_line(self, chunk: Chunk, reader: JournalReader) -> None:
        for (offset, line), plain in zip(chunk.located(), chunk.plain, strict=True):
            record = None if plain[0] else parse(line)
            if plain[0]:
                job, position = int(plain[0]), int(plain[1])
            elif isinstance(record, Attempt):
                job, position = record.job, record.position
            else:
                continue
            at = self.index(position)
            if at < 0 or (self.belonging and not self.belonging.holds([job], [position])):
                behind = chunk.data.count(b"\n", offset - chunk.offset)
                self._refuse(reader.path, reader.line - behind + 1, job, position)
            if isinstance(record, Attempt):
                self.apply(record)
            elif plain[0]:
                self._apply_plain(at, float(plain[2]), float(plain[3]))

    def _apply_plain(self, at: int, start: float, end: float) -> None:
        """What `apply` makes of a first try that is done, without making an Attempt of it."""
        if self.states[at] == DONE:
            self.doubled += 1
        else:
            self._set(at, DONE)
            self._timed(start, end, 1)

    def _refuse(self, path: Path, line: int, job: int, position: int) -> Never:
        if self.belonging is None:
            raise ValueError(f"{path}:{line}: position {position} is not in {self.ranges}")
        raise self.belonging.refusal(path, line, job, position)

    def _read_in_bulk(self, bulk: Bulk) -> bool:
        """Half the time of line by line. False, nothing read, when a position comes twice or is not ours: that is
        counted, or refused with its line, which only the other way can tell."""
        if not bulk.are_apart or not self._are_ours(bulk):
            return False
        places = self._places(bulk.positions)
        states = self.states
        if places is None or any(map(states.__getitem__, places)):
            return False
        for place in places:
            states[place] = DONE
        self.counts[NEW] -= len(places)
        self.counts[DONE] += len(places)
        began, ended = bulk.times()
        self.durations.add_all(map(sub, ended, began))
        self._spanned(min(began), max(ended))
        for one in bulk.others:
            self.apply(one)
        return True

    def _are_ours(self, bulk: Bulk) -> bool:
        if any(self.index(one.position) < 0 for one in bulk.others):
            return False
        if self.belonging is None:
            return True
        holds = self.belonging.holds
        return holds(bulk.jobs, bulk.positions) and all(holds([one.job], [one.position]) for one in bulk.others)

    def _places(self, positions: list[int]) -> list[int] | None:
        """Where the bytes of these positions are; None when they are not all in one range. Chunks over a
        border are rare, and looking each position up would cost all others that time."""
        start, stop, back = self._lookup[max(0, bisect_right(self._lookup, (positions[0], 1 << 200)) - 1)]
        if min(positions) < start or max(positions) >= stop:
            return None
        return [position - back for position in positions] if back else positions

    def _set(self, at: int, state: int) -> None:
        self.counts[self.states[at]] -= 1
        self.counts[state] += 1
        self.states[at] = state

    def _timed(self, start: float, end: float, weight: int) -> None:
        self.durations.add(end - start, weight)
        self._spanned(start, end)

    def _spanned(self, start: float, end: float) -> None:
        if self.first_start is None or start < self.first_start:
            self.first_start = start
        if self.last_end is None or end > self.last_end:
            self.last_end = end

    def save(self, path: Path, offset: int, digest: bytes, lines: int | None = None) -> None:
        """Cache the sums of the journal's first `offset` bytes, whose hash is `digest`."""
        facts = {
            "tally": VERSION,
            "offset": offset,
            "lines": self.lines if lines is None else lines,
            "journal": digest.hex(),
            "ranges": [list(one) for one in self.ranges],
            "tries": self.tries,
            "durations": self.durations.facts(),
            "belonging": self.belonging is not None and self.belonging.knows_ids,
            "doubled": self.doubled,
            "damaged": self.damaged,
            "damage": [[one.line, one.offset, one.size, one.why] for one in self.damage],
            "first_start": self.first_start,
            "last_end": self.last_end,
        }
        head = json.dumps(facts).encode("ascii") + b"\n"
        seal = blake3(head).update(self.states).digest()
        # Not synced: what a power cut leaves of it is found by its seal, and the journal read.
        replace_file(path, [head, self.states, seal], sync=False)

    def restore(self, facts: dict[str, Any], states: bytearray, hasher: blake3) -> None:
        """Back to what `save` was given. KeyError, TypeError or ValueError of facts that are none, and the tally is
        then of no use."""
        self.hasher = hasher
        self.states = states
        self.counts = [states.count(state) for state in (NEW, DONE, FAILED, SKIPPED)]
        self.tries = {int(position): int(tries) for position, tries in facts["tries"].items()}
        self.durations = Durations.of(facts["durations"])
        self.damage = [Damage(*one) for one in facts["damage"]]
        for key in ("offset", "lines", "doubled", "damaged", "first_start", "last_end"):
            setattr(self, key, facts[key])


def tally_of(journal: Path, cache: Path, header: Header, ids_at: IdsAt | None = None) -> Tally:
    """The tally of a journal: from the cache when it proves right, else from the first line. `ids_at`: the plan's, to
    ask of each record that is read whether it belongs where it stands."""
    belonging = Belonging(header, ids_at)
    try:
        tally = _cached(journal, cache, header, belonging) or Tally([*header.ranges, *header.audit], belonging)
    except MemoryError:
        raise CannotRead(f"{journal} wants too much memory") from None
    tally.catch_up(journal)
    return tally


def _cached(journal: Path, cache: Path, header: Header, belonging: Belonging) -> Tally | None:
    ranges = [*header.ranges, *header.audit]
    try:
        facts, states = sealed(cache)
        if [tuple(one) for one in facts["ranges"]] != [tuple(one) for one in ranges]:
            return None
        if belonging.knows_ids and not facts["belonging"]:
            return None
        # What was read before it was known stays unasked.
        tally = Tally(ranges, belonging if facts["belonging"] else Belonging(header))
        hasher = hash_of_prefix(journal, facts["offset"])
        if len(states) != len(tally.states) or hasher.hexdigest() != facts["journal"]:
            return None
        tally.restore(facts, states, hasher)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A cache: whatever is wrong with it, the journal is read instead.
        return None
    return tally
