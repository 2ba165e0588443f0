"""The columns of a merged table: their names, and a result laid out in them. Nothing that was returned is dropped.

The names come from `[results] columns`, else header.csv, else the keys of the first row, else `result`,
`result_2` … A result that does not fit is noted, so that the table can be made again with room for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shareout.merge.partition import Meta
from shareout.record.log import stamp

META: dict[str, tuple[str, ...]] = {
    "none": (),
    "times": ("run_start", "start", "duration", "end"),
    "all": ("machine", "attempt", "slot", "run_start", "start", "duration", "end"),
}
# What job-splitter's header.csv begins with: its names for the times, which are columns of ours by --meta.
_TIMES = ("run start time", "job running time", "job start time")


@dataclass(frozen=True, slots=True)
class Origin:
    """Of one journal: its machine, and when the processes began that wrote it, in order."""

    machine: str
    begun: Sequence[float] = ()

    def began(self, start: float) -> str | None:
        """When the run began in which a job started."""
        at = bisect_right(self.begun, start)
        return stamp(self.begun[at - 1]) if at else None


@dataclass(slots=True)
class Sheet:
    """Which columns there are, in order: `job`, those of the results, those about how each job ran."""

    names: tuple[str, ...]
    by_name: bool = False
    meta: tuple[str, ...] = ()
    origins: Sequence[Origin] = ()
    strange: set[str] = field(default_factory=set)
    widest: int = 0

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def titles(self) -> list[str]:
        """The head of the table; a result's column that has one of our names is told apart."""
        ours = {"job", *self.meta}
        return ["job", *(f"result_{name}" if name in ours else name for name in self.names), *self.meta]

    def cells(self, value: Any) -> list[Any]:
        """A result in its columns, filled up with None."""
        if self.by_name and isinstance(value, dict):
            if not value.keys() <= set(self.names):
                self.strange.update(value.keys() - set(self.names))
            return [value.get(name) for name in self.names]
        cells = value if isinstance(value, list) else [value]
        self.widest = max(self.widest, len(cells))
        return cells + [None] * (self.width - len(cells))

    def meta_cells(self, meta: Meta) -> list[Any]:
        """`end slot start [attempt]` in the columns that were asked for."""
        journal, text = meta
        end, slot, start, *tries = text.split(b" ")
        known = {
            "machine": self.origins[journal].machine,
            "attempt": int(tries[0]) if tries else 1,
            "slot": int(slot),
            "run_start": self.origins[journal].began(float(start)),
            "start": stamp(float(start)),
            "duration": round(max(0.0, float(end) - float(start)), 6),
            "end": stamp(float(end)),
        }
        return [known[name] for name in self.meta]

    def larger(self, strange: set[str], widest: int) -> Sheet | None:
        """A sheet with room for what did not fit; None when all of it did."""
        names = (*self.names, *sorted(strange))
        names = (*names, *(f"result_{number}" for number in range(len(names) + 1, widest + 1)))
        return Sheet(names, self.by_name, self.meta, self.origins) if len(names) > self.width else None


def sheet_for(first: Any, named: Sequence[str], kind: str, meta: str, origins: Sequence[Origin]) -> Sheet:
    """The columns, as the first row in pool order suggests them."""
    if tuple(name.strip().lower() for name in named[:3]) == _TIMES:
        named = named[3:]
    if kind == "command":
        names, by_name = ["exit"], False
    elif isinstance(first, dict):
        names, by_name = list(dict.fromkeys([*(name for name in named if name in first), *first])), True
    else:
        width = max(1, len(first)) if isinstance(first, list) else 1
        spare = ["result", *(f"result_{number}" for number in range(2, width + 1))]
        names, by_name = [*named, *spare[len(named) : width]], False
    return Sheet(tuple(names), by_name, META[meta], origins)
