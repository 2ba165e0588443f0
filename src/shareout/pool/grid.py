"""jobs.grid.json: a product of axes, first axis slowest, never written out. A grid of 10^12 opens like one of 10."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm, prod
from pathlib import Path
from typing import Any

from shareout.errors import InputError, nearest, raise_all
from shareout.json_places import Node, PlacedJson, read_json
from shareout.pool import MOST_JOBS
from shareout.pool.needs import Said, said_by
from shareout.pool.rows import RowPool

KEYS = ("start", "stop", "step")
EXAMPLE = 'Write {"alpha": [0.1, 0.2], "trial": {"start": 0, "stop": 1000, "step": 1}}.'


@dataclass(frozen=True, slots=True)
class Steps:
    """start, start+step … before stop, computed exactly and handed out as int or float."""

    start: int
    step: int
    """In units of 1/parts."""
    parts: int
    count: int

    @classmethod
    def of(cls, start: Fraction, step: Fraction, count: int) -> Sequence[int] | Steps:
        """Whole numbers are a range, which is looked up ten times as fast."""
        parts = lcm(start.denominator, step.denominator)
        if parts == 1:
            return range(int(start), int(start + step * count), int(step))
        return cls(int(start * parts), int(step * parts), parts, count)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, at: int) -> int | float:
        # The quotient of two integers is the float nearest to it, as of the exact fraction.
        value = self.start + at * self.step
        return value / self.parts if value % self.parts else value // self.parts


class GridPool(RowPool):
    """The pool of a grid file."""

    kind = "grid"

    def __init__(self, path: Path, template: str) -> None:
        super().__init__(path, template)
        reader = _Reader(read_json(path))
        axes = reader.axes()
        raise_all(reader.mistakes)
        self.names = list(axes)
        self._names = list(axes)
        self._reversed = [(name, values, len(values)) for name, values in reversed(axes.items())]
        self._single = next(iter(axes.values())) if len(axes) == 1 else None
        self._count = prod(len(values) for values in axes.values())
        if "group" in axes:
            self.groups = tuple(dict.fromkeys(str(axes["group"][at]) for at in range(len(axes["group"]))))
        self.settle()

    def __len__(self) -> int:
        return self._count

    def arguments(self, job: int) -> dict[str, Any]:
        if not 0 <= job < self._count:
            raise IndexError(job)
        if self._single is not None:
            return {self._names[0]: self._single[job]}
        values = dict.fromkeys(self._names)
        for name, axis, length in self._reversed:
            job, at = divmod(job, length)
            values[name] = axis[at]
        return values

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """Every combination of what the axes of needs say, each with its jobs, which are never listed."""
        saying = [axis for axis in self._reversed if axis[0] in names]
        if not saying:
            yield from super().needs()
            return
        strides = dict(zip((name for name, _, _ in self._reversed), self._strides(), strict=True))
        others = [
            range(0, strides[name] * length, strides[name]) for name, _, length in self._reversed if name not in names
        ]
        for places in product(*(range(length) for _, _, length in saying)):
            row = {name: axis[at] for (name, axis, _), at in zip(saying, places, strict=True)}
            first = sum(strides[name] * at for (name, _, _), at in zip(saying, places, strict=True))
            yield _sums(first, others), said_by(row, names)

    def _strides(self) -> Iterator[int]:
        """How far apart two jobs are that differ by one step of an axis, the fastest axis first."""
        stride = 1
        for _, _, length in self._reversed:
            yield stride
            stride *= length


class _Reader:
    def __init__(self, document: PlacedJson) -> None:
        self.document = document
        self.mistakes: list[InputError] = []

    def axes(self) -> dict[str, Sequence[Any] | Steps]:
        root = self.document.root
        axes: dict[str, Sequence[Any] | Steps] = {}
        if not root.is_object or not root.value:
            found = "an empty one" if root.is_object else root.kind()
            self._wrong(root, f"a grid is an object of axes, found {found}", EXAMPLE)
            return axes
        for key, value in root.pairs():
            name = str(key.value)
            if not name.strip():
                self._wrong(key, "an axis has no name")
            if name in axes:
                self._wrong(key, f'the axis "{name}" is given twice')
            axes[name] = self._axis(name, value)
        if not self.mistakes and prod(len(values) for values in axes.values()) > MOST_JOBS:
            self._wrong(root, f"the grid has more than {MOST_JOBS} jobs")
        return axes

    def _axis(self, name: str, node: Node) -> Sequence[Any] | Steps:
        if node.is_array:
            values = [_value(item) for item in node.items()]
            if not values:
                self._wrong(node, f'the axis "{name}" is empty', "Give it at least one value, or leave it out.")
            return values or [0]
        if node.is_object:
            return self._steps(name, node)
        self._wrong(node, f'the axis "{name}" is {node.kind()}, not a list or start/stop/step', EXAMPLE)
        return [0]

    def _steps(self, name: str, node: Node) -> Sequence[int] | Steps:
        given: dict[str, Fraction] = {}
        before = len(self.mistakes)
        for key, value in node.pairs():
            word = str(key.value)
            number = value.value
            if word not in KEYS:
                self._wrong(
                    key, f'"{word}" is not known in an axis{nearest(word, KEYS)}', "Known are start, stop, step."
                )
            elif word in given:
                self._wrong(key, f'"{word}" is given twice')
            elif isinstance(number, bool) or not isinstance(number, int | Fraction):
                self._wrong(value, f'"{word}" of "{name}" must be a number, found {value.kind()}')
            else:
                given[word] = Fraction(number)
        if "stop" not in given and len(self.mistakes) == before:
            self._wrong(node, f'the axis "{name}" has no "stop"', EXAMPLE)
        start, step = given.get("start", Fraction(0)), given.get("step", Fraction(1))
        if len(self.mistakes) > before:
            return [0]
        if step == 0:
            self._wrong(node, f'the step of "{name}" is 0')
            return [0]
        count = -((start - given["stop"]) // step)
        if count < 1:
            self._wrong(
                node, f'the axis "{name}" is empty: from {_plain(start)} it never gets to {_plain(given["stop"])}'
            )
        return Steps.of(start, step, max(1, int(count)))

    def _wrong(self, node: Node, what: str, way_out: str = "") -> None:
        self.mistakes.append(self.document.mistake(node, what, way_out))


def _value(node: Node) -> Any:
    if node.is_object:
        return {str(key.value): _value(value) for key, value in node.pairs()}
    if node.is_array:
        return [_value(item) for item in node.items()]
    return _plain(node.value) if isinstance(node.value, Fraction) else node.value


def _plain(number: Fraction | int) -> int | float:
    """A number that was written with a point is a float for the job, as JSON users expect; steps are exact."""
    exact = Fraction(number)
    return int(exact) if exact.denominator == 1 else float(exact)


def _sums(first: int, ranges: Sequence[range]) -> Iterator[int]:
    """`first` plus one of each; lazily, for a product would hold every range."""
    if not ranges:
        yield first
        return
    for step in ranges[-1]:
        yield from _sums(first + step, ranges[:-1])
