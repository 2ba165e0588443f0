"""One run directory → what its machine did: read once, in bulk, in memory that does not grow with the journal.

The common line, a first try that is done, is taken a chunk at a time; all others, and the chunks in which a
process began or ended, line by line, for there the order counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappush, heapreplace
from math import log
from operator import itemgetter, sub
from pathlib import Path

from shareout.fields import dataclass, field
from shareout.plan.ids import ids_as_told
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Chunk, JournalReader, incarnations_of
from shareout.record.tallies.durations import GROWTH, SHORTEST_S, Durations
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import FAILED
from shareout.record.tallies.tally import Tally
from shareout.report.spans import Spans

LONGEST_KEPT = 20
FAILURES_KEPT = 1000
KINDS_KEPT = 1000
FEW = 1500
_SCALE, _SHIFT = 1 / GROWTH, -log(SHORTEST_S) / GROWTH

_has_job = itemgetter(0)

Bar = tuple[int, float, float, int, bool]
"""Slot, start, end, job and whether it went well: one attempt to draw."""


@dataclass(frozen=True, slots=True, order=True)
class Long:
    """One of the longest jobs."""

    seconds: float
    job: int
    machine: str
    slot: int
    attempt: int
    start: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that is failed now, by its last attempt."""

    machine: str
    attempt: Attempt
    folder: RunFolder
    origin: str
    """Whose positions its attempt has."""


@dataclass(slots=True)
class Deeds:
    """All that one machine did, in one run directory or in several."""

    machine: str
    spans: Spans = field(default_factory=Spans)
    durations: Durations = field(default_factory=Durations)
    """Of attempts that ended by themselves, well or not."""
    finished: int = 0
    """Attempts that settled their job."""
    attempts: int = 0
    busy_s: float = 0.0
    active_s: float = 0.0
    """From the first start to the last end of each session."""
    drained_s: float = 0.0
    """How long a slot, on average, had nothing more to do at the ends of sessions."""
    began: float | None = None
    ended: float | None = None
    slots: set[int] = field(default_factory=set)
    hosts: dict[str, None] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)
    versions: dict[str, None] = field(default_factory=dict)
    longest: list[Long] = field(default_factory=list)
    bars: list[Bar] | None = field(default_factory=list)
    """Every attempt, as long as they are few."""
    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[int, Failure] = field(default_factory=dict)


class Reading:
    """Reads run directories of one machine into its deeds. Jobs whose end it finds are taken out of `watched`."""

    def __init__(
        self,
        deeds: Deeds,
        watched: set[int],
        told: Callable[[Iterable[int], Iterable[float]], None] | None = None,
    ) -> None:
        """`told` hears of all attempts that ended by themselves: jobs, and how long they took."""
        self.deeds, self._told = deeds, told
        self._watched = watched
        self._origin = ""
        self._first: float | None = None
        self._last = 0.0
        self._last_of: dict[int, float] = {}

    def read(self, folder: RunFolder, header: Header) -> Tally:
        """All attempts of a run directory; where its positions stand is in the tally."""
        tally = tally_of(folder, header, ids_as_told(header))
        self._origin = header.origin
        for one in incarnations_of(folder):
            self._session(one.header)
            if not one.header.whence:
                self._journal(one.path, tally, folder)
            elif self._watched:
                # They are done, and no deeds of this machine.
                self._watched.difference_update(record.job for record in JournalReader(one.path).attempts())
        return tally

    def _session(self, header: Header) -> None:
        deeds = self.deeds
        deeds.versions[header.version] = None
        if not header.start.reason:
            deeds.codes[header.code] = None
            deeds.hosts[header.start.host] = None

    def _journal(self, path: Path, tally: Tally, folder: RunFolder) -> None:
        reader = JournalReader(path)
        for chunk in reader.chunks():
            records: Iterator[object] = map(parse, self._in_bulk(chunk)) if chunk.is_whole else reader.records_of(chunk)
            for record in records:
                self._one(record, tally, folder)
        tally.damage += [one for one in reader.damage if one not in tally.damage]
        self._pause()

    def _in_bulk(self, chunk: Chunk) -> list[bytes]:
        """The lines that are left: all but the plain ones."""
        rows = chunk.plain
        plain = list(filter(_has_job, rows))
        if plain:
            jobs, _, starts, ends, slots = zip(*plain, strict=True)
            self._took(jobs, list(map(float, starts)), list(map(float, ends)), list(map(int, slots)))
        if len(plain) == len(rows):
            return []
        return [line for line, row in zip(chunk.lines, rows, strict=True) if not row[0]]

    def _took(
        self, jobs: Sequence[bytes], starts: Sequence[float], ends: Sequence[float], slots: Sequence[int]
    ) -> None:
        """First tries that are done, many at once: what is said of each of them goes by columns."""
        deeds = self.deeds
        seconds = list(map(sub, ends, starts))
        if min(seconds) < SHORTEST_S:
            seconds = [max(one, SHORTEST_S) for one in seconds]
        deeds.durations.merge(_durations_of(seconds))
        if self._told is not None:
            self._told(map(int, jobs), seconds)
        if self._watched:
            self._watched.difference_update(map(int, jobs))
        deeds.finished += len(seconds)
        deeds.attempts += len(seconds)
        deeds.busy_s += sum(seconds)
        deeds.slots.update(slots)
        if self._first is None:
            self._first = min(starts)
        self._last_of.update(zip(slots, ends, strict=True))
        self._last = max(self._last, max(ends))
        deeds.spans.reach(min(starts), max(ends))
        deeds.spans.add(slots, starts, ends)
        # One comparison for a chunk: after the first chunks hardly any has one of the longest, and its rows are not
        # looked at.
        if len(deeds.longest) < LONGEST_KEPT or max(seconds) > deeds.longest[0].seconds:
            for at, one in enumerate(seconds):
                self._long(one, int(jobs[at]), slots[at], 1, starts[at])
        if deeds.bars is not None:
            columns = zip(slots, starts, ends, jobs, strict=True)
            deeds.bars += [(slot, start, end, int(job), True) for slot, start, end, job in columns]
            if len(deeds.bars) > FEW:
                deeds.bars = None

    def _one(self, record: object, tally: Tally, folder: RunFolder) -> None:
        if not isinstance(record, Attempt) or record.state in (State.SKIPPED, State.REQUEUED) or not record.start:
            return
        if record.state is State.DONE and record.attempt == 1:
            self._took([b"%d" % record.job], [record.start], [max(record.start, record.end)], [record.slot])
        else:
            self._odd(record, tally, folder)

    def _odd(self, one: Attempt, tally: Tally, folder: RunFolder) -> None:
        """Any other attempt that was started."""
        self._kept_busy(one)
        if one.state is State.STOPPED:
            return
        self.deeds.durations.add(one.duration)
        if self._told is not None:
            self._told([one.job], [one.duration])
        self._long(one.duration, one.job, one.slot, one.attempt, one.start)
        self.deeds.finished += one.state in (State.DONE, State.FAILED)
        if one.state is State.DONE:
            self._watched.discard(one.job)
        else:
            self._failed(one, tally, folder)

    def _kept_busy(self, one: Attempt) -> None:
        """When its slot had something to do, whatever came of it."""
        deeds = self.deeds
        end = max(one.start, one.end)
        deeds.attempts += 1
        deeds.busy_s += one.duration
        deeds.slots.add(one.slot)
        deeds.spans.reach(one.start, end)
        deeds.spans.add([one.slot], [one.start], [end], are_final=one.state in (State.DONE, State.FAILED))
        self._first = one.start if self._first is None else self._first
        self._last = max(self._last, end)
        self._last_of[one.slot] = max(end, self._last_of.get(one.slot, end))
        if deeds.bars is not None:
            deeds.bars.append((one.slot, one.start, end, one.job, one.state is State.DONE))

    def _failed(self, one: Attempt, tally: Tally, folder: RunFolder) -> None:
        """Counted by its kind; kept when its job is still failed, so far as there is room for it."""
        deeds, kind = self.deeds, kind_of(one)
        if kind in deeds.kinds or len(deeds.kinds) < KINDS_KEPT:
            deeds.kinds[kind] += 1
        is_final = one.state is State.FAILED and tally.state(one.position) == FAILED
        if not is_final:
            return
        self._watched.discard(one.job)
        if one.job in deeds.failures or len(deeds.failures) < FAILURES_KEPT:
            deeds.failures[one.job] = Failure(deeds.machine, one, folder, self._origin)

    def _long(self, seconds: float, job: int, slot: int, attempt: int, start: float) -> None:
        longest = self.deeds.longest
        if len(longest) < LONGEST_KEPT:
            heappush(longest, Long(seconds, job, self.deeds.machine, slot=slot, attempt=attempt, start=start))
        elif seconds > longest[0].seconds:
            heapreplace(longest, Long(seconds, job, self.deeds.machine, slot=slot, attempt=attempt, start=start))

    def _pause(self) -> None:
        """A session is over: what came before and what comes after are not one stretch of work."""
        deeds = self.deeds
        if self._first is not None:
            deeds.active_s += max(0.0, self._last - self._first)
            idle = sum(self._last - last for last in self._last_of.values())
            deeds.drained_s += idle / len(self._last_of)
            deeds.began = self._first if deeds.began is None else min(deeds.began, self._first)
            deeds.ended = self._last if deeds.ended is None else max(deeds.ended, self._last)
        self._first, self._last, self._last_of = None, 0.0, {}


def _durations_of(seconds: Sequence[float]) -> Durations:
    """Many at once: their buckets are worked out here, without a call of `Durations.add` for each."""
    return Durations(
        Counter([int(log(one) * _SCALE + _SHIFT) for one in seconds]),
        len(seconds),
        sum(seconds),
        squares=sum(one * one for one in seconds),
        shortest=min(seconds),
        longest=max(seconds),
    )


def kind_of(attempt: Attempt) -> str:
    """What failures have in common: cause and words, numbers left out."""
    # Numbers tell failures apart that are of one kind: an address, a line, a file's number.
    words = re.sub(r"0x[0-9a-f]+|\d+", "…", attempt.error or "")[:80]
    if attempt.exit is not None and attempt.cause.value == "exit":
        return f"exit {attempt.exit}"
    return f"{attempt.cause.value}: {words}" if words else attempt.cause.value
