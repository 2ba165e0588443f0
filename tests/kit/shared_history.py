"""What stands in a shared folder, read by what its entries say and when they came to stand: who had which position at a
moment, and who took over from whom."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shareout.ledger.entry import Entry, name_of, parse, root_begins
from shareout.plan.plan import Plan


class Span(NamedTuple):
    """So long these positions were one host's: from when an entry stood there until the next did."""

    low: int
    stop: int
    name: str
    since: float
    until: float


class Seizure(NamedTuple):
    """Positions that one took over from another."""

    low: int
    hi: int
    whom: str
    by: str
    when: float


class History:
    """All entries of the one ledger in a folder, put there by symbolic links."""

    def __init__(self, shared: Path, plan: Plan) -> None:
        (self.ledger,) = (path.parent for path in shared.glob("*/*/ledger.json"))
        self.spans: list[Span] = []
        self.seizures: list[Seizure] = []
        self.opened: list[Seizure] = []
        """By a new start, of what an earlier one of the same machine had."""
        self.verbs: Counter[str] = Counter()
        self.is_over = True
        shares = ((place, plan.share(one.name).ranges) for place, one in enumerate(plan.machines))
        for place, ranges in shares:
            for phase, (low, hi) in enumerate(ranges):
                if low < hi:
                    self._walk(f"{place}.{phase}", root_begins(low, hi), 0.0)

    def owners(self, position: int, since: float, until: float) -> set[str]:
        """Whoever had it reserved at some moment between these."""
        return {
            one.name
            for one in self.spans
            if one.low <= position < one.stop and one.since <= until and one.until >= since
        }

    def why_twice(self, position: int) -> list[Seizure]:
        """What explains that it ran more than once."""
        return [one for one in [*self.seizures, *self.opened] if one.low <= position < one.hi]

    def _entries(self, lane: str) -> Iterator[tuple[Entry, float]]:
        folder = self.ledger / "lanes" / lane
        for k in range(1, 1 << 30):
            try:
                text = os.readlink(os.fsencode(folder / str(k))).replace(b"\x1f", b"/")
            except FileNotFoundError:
                return
            yield parse(lane, k, text), os.lstat(folder / str(k)).st_mtime

    def _walk(self, lane: str, entry: Entry, since: float) -> None:
        for newer, when in self._entries(lane):
            self._note(entry, since, when)
            self.verbs[newer.verb] += 1
            if newer.kid:
                self._walk(newer.nonce, newer.kid_begins(), when)
            if newer.verb == "seize" or (newer.verb == "open" and entry.owner):
                found = self.seizures if newer.verb == "seize" else self.opened
                found.append(Seizure(entry.low, entry.hi, name_of(entry.owner), name_of(newer.by), when))
            entry, since = newer, when
        self._note(entry, since, float("inf"))
        self.is_over &= entry.is_final

    def _note(self, entry: Entry, since: float, until: float) -> None:
        if entry.owner and entry.low < entry.res:
            self.spans.append(Span(entry.low, entry.res, name_of(entry.owner), since, until))
