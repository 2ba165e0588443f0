"""Attempts → each job's final state, and the counts. Resume, status and merge all ask here.

The journals are the truth; what is kept of the sums between two commands is `saved`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from operator import sub
from pathlib import Path
from typing import Never

from blake3 import blake3

from shareout.fields import dataclass, field
from shareout.ranges import Range, common
from shareout.record.belonging import Belonging
from shareout.record.journal import parse
from shareout.record.lines.common_line import sampled
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Chunk, Damage, JournalReader
from shareout.record.tallies.bulk import Bulk, bulk_of
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.standing import DONE, ELSEWHERE, FAILED, NEW, SKIPPED, SPARED, Standing
from shareout.world import world

_FINAL = {State.DONE: DONE, State.FAILED: FAILED, State.SKIPPED: SKIPPED}
# Of a journal that is all damage, every line would be kept; nobody reads more than the first, and all are counted.
MOST_DAMAGE_KEPT = 1000


@dataclass(slots=True)
class Part:
    """How far one journal was read."""

    offset: int = 0
    lines: int = 0
    damaged: int = 0
    """How many stretches of it were damaged, also those that nobody keeps the places of."""
    hasher: blake3 = field(default_factory=blake3)
    """Over the journal up to `offset`."""
    file: tuple[int, int] = (0, 0)
    """Device and inode."""

    def facts(self) -> list[object]:
        """As the cache has it."""
        return [self.offset, self.lines, self.damaged, self.hasher.hexdigest()]


@dataclass(slots=True)
class Tally(Standing):
    """Where every position of some ranges stands, by the journals that were read."""

    belonging: Belonging | None = None
    """What a journal must keep to that is read; a record that does not is refused."""
    former: Tally | None = None
    """Where the positions stand that its machine owed in earlier starts and does not owe now: apart, for they are no
    part of any count."""
    durations: Durations = field(init=False)
    doubled: int = 0
    parts: dict[str, Part] = field(init=False, compare=False)
    """The journals that were read, by their names."""
    damage: list[Damage] = field(init=False)
    first_start: float | None = None
    last_end: float | None = None

    def clear(self) -> None:
        """Nothing is read yet."""
        Standing.clear(self)
        self.durations, self.damage, self.parts = Durations(), [], {}
        self.doubled = 0
        self.first_start = self.last_end = None
        if self.former:
            self.former.clear()

    @property
    def damaged(self) -> int:
        """How many stretches are no records, also those that `damage` no longer tells."""
        return sum(part.damaged for part in self.parts.values())

    def state(self, position: int) -> int:
        """Also of a position that its machine owed in an earlier start; NEW of one that it never owed."""
        at = self.index(position)
        if at >= 0:
            return self.states[at]
        return self.former.state(position) if self.former else NEW

    def attempts_of(self, position: int) -> int:
        """How many tries are behind a position."""
        if self.former and self.index(position) < 0:
            return self.former.attempts_of(position)
        return self.tries.get(position, int(self.state(position) not in (NEW, ELSEWHERE, SPARED)))

    def apply(self, attempt: Attempt) -> None:
        """Fold one record in. The first that is done counts; what comes after it is told as doubled."""
        # We ended it ourselves: it leaves no trace, neither as a state nor in the number of the next try.
        if attempt.state is State.STOPPED:
            return
        at = self.index(attempt.position)
        if at < 0 and self.former:
            self.former.apply(attempt)
            return
        if at < 0:
            raise ValueError(f"position {attempt.position} is not in {self.ranges}")
        now = self.states[at]
        if attempt.state is State.REQUEUED:
            self.set_state(at, NEW)
            # Attempt numbers go on, so that what comes after is told from what was before.
            self.tries[attempt.position] = max(attempt.attempt, self.tries.get(attempt.position, 0))
            return
        if now == DONE and attempt.state is State.DONE:
            self.doubled += 1
            return
        if attempt.attempt > 1 or attempt.state is not State.DONE:
            self.tries[attempt.position] = max(attempt.attempt, self.tries.get(attempt.position, 0))
        # What is done stays so: a failure that another copy of the job recorded later takes nothing back. Only a person
        # does, by REQUEUED.
        if attempt.state in _FINAL and now != DONE:
            self.set_state(at, _FINAL[attempt.state])
        if attempt.state in (State.DONE, State.FAILED):
            self._timed(attempt.start, attempt.end, 1)

    def adopt(self, positions: list[int], lines: bytes) -> None:
        """Positions that were new are done, by records of runs elsewhere."""
        if positions:
            were_new = self.states.turn(self._places(positions) or list(map(self.index, positions)), NEW, DONE)
            assert were_new
        self.counts[NEW] -= len(positions)
        self.counts[DONE] += len(positions)
        self.took(lines, len(positions))

    def done_elsewhere(self, other: Tally, within: Sequence[Range]) -> None:
        """What another machine's journals prove is not to be run here; `within`: where both owe the same. It is no
        record of this machine's: what is saved does not have it."""
        # States of their own, and not DONE: a record of this machine may follow all the same, and is then no second one
        # of its own.
        for theirs, here in ((DONE, ELSEWHERE), (SKIPPED, SPARED)):
            for start, stop in common(other.stretches(theirs), within):
                self.mark_elsewhere(start, stop, here)

    def stretches(self, *states: int) -> Iterator[Range]:
        """The positions in any of these states, those that its machine no longer owes included."""
        yield from Standing.stretches(self, *states)
        if self.former:
            yield from self.former.stretches(*states)

    def took(self, lines: bytes, count: int) -> None:
        """How long the jobs of such a stretch took, from some of its lines when they are many."""
        for start, end, weight in sampled(lines, count):
            self._timed(start, end, weight)

    def catch_up(self, journals: Sequence[Path]) -> None:
        """Read what is new in these journals, the oldest first, since the last call. Where one was replaced or is gone,
        all are read anew."""
        found = {path: world.stat(path) for path in journals}
        # What was read cannot be taken out of sums again, so all of it is read anew.
        if not self._is_continued({path.name: told for path, told in found.items()}):
            self.clear()
        for path, told in found.items():
            part = self.parts.setdefault(path.name, Part())
            part.file = (told.st_dev, told.st_ino)
            if told.st_size > part.offset:
                self._read_on(path, part)

    def _is_continued(self, found: Mapping[str, os.stat_result]) -> bool:
        for name, part in self.parts.items():
            told = found.get(name)
            if told is None or told.st_size < part.offset:
                return False
            # Of what comes from the cache the file is not known; there the hash of its bytes has spoken for it.
            if part.file not in ((0, 0), (told.st_dev, told.st_ino)):
                return False
        return True

    def _read_on(self, path: Path, part: Part) -> None:
        reader = JournalReader(path, part.offset, part.lines, part.hasher)
        for chunk in reader.chunks():
            self._read(chunk, reader)
        part.offset = reader.good_end
        part.lines = reader.line
        part.damaged += len(reader.damage)
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
            former = self.former if at < 0 else None
            if (former or self).index(position) < 0 or (self.belonging and not self.belonging.holds([job], [position])):
                behind = chunk.data.count(b"\n", offset - chunk.offset)
                self._refuse(reader.path, reader.line - behind + 1, job, position)
            if isinstance(record, Attempt):
                self.apply(record)
            elif plain[0] and former:
                former.apply_plain(former.index(position), float(plain[2]), float(plain[3]))
            elif plain[0]:
                self.apply_plain(at, float(plain[2]), float(plain[3]))

    def apply_plain(self, at: int, start: float, end: float) -> None:
        """What `apply` makes of a first try that is done, without making an Attempt of it."""
        if self.set_state(at, DONE) == DONE:
            self.doubled += 1
        else:
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
        if places is None or not self.states.turn(places, NEW, DONE):
            return False
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
            # Not ours now; or never, which the other way tells.
            return False
        if self.belonging is None:
            return True
        holds = self.belonging.holds
        return holds(bulk.jobs, bulk.positions) and all(holds([one.job], [one.position]) for one in bulk.others)

    def _places(self, positions: list[int]) -> list[int] | None:
        """The places of these positions; None when they are not all in one range. Chunks over a
        border are rare, and looking each position up would cost all others that time."""
        start, stop, back = self.stretch_at(positions[0])
        if min(positions) < start or max(positions) >= stop:
            return None
        return [position - back for position in positions] if back else positions

    def _timed(self, start: float, end: float, weight: int) -> None:
        self.durations.add(end - start, weight)
        self._spanned(start, end)

    def _spanned(self, start: float, end: float) -> None:
        if self.first_start is None or start < self.first_start:
            self.first_start = start
        if self.last_end is None or end > self.last_end:
            self.last_end = end
