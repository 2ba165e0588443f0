"""The columns of a merged table: their titles, and a result laid out in them. Nothing that was returned is dropped.

Which columns there are depends on all results, never on which of them came first. The keys of dicts are columns, in
the dicts' own order when they all have the same, else sorted; `[results] columns`, else header.csv, say which come
first. What is no dict goes by place, into the named columns when no result is a dict, else into `result`, `result_2` …
A sheet is made for what the first row looks like; what does not fit is noted, and the table is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shareout.fields import dataclass, field, replace
from shareout.merge.partition import Meta
from shareout.record.logs.segments import stamp

META: dict[str, tuple[str, ...]] = {
    "none": (),
    "times": ("run_start", "start", "duration", "end"),
    "all": ("machine", "attempt", "slot", "run_start", "start", "duration", "end"),
}
# What job-splitter's header.csv begins with: its names for the times, which are columns of ours by --meta.
_TIMES = ("run start time", "job running time", "job start time")
_JOB_ID = "job id"
# Kinds of dicts, by the order of their keys.
MOST_ORDERS = 64
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Start:
    """Of one journal: its machine, and when the run began that wrote it; empty for what was taken over."""

    machine: str
    began: str | None = None


@dataclass(slots=True)
class Shape:
    """What results look like, all of them together."""

    orders: set[tuple[str, ...]] = field(default_factory=set)
    """The keys of dicts, as they stand in them; when there are very many kinds, sorted."""
    widest: int = 0
    """The longest list."""
    has_single: bool = False
    """Whether some are neither dicts nor lists, nor None."""

    def note(self, value: Any) -> None:
        """One more result, as it was decoded."""
        if isinstance(value, dict):
            self.orders.add(tuple(value))
            if len(self.orders) > MOST_ORDERS:
                # Two orders stand for any: one alone would be taken for the order that all of them have.
                self.orders = {tuple(sorted(self.keys)), tuple(sorted(self.keys, reverse=True))}
        elif isinstance(value, list):
            self.widest = max(self.widest, len(value))
        elif value is not None:
            self.has_single = True

    def add(self, other: Shape) -> None:
        """What another process has seen."""
        self.orders |= other.orders
        self.widest = max(self.widest, other.widest)
        self.has_single = self.has_single or other.has_single

    @property
    def keys(self) -> set[str]:
        """Of all dicts together."""
        return {key for order in self.orders for key in order}

    def facts(self) -> dict[str, Any]:
        """As JSON can say it."""
        return {"orders": sorted(self.orders), "widest": self.widest, "has_single": self.has_single}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Shape:
        """The other way round: from what `facts` gave."""
        return cls(set(map(tuple, facts["orders"])), facts["widest"], facts["has_single"])


@dataclass(slots=True)
class Sheet:
    """Which columns there are: `job`, those by place, those by key, those about how each job ran."""

    kind: str
    named: tuple[str, ...] = ()
    shape: Shape = field(default_factory=Shape)
    """What it is made for."""
    meta: tuple[str, ...] = ()
    starts: Sequence[Start] = ()
    seen: Shape = field(default_factory=Shape)
    places: tuple[str, ...] = field(init=False)
    keys: tuple[str, ...] = field(init=False)
    titles: list[str] = field(init=False)
    """The head of the table."""
    single_apart: bool = field(init=False)
    """Single values are not what the first of the named places is for: they have a column of their own."""

    def __post_init__(self) -> None:
        shape, named = self.shape, self.named
        # Beside lists, a single value in the first of the named columns would seem to be the first of a list.
        self.single_apart = bool(named and shape.has_single and shape.widest and not shape.orders)
        if shape.orders:
            width = max(shape.widest, int(shape.has_single))
            self.places, self.keys = tuple(_spare(width)), self._ordered_keys()
        else:
            width = max(1, shape.widest, len(named))
            if self.kind == "command" and not named:
                self.places = ("exit",)
            else:
                self.places = (*named, *_spare(width)[len(named) : width])
            if self.single_apart:
                self.places = (*self.places, "result")
            self.keys = ()
        self.titles = unique(["job", *self.meta], [*self.places, *self.keys])

    @property
    def width(self) -> int:
        """Columns of the result itself, without `job` and those about how it ran."""
        return len(self.places) + len(self.keys)

    def _ordered_keys(self) -> tuple[str, ...]:
        orders = self.shape.orders
        (*_, only) = orders
        # The dicts' own order only where all agree: else it would be that of whichever result came first, and another
        # one when the merge is done by more processes.
        rest = only if len(orders) == 1 else sorted(self.shape.keys)
        return tuple(dict.fromkeys([*self.named, *rest]))

    def cells(self, value: Any) -> list[Any]:
        """A result in its columns, filled up with None."""
        self.seen.note(value)
        if isinstance(value, dict):
            return [None] * len(self.places) + [value.get(name) for name in self.keys]
        if isinstance(value, list):
            cells = value
        elif self.single_apart:
            cells = [None] * (len(self.places) - 1) + [value]
        else:
            cells = [value] if self.places else []
        return cells + [None] * (self.width - len(cells))

    def fitting(self) -> Sheet | None:
        """A sheet for what was seen; None when this one is."""
        if self._fits(self.seen):
            return None
        return replace(self, shape=self.seen, seen=Shape())

    def _fits(self, seen: Shape) -> bool:
        made = replace(self, shape=seen, seen=Shape())
        return (made.titles, made.keys, made.single_apart) == (self.titles, self.keys, self.single_apart)

    def misfits(self) -> list[str]:
        """What the named columns and the results do not have in common, in sentences."""
        if not self.named:
            return []
        if self.shape.orders:
            empty = [name for name in self.named if name not in self.shape.keys]
            extra = [key for key in self.keys if key not in self.named]
        else:
            width = max(1, self.shape.widest) if self.shape.widest or self.shape.has_single else len(self.named)
            empty, extra = list(self.named[width:]), list(self.places[len(self.named) :])
        said = [f"no result has anything for the column {_listed(empty)}"] if empty else []
        return said + ([f"no name is given for what stands in the column {_listed(extra)}"] if extra else [])

    def meta_cells(self, meta: Meta) -> list[Any]:
        """`end slot start [attempt]` in the columns that were asked for."""
        journal, text = meta
        end, slot, start, *tries = text.split(b" ")
        known = {
            "machine": self.starts[journal].machine,
            "attempt": int(tries[0]) if tries else 1,
            "slot": int(slot),
            "run_start": self.starts[journal].began,
            "start": stamp(float(start)),
            "duration": round(max(0.0, float(end) - float(start)), 6),
            "end": stamp(float(end)),
        }
        return [known[name] for name in self.meta]


def sheet_for(first: Any, named: Sequence[str], kind: str, meta: str, starts: Sequence[Start]) -> Sheet:
    """For what the first row looks like, which all others most often do. `first` is None when there is none."""
    wanted = [name.strip() for name in named]
    lead = [name.lower() for name in wanted]
    for ahead in ((*_TIMES, _JOB_ID), _TIMES):
        if tuple(lead[: len(ahead)]) == ahead:
            wanted = wanted[len(ahead) :]
            break
    shape = Shape()
    shape.note(first)
    return Sheet(kind, tuple(wanted), shape, META[meta], starts)


def unique(taken: Sequence[str], names: Sequence[str]) -> list[str]:
    """`job`, these names and the rest of `taken`; each title once, for SQLite without regard to case. A name that one
    of ours has is told apart by `result_`, one that another result's has by a number."""
    used = {_folded(name) for name in taken}
    made: list[str] = []
    for name in names:
        title = _written(f"result_{name}" if name in taken else name)
        number = 1
        found = title
        while _folded(found) in used:
            number += 1
            found = f"{title}_{number}"
        used.add(_folded(found))
        made.append(found)
    return [taken[0], *made, *taken[1:]]


def _folded(title: str) -> str:
    return title.lower()


def _written(title: str) -> str:
    """As every kind of table can hold it."""
    return title.encode("utf-8", "backslashreplace").decode("utf-8")


def _spare(width: int) -> list[str]:
    return ["result", *(f"result_{number}" for number in range(2, width + 1))][:width]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
