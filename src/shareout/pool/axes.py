"""Axes: what a grid is the product of, and what groups run over. Looked up by number, never written out.

    ["a", "b"]    {"start": 0, "stop": 1000, "step": 1}    {"lines": "names.txt"}

A file is named from the folder of the pool; it is read a line at a time, and its bytes are hashed with the pool's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any, Protocol

from shareout.errors import InputError, Place, nearest
from shareout.fields import dataclass
from shareout.json_places import Node, PlacedJson
from shareout.pool import InputFile
from shareout.pool.compressed import plain_name
from shareout.pool.lines import Lines
from shareout.pool.places.shelf import Shelf, TextHash

KEYS = ("start", "stop", "step")
EXAMPLE = 'Write {"alpha": [0.1, 0.2], "trial": {"start": 0, "stop": 1000, "step": 1}}.'


class Axis(Protocol):
    """A sequence, as far as a pool needs one."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Steps:
    """start, start+step … before stop, computed exactly and handed out as int or float."""

    start: int
    step: int
    """In units of 1/parts."""
    parts: int
    count: int

    @classmethod
    def of(cls, start: Fraction, step: Fraction, count: int) -> Axis:
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


class FileAxis:
    """The lines of a file that are not blank; of a .jsonl file, the values on them."""

    def __init__(self, path: Path, shelf: Shelf | None) -> None:
        self._is_json = plain_name(path).endswith((".jsonl", ".ndjson"))
        self._lines = Lines(path, comments=False, shelf=shelf, kind="values" if self._is_json else "words")

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, at: int) -> Any:
        line = self._lines.line(at)
        return json.loads(line) if self._is_json else line.decode("utf-8", "surrogateescape")

    def prepare(self) -> None:
        """Marks where the lines begin."""
        self._lines.prepare()

    def keep(self) -> None:
        """That nothing is wrong with them, too."""
        self._lines.keep({})

    @property
    def hash(self) -> TextHash | None:
        """Of its text, where it was made."""
        return self._lines.hash

    def mistakes(self) -> Iterator[tuple[int, str]]:
        """Lines that are not JSON: their numbers, and what is wrong."""
        if not self._is_json or self._lines.found:
            return
        for first, block in self._lines.blocks():
            for number, line in enumerate(block, first):
                try:
                    json.loads(line or b"0")
                except RecursionError:
                    yield number, "brackets are nested too deeply"
                except ValueError as error:
                    yield number, str(error).partition(":")[0].lower()


class LinkedAxis:
    """Axes that go along together, value for value."""

    def __init__(self, parts: Sequence[Axis]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return len(self._parts[0])

    def __getitem__(self, at: int) -> tuple[Any, ...]:
        return tuple(part[at] for part in self._parts)


class AxisReader:
    """Reads axes out of one file, and collects its mistakes and the files that it names."""

    def __init__(self, document: PlacedJson, folder: Path, shelf: Shelf | None) -> None:
        self.document = document
        self.mistakes: list[InputError] = []
        self.files: dict[Path, FileAxis] = {}
        self._folder = folder
        self._shelf = shelf

    @property
    def inputs(self) -> tuple[InputFile, ...]:
        """The files that were named, in order."""
        return tuple(
            InputFile(f"pool:{number}", path, hash=one.hash) for number, (path, one) in enumerate(self.files.items(), 1)
        )

    def axis(self, name: str, node: Node) -> Axis:
        """Of a list, an object of steps, or a file of lines. A mistake is noted, and an axis of one value stands for
        what cannot be read."""
        if node.is_array:
            values = [_value(item) for item in node.items()]
            if not values:
                self.wrong(node, f'the axis "{name}" is empty', "Give it at least one value, or leave it out.")
            return values or [0]
        if node.is_object:
            return (
                self._file(name, node)
                if any(key.value == "lines" for key, _ in node.pairs())
                else self._steps(name, node)
            )
        self.wrong(node, f'the axis "{name}" is {node.kind()}, not a list, start/stop/step or lines', EXAMPLE)
        return [0]

    def _file(self, name: str, node: Node) -> Axis:
        pairs = list(node.pairs())
        key, value = pairs[0]
        if len(pairs) != 1 or not isinstance(value.value, str):
            self.wrong(key, f'"lines" of "{name}" stands alone, with the name of a file', 'As: {"lines": "names.txt"}.')
            return [0]
        path = self._folder / value.value
        if path not in self.files:
            if not path.is_file():
                self.wrong(value, f"there is no file {path}", "It is looked for from the folder of this file.")
                return [0]
            axis = self.files[path] = FileAxis(path, self._shelf)
            for line, what in axis.mistakes():
                self.mistakes.append(InputError(f"is not JSON: {what}", where=Place(str(path), line)))
        if not len(self.files[path]):
            self.wrong(value, f"{path} has no line that is not blank", "Give it at least one value.")
            return [0]
        return self.files[path]

    def _steps(self, name: str, node: Node) -> Axis:
        given: dict[str, Fraction] = {}
        before = len(self.mistakes)
        for key, value in node.pairs():
            word = str(key.value)
            number = value.value
            if word not in KEYS:
                self.wrong(
                    key, f'"{word}" is not known in an axis{nearest(word, KEYS)}', "Known are start, stop, step; lines."
                )
            elif word in given:
                self.wrong(key, f'"{word}" is given twice')
            elif isinstance(number, bool) or not isinstance(number, int | Fraction):
                self.wrong(value, f'"{word}" of "{name}" must be a number, found {value.kind()}')
            else:
                given[word] = Fraction(number)
        if "stop" not in given and len(self.mistakes) == before:
            self.wrong(node, f'the axis "{name}" has no "stop"', EXAMPLE)
        start, step = given.get("start", Fraction(0)), given.get("step", Fraction(1))
        if len(self.mistakes) > before:
            return [0]
        if step == 0:
            self.wrong(node, f'the step of "{name}" is 0')
            return [0]
        count = -((start - given["stop"]) // step)
        if count < 1:
            self.wrong(
                node, f'the axis "{name}" is empty: from {_plain(start)} it never gets to {_plain(given["stop"])}'
            )
        return Steps.of(start, step, max(1, int(count)))

    def wrong(self, node: Node, what: str, way_out: str = "") -> None:
        """Notes a mistake with its place in the document; reading goes on, so that all are told at once."""
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
