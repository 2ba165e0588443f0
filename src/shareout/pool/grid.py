"""jobs.grid.json: a product of axes, first axis slowest, never written out. A grid of 10^12 opens like one of 10.

    {"alpha": [0.1, 0.2], "trial": {"stop": 1000}, "name,size": [["a", "b"], [1, 2]]}

Axes whose names stand in one key go along together: the last one here is (a, 1), (b, 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from shareout.errors import raise_all
from shareout.json_places import Node, read_json
from shareout.pool import MOST_JOBS
from shareout.pool.axes import EXAMPLE, Axis, AxisReader, LinkedAxis
from shareout.pool.needs import Said, said_by
from shareout.pool.places.shelf import Shelf
from shareout.pool.rows import RowPool
from shareout.pool.templates.template import written

BLOCK = 65536
"""Jobs that follow one another and say the same in a field, as many at a time."""


class GridPool(RowPool):
    """The pool of a grid file."""

    kind = "grid"

    def __init__(self, path: Path, template: str, shelf: Shelf | None = None) -> None:
        super().__init__(path, template)
        reader = _Reader(read_json(path), path.parent, shelf)
        axes = reader.axes()
        raise_all(reader.mistakes)
        self.inputs = (*self.inputs, *reader.inputs)
        self._files = tuple(reader.files.values())
        self._names = [name for names in axes for name in names]
        self.names = list(self._names)
        self._reversed = [(names, values, len(values)) for names, values in reversed(axes.items())]
        self.column = next(iter(axes.values())) if len(axes) == 1 and len(self._names) == 1 else None
        """The values of an only axis: of each job one."""
        self._count = prod(map(_length, axes.values()))
        self._group = next((one for one in self._reversed if "group" in one[0]), None)
        if self._group is not None:
            self.groups = tuple(dict.fromkeys(self._group_at(at) for at in range(self._group[2])))
        self.settle()

    def __len__(self) -> int:
        return self._count

    def prepare(self) -> None:
        """Of the files that axes are read from."""
        for one in self._files:
            one.prepare()

    def keep(self) -> None:
        """Of the same files."""
        for one in self._files:
            one.keep()

    def arguments(self, job: int) -> dict[str, Any]:
        """By name, worked out from the job's number; in the order of the axes from the last to the first."""
        if not 0 <= job < self._count:
            raise IndexError(job)
        # The usual sweep over one axis needs no division.
        if self.column is not None:
            return {self._names[0]: self.column[job]}
        values = dict.fromkeys(self._names)
        for names, axis, length in self._reversed:
            job, at = divmod(job, length)
            if len(names) == 1:
                values[names[0]] = axis[at]
            else:
                values.update(zip(names, axis[at], strict=True))
        return values

    def group(self, job: int) -> str | None:
        """From the axis of that name alone."""
        if self._group is None:
            return None
        for one in self._reversed:
            job, at = divmod(job, one[2])
            if one is self._group:
                return self._group_at(at)
        return None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """Every combination of what the axes of needs say, each with its jobs, which are never listed."""
        axes = list(zip(self._reversed, self._strides(), strict=True))
        saying = [one for one in axes if set(one[0][0]) & set(names)]
        if not saying:
            yield from super().needs()
            return
        others = [range(0, stride * one[2], stride) for one, stride in axes if not set(one[0]) & set(names)]
        for places in product(*(range(one[2]) for one, _ in saying)):
            row: dict[str, Any] = {}
            for ((keys, axis, _), _), at in zip(saying, places, strict=True):
                row.update(zip(keys, axis[at] if len(keys) > 1 else (axis[at],), strict=True))
            first = sum(stride * at for (_, stride), at in zip(saying, places, strict=True))
            yield _sums(first, others), said_by(row, names)

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """The values of its axis, each as often as the axes that are faster go round, over and over."""
        for one, stride in zip(self._reversed, self._strides(), strict=True):
            if name in one[0] and self._count:
                return self._repeated(one, name, stride)
        return None

    def _repeated(self, one: tuple[tuple[str, ...], Axis, int], name: str, stride: int) -> Iterator[Sequence[Any]]:
        names, axis, length = one
        place = names.index(name)
        for _ in range(self._count // (stride * length)):
            for at in range(length):
                value = axis[at][place] if len(names) > 1 else axis[at]
                for first in range(0, stride, BLOCK):
                    yield [written(value) if type(value) is float else value] * min(BLOCK, stride - first)

    def _strides(self) -> Iterator[int]:
        """How far apart two jobs are that differ by one step of an axis, the fastest axis first."""
        stride = 1
        for _, _, length in self._reversed:
            yield stride
            stride *= length

    def _group_at(self, at: int) -> str:
        assert self._group is not None
        names, axis, _ = self._group
        return str(axis[at] if len(names) == 1 else axis[at][names.index("group")])


class _Reader(AxisReader):
    def axes(self) -> dict[tuple[str, ...], Axis]:
        """The names that go along together → their values, in the order of the file. Mistakes are noted."""
        root = self.document.root
        axes: dict[tuple[str, ...], Axis] = {}
        if not root.is_object or not root.value:
            found = "an empty one" if root.is_object else root.kind()
            self.wrong(root, f"a grid is an object of axes, found {found}", EXAMPLE)
            return axes
        for key, value in root.pairs():
            names = tuple(name.strip() for name in str(key.value).split(","))
            self._check_names(key, names, axes)
            axes[names] = self.axis(names[0], value) if len(names) == 1 else self._linked(names, value)
        if not self.mistakes and prod(map(_length, axes.values())) > MOST_JOBS:
            self.wrong(root, f"the grid has more than {MOST_JOBS} jobs")
        return axes

    def _check_names(self, key: Node, names: Sequence[str], axes: Iterable[Sequence[str]]) -> None:
        """Those of one key, against those of the keys before it and against each other."""
        if not all(names):
            self.wrong(key, "an axis has no name")
        seen = {name for others in axes for name in others}
        for at, name in enumerate(names):
            if name in seen or name in names[:at]:
                self.wrong(key, f'the axis "{name}" is given twice')

    def _linked(self, names: tuple[str, ...], node: Node) -> Axis:
        items = list(node.items()) if node.is_array else []
        if len(items) != len(names):
            self.wrong(
                node,
                f"{len(names)} axes are linked here, so an array of {len(names)} axes must follow",
                'As: {"name,size": [["a", "b"], [1, 2]]}.',
            )
            return [0]
        parts = [self.axis(name, item) for name, item in zip(names, items, strict=True)]
        lengths = [_length(part) for part in parts]
        if len(set(lengths)) > 1 and not self.mistakes:
            told = ", ".join(f"{name} has {length}" for name, length in zip(names, lengths, strict=True))
            self.wrong(node, f"linked axes go along value for value, and must be as long: {told}")
        return LinkedAxis(parts)


def _length(axis: Axis) -> int:
    """Of one that is longer than Python counts, only that it is too long."""
    try:
        return len(axis)
    except OverflowError:
        return MOST_JOBS + 1


def _sums(first: int, ranges: Sequence[range]) -> Iterator[int]:
    """`first` plus one of each; lazily, for a product would hold every range."""
    if not ranges:
        yield first
        return
    for step in ranges[-1]:
        yield from _sums(first + step, ranges[:-1])
