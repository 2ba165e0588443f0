"""When jobs ended, and which failed last, while they run: journals are read once, and after that what is new.

For a page that is looked at: a look reads so much and no more, so that a long past comes in by and by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, parse
from shareout.record.outcome import Attempt, State
from shareout.record.tallies.durations import Durations
from shareout.report.spans import Spans, align

A_LOOK = 16 << 20
"""Bytes of journals."""
FAILURES_KEPT = 20
# From the beginning of the line: a result may have such keys, too.
_ENDED = re.compile(
    rb'^\{"job":(\d+),"pos":\d+,"try":\d+,"state":"(?:done|failed)"[^\n]*?"start":([0-9.]+),"end":([0-9.]+)',
    re.MULTILINE,
)
_FAILED = b'"state":"failed"'


class History:
    """Of some run directories, by machine."""

    def __init__(self, version: int = 0) -> None:
        """`version`: that of another one, which this goes on from."""
        self.folders: Sequence[tuple[str, RunFolder]] = ()
        """Each with the name of its machine; more may come."""
        self.group_of: Callable[[int], str | None] | None = None
        """Of which group a job is; None where there are none."""
        self.durations: dict[str, Durations] = {}
        """How long what ended took, by group."""
        self._read: dict[Path, int] = {}
        self._spans: dict[str, Spans] = {}
        self._seen: dict[str, int] = {}
        self._observed: dict[str, Spans] = {}
        self.failures: list[tuple[str, RunFolder, Attempt]] = []
        """The last ones, the newest at the end."""
        self.version = version
        """Another one whenever there is more."""

    def look(self) -> None:
        """Read on. A journal that is away for the moment is read the next time."""
        left = A_LOOK
        for machine, folder in self.folders:
            for path in folder.journals():
                if left <= 0:
                    return
                try:
                    left -= self._read_on(machine, folder, path, left)
                except OSError:
                    continue

    def observe(self, counted: Mapping[str, int], now: float) -> None:
        """Of machines whose journals are not here: what more has ended than at the last look ended since. When a
        journal comes it tells better."""
        for machine in self._seen.keys() - counted.keys():
            del self._seen[machine]
        for machine, count in counted.items():
            more = count - self._seen.get(machine, count)
            self._seen[machine] = count
            if more > 0:
                self._observed.setdefault(machine, Spans())
                self.version += 1
                _add(self._observed[machine], [now] * more)

    def spans(self) -> dict[str, Spans]:
        """By machine, with bins of one width."""
        found = {**self._observed, **self._spans}
        align(list(found.values()))
        return {machine: spans for machine, spans in found.items() if spans.ended}

    def _read_on(self, machine: str, folder: RunFolder, path: Path, most: int) -> int:
        at = self._read.get(path, 0)
        with path.open("rb") as file:
            file.seek(at)
            block = file.read(most)
        whole = block[: block.rfind(b"\n") + 1]
        if not whole:
            return 0
        self._read[path] = at + len(whole)
        self.version += 1
        rows = _ENDED.findall(whole)
        if rows:
            _add(self._spans.setdefault(machine, Spans()), [float(end) for _, _, end in rows])
        if self.group_of is not None:
            self._group(self.group_of, rows)
        # From the end: of very many only the last ones are shown.
        found = whole.rfind(_FAILED)
        failed: list[Attempt] = []
        while found >= 0 and len(failed) < FAILURES_KEPT:
            start = whole.rfind(b"\n", 0, found) + 1
            one = _attempt(whole[start : whole.find(b"\n", found)])
            if one is not None:
                failed.append(one)
            found = whole.rfind(_FAILED, 0, start)
        # By when they ended: journals are read one machine after the other.
        told = [*self.failures, *((machine, folder, one) for one in failed)]
        self.failures = sorted(told, key=lambda one: one[2].end)[-FAILURES_KEPT:]
        return len(whole)

    def _group(self, group_of: Callable[[int], str | None], rows: list[tuple[bytes, bytes, bytes]]) -> None:
        found: dict[str, list[float]] = {}
        for job, start, end in rows:
            found.setdefault(group_of(int(job)) or "-", []).append(round(float(end) - float(start), 3))
        for name, seconds in found.items():
            self.durations.setdefault(name, Durations()).add_all(seconds)


def _add(spans: Spans, ends: list[float]) -> None:
    spans.reach(min(ends), max(ends))
    for end in ends:
        at = int(end / spans.width)
        spans.ended[at] = spans.ended.get(at, 0) + 1


def _attempt(line: bytes) -> Attempt | None:
    try:
        record = parse(line)
    except BadLine:
        return None
    return record if isinstance(record, Attempt) and record.state is State.FAILED else None
