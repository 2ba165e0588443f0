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
LINE = "line"
"""Of a pool of lines: what its jobs' inputs are called."""
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
    base: str = "result"
    """What a column without a name is called; `line`: a line, and then its columns."""
    before: tuple[Sheet, ...] = ()
    """What else stands in a row, each thing laid out as a result is: the job's inputs."""
    after: tuple[Sheet, ...] = ()
    """And how it stands with the job, and what it printed."""
    picked: tuple[str, ...] = ()
    """The columns that were asked for by name, after `job`; empty for all."""
    seen: Shape = field(default_factory=Shape)
    places: tuple[str, ...] = field(init=False)
    keys: tuple[str, ...] = field(init=False)
    titles: list[str] = field(init=False)
    """The head of the table."""
    titles_of: list[list[str]] = field(init=False)
    """Of each part of a row the titles of its places and keys."""
    picks: list[int] | None = field(init=False)
    """Where in the whole row the picked columns are; None for all."""
    single_apart: bool = field(init=False)
    """Single values are not what the first of the named places is for: they have a column of their own."""

    def __post_init__(self) -> None:
        shape, named = self.shape, self.named
        # Beside lists, a single value in the first of the named columns would seem to be the first of a list.
        self.single_apart = bool(named and shape.has_single and shape.widest and not shape.orders)
        if shape.orders:
            width = max(shape.widest, int(shape.has_single))
            self.places, self.keys = tuple(_spare(width, self.base)), self._ordered_keys()
        else:
            width = max(1, shape.widest, len(named))
            if self.kind == "command" and not named:
                self.places = ("exit",)
            else:
                self.places = (*named, *_spare(width, self.base)[len(named) : width])
            if self.single_apart:
                self.places = (*self.places, self.base)
            self.keys = ()
        self._entitle()

    def _entitle(self) -> None:
        """Titles of the whole row: each part has its own, and each title is there once."""
        taken = ["job", *self.meta]
        self.titles_of = []
        for one in self.parts:
            self.titles_of.append(apart(taken, [*one.places, *one.keys], one.base))
            taken += self.titles_of[-1]
        whole = ["job", *(title for titles in self.titles_of for title in titles), *self.meta]
        self.picks = None
        if self.picked:
            # One that nothing has is left out here, and told when all is seen.
            wanted = (title for name in self.picked for title in self._meant(name))
            self.picks = [0, *(whole.index(title) for title in dict.fromkeys(wanted) if title in whole[1:])]
        self.titles = whole if self.picks is None else [whole[at] for at in self.picks]

    def _meant(self, name: str) -> list[str]:
        """The titles that a name stands for: all of a part, or its own."""
        if name == "inputs":
            return [title for titles in self.titles_of[: len(self.before)] for title in titles]
        meant = [titles for one, titles in zip(self.parts, self.titles_of, strict=True) if one.base == name]
        # A column of a result that nobody has named is called as all of it is.
        return meant[0] if meant else [name]

    @property
    def parts(self) -> tuple[Sheet, ...]:
        """Of a row, in their order; itself is that of the result."""
        return (*self.before, self, *self.after)

    @property
    def absent(self) -> list[str]:
        """What was asked for by name and nothing has."""
        known = {"inputs", *(one.base for one in self.parts)}
        return [name for name in self.picked if name not in known and name not in self.titles]

    def shapes(self) -> list[dict[str, Any]]:
        """What was seen of each part, as JSON can say it."""
        return [one.seen.facts() for one in self.parts]

    def learn(self, shapes: Sequence[dict[str, Any]]) -> None:
        """What another process has seen."""
        for one, facts in zip(self.parts, shapes, strict=True):
            one.seen.add(Shape.of(facts))

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
        others = [(one, one.fitting()) for one in (*self.before, *self.after)]
        if self._fits(self.seen) and not any(made for _, made in others):
            return None
        renewed = [made or replace(one, seen=Shape()) for one, made in others]
        count = len(self.before)
        return replace(self, shape=self.seen, seen=Shape(), before=tuple(renewed[:count]), after=tuple(renewed[count:]))

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

    def meta_cells(self, meta: Meta | None) -> list[Any]:
        """`end slot start [attempt …]` in the columns that were asked for; nothing of a job that has not ended."""
        if meta is None:
            return [None] * len(self.meta)
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


def sheet_for(first: Any, named: Sequence[str], kind: str, meta: Sequence[str] | str, starts: Sequence[Start]) -> Sheet:
    """For what the first row looks like, which all others most often do. `first` is None when there is none. `meta`:
    columns about how jobs ran, or what stands for some."""
    wanted = [name.strip() for name in named]
    lead = [name.lower() for name in wanted]
    for ahead in ((*_TIMES, _JOB_ID), _TIMES):
        if tuple(lead[: len(ahead)]) == ahead:
            wanted = wanted[len(ahead) :]
            break
    shape = Shape()
    shape.note(first)
    return Sheet(kind, tuple(wanted), shape, META[meta] if isinstance(meta, str) else tuple(meta), starts)


def unique(taken: Sequence[str], names: Sequence[str]) -> list[str]:
    """`job`, these names and the rest of `taken`; each title once, for SQLite without regard to case. A name that one
    of ours has is told apart by `result_`, one that another result's has by a number."""
    return [taken[0], *apart(taken, names, "result"), *taken[1:]]


def apart(taken: Sequence[str], names: Sequence[str], base: str) -> list[str]:
    """Titles for these names, none of which is taken: one that is gets what it is of before it, or a number behind."""
    used = {_folded(name) for name in taken}
    made: list[str] = []
    for name in names:
        title = _written(f"{base}_{name}" if name in taken else name)
        number = 1
        found = title
        while _folded(found) in used:
            number += 1
            found = f"{title}_{number}"
        used.add(_folded(found))
        made.append(found)
    return made


def _folded(title: str) -> str:
    return title.lower()


def _written(title: str) -> str:
    """As every kind of table can hold it."""
    return title.encode("utf-8", "backslashreplace").decode("utf-8")


def _spare(width: int, base: str) -> list[str]:
    if base == LINE:
        return [LINE, *(f"column_{number}" for number in range(1, width))][:width]
    return [base, *(f"{base}_{number}" for number in range(2, width + 1))][:width]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
