"""Amounts over time in bounded memory: bins that double in width as the time grows, without knowing it beforehand.

A bin's number counts its widths from 1970, so that bins of several machines, once made equally wide, lie upon
each other. Nothing is lost when bins are joined: the sum stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shareout.fields import dataclass, field

# A power of two, so that every doubled width is exact and bins of all machines meet at their edges.
NARROWEST_S = 1 / 64
MOST_BINS = 512

Key = tuple[int, int]


@dataclass(slots=True)
class Spans:
    """How many ended in each bin, and for how long each slot was busy in it."""

    width: float = NARROWEST_S
    low: int = 0
    high: int = -1
    """The first and the last bin; none when the last is before the first."""
    ended: dict[int, int] = field(default_factory=dict)
    busy: dict[Key, float] = field(default_factory=dict)
    """Seconds by slot and bin."""

    def reach(self, first: float, last: float) -> None:
        """Make room for a stretch of time. To be called before anything in it is added."""
        while True:
            low, high = int(first // self.width), int(last // self.width)
            if self.high >= self.low:
                low, high = min(low, self.low), max(high, self.high)
            if high - low < MOST_BINS:
                self.low, self.high = low, high
                return
            # By doubling, and not to a width that just fits: bins can only be joined whole, without knowing what was in
            # which part.
            self.widen(self.width * 2)

    def widen(self, width: float) -> None:
        """To bins of a width that is this one doubled some times."""
        joined = round(width / self.width)
        ended, busy = self.ended, self.busy
        self.width, self.ended, self.busy = width, {}, {}
        for at, count in ended.items():
            self.ended[at // joined] = self.ended.get(at // joined, 0) + count
        for (slot, at), seconds in busy.items():
            key = (slot, at // joined)
            self.busy[key] = self.busy.get(key, 0.0) + seconds
        if self.high >= self.low:
            self.low, self.high = self.low // joined, self.high // joined

    def add(
        self, slots: Iterable[int], starts: Iterable[float], ends: Iterable[float], *, are_final: bool = True
    ) -> None:
        """Attempts, within the time that was reached for. Those that leave their job to do only keep slots busy."""
        scale = 1 / self.width
        ended, busy = self.ended, self.busy
        for slot, start, end in zip(slots, starts, ends, strict=True):
            first, last = int(start * scale), int(end * scale)
            if are_final:
                ended[last] = ended.get(last, 0) + 1
            # Most attempts lie within one bin: they are spared the generator below.
            if first == last:
                key = (slot, first)
                busy[key] = busy.get(key, 0.0) + end - start
            elif end > start:
                for key, seconds in self._pieces(slot, start, end):
                    busy[key] = busy.get(key, 0.0) + seconds

    def together(self, other: Spans) -> None:
        """Add what another one holds, the bins of both made equally wide."""
        if other.high < other.low:
            return
        self.widen(max(self.width, other.width))
        self.reach(other.low * other.width, other.high * other.width)
        other.widen(self.width)
        for at, count in other.ended.items():
            self.ended[at] = self.ended.get(at, 0) + count
        for key, seconds in other.busy.items():
            self.busy[key] = self.busy.get(key, 0.0) + seconds

    def without_slots(self) -> None:
        """One row for all slots: what is told of a machine with very many."""
        busy, self.busy = self.busy, {}
        for (_, at), seconds in busy.items():
            self.busy[0, at] = self.busy.get((0, at), 0.0) + seconds

    def _pieces(self, slot: int, start: float, end: float) -> Iterator[tuple[Key, float]]:
        """The part of an attempt in each bin."""
        at = int(start / self.width)
        while start < end:
            stop = min(end, (at + 1) * self.width)
            yield (slot, at), max(0.0, stop - start)
            start, at = stop, at + 1


def align(many: Sequence[Spans]) -> None:
    """The same bins for all machines, few enough for the time from the first to the last."""
    together = Spans()
    for spans in many:
        if spans.high >= spans.low:
            together.width = max(together.width, spans.width)
    for spans in many:
        if spans.high >= spans.low:
            together.reach(spans.low * spans.width, spans.high * spans.width)
    for spans in many:
        spans.widen(together.width)
