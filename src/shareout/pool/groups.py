"""jobs.groups.json: some command templates, each run over a list of units. Units × groups, never written out.

    {"units": {"lines": "videos.txt"},
     "groups": {"to_avi": "ffmpeg -i {} out-{/.}.avi", "to_mp4": "ffmpeg -i {} out-{/.}.mp4",
                "sound": {"template": "ffmpeg -i {} {/.}.ogg", "units": ["a.mp4", "b.mp4"]}}}

Jobs are numbered group after group. A unit is any value of an axis; an array gives columns, an object names.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from shareout.errors import UsageError, nearest, raise_all
from shareout.json_places import Node, read_json
from shareout.names import twins, why_no_name
from shareout.pool import MOST_JOBS, Literal, Row, Values
from shareout.pool.axes import Axis, AxisReader
from shareout.pool.places.shelf import Shelf
from shareout.pool.rows import RowPool
from shareout.pool.templates.template import Template, written

KEYS = ("units", "groups")
OWN_KEYS = ("template", "units")
EXAMPLE = 'Write {"units": {"lines": "videos.txt"}, "groups": {"to_avi": "ffmpeg -i {} out-{/.}.avi"}}.'


class GroupsPool(RowPool):
    """The pool of a groups file."""

    kind = "groups"
    has_commands = True

    def __init__(self, path: Path, template: str, colsep: str = "", shelf: Shelf | None = None) -> None:
        if template:
            raise UsageError(
                f"a template is given, and every group of {path.name} has its own",
                way_out="Leave out --template (or `template` in [commands]).",
            )
        reader = _Reader(read_json(path), path.parent, shelf)
        groups = reader.groups()
        if not reader.mistakes and sum(len(units) for _, units in groups.values()) > MOST_JOBS:
            reader.wrong(reader.document.root, f"more than {MOST_JOBS} jobs")
        raise_all(reader.mistakes)
        super().__init__(path, "")
        self.inputs = (*self.inputs, *reader.inputs)
        self._files = tuple(reader.files.values())
        self.groups = tuple(groups)
        self._separator = re.compile(colsep) if colsep else None
        self._units = [units for _, units in groups.values()]
        self._templates = [
            # As the one that is not given would be taken.
            Template(
                Literal(text) if isinstance(template, Literal) else text,
                _names(units),
                title=f'the template of "{name}"',
            )
            for name, (text, units) in groups.items()
        ]
        # Group after group, not unit after unit: a group that is added at the end changes no id before it.
        self._starts = [0, *accumulate(map(len, self._units))]
        self.settle()

    def __len__(self) -> int:
        return self._starts[-1]

    def prepare(self) -> None:
        """Of the files that axes are read from."""
        for one in self._files:
            one.prepare()

    def keep(self) -> None:
        """Of the same files."""
        for one in self._files:
            one.keep()

    def row(self, job: int) -> Row:
        """`text` is its command line; `named` has group and unit."""
        values = self.arguments(job)
        return Row(job, self.command(job), (), named=values, line=0, group=values["group"])

    def arguments(self, job: int) -> dict[str, Any]:
        """By name: group and unit."""
        number = self._number(job)
        return {"group": self.groups[number], "unit": self._units[number][job - self._starts[number]]}

    def command(self, job: int) -> str:
        """By the template of its group."""
        return self._templates[self._number(job)].fill(self.values(job))

    def values(self, job: int) -> Values:
        """Of its unit: an object's fields, an array's columns, else one line, split into columns."""
        unit = self.arguments(job)["unit"]
        if isinstance(unit, dict):
            named = {name: written(value) for name, value in unit.items()}
            return Values(job, tuple(named.values()), tuple(named.values()), named)
        if isinstance(unit, list):
            columns = [written(value) for value in unit]
            return Values(job, columns, columns, {})
        line = written(unit)
        return Values(job, (line,), self._separator.split(line) if self._separator else line.split(), {})

    def group(self, job: int) -> str | None:
        """The one whose stretch of ids it is in."""
        return self.groups[self._number(job)]

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """Of its units, where these are objects that have it."""
        firsts = [units[0] for units in self._units if len(units)]
        if not any(isinstance(first, dict) and name in first for first in firsts):
            return None
        every = chain.from_iterable((units[at] for at in range(len(units))) for units in self._units)
        said = (unit.get(name) if isinstance(unit, dict) else None for unit in every)
        told = (written(one) if type(one) is float else one for one in said)
        return ([one] for one in told)

    def _number(self, job: int) -> int:
        if not 0 <= job < len(self):
            raise IndexError(job)
        return bisect_right(self._starts, job) - 1


def _names(units: Axis) -> Sequence[str] | None:
    first = units[0]
    return list(first) if isinstance(first, dict) else None


class _Reader(AxisReader):
    def groups(self) -> dict[str, tuple[str, Axis]]:
        """Name → template and units."""
        found: dict[str, tuple[str, Axis]] = {}
        parts = self._parts(self.document.root, KEYS)
        units = self.axis("units", parts["units"]) if "units" in parts else None
        node = parts.get("groups")
        if node is None or not node.is_object or not node.value:
            if not self.mistakes:
                self.wrong(node or self.document.root, "groups must be an object of names and templates", EXAMPLE)
            return found
        for key, value in node.pairs():
            name = str(key.value)
            self._check_name(key, name, found)
            found[name] = self._group(name, value, units)
        if pair := twins(found):
            self.wrong(node, f'the groups "{pair[0]}" and "{pair[1]}" differ by case only')
        return found

    def _check_name(self, key: Node, name: str, found: Container[str]) -> None:
        if not name.strip():
            self.wrong(key, "a group has no name")
        elif name in found:
            self.wrong(key, f'the group "{name}" is given twice')
        elif why := why_no_name(name):
            self.wrong(key, f"{name!r} cannot name a group: it {why}")

    def _group(self, name: str, node: Node, units: Axis | None) -> tuple[str, Axis]:
        own: dict[str, Node] = {"template": node} if isinstance(node.value, str) else self._parts(node, OWN_KEYS)
        template = own.get("template")
        if template is None or not isinstance(template.value, str) or not template.value.strip():
            self.wrong(template or node, f'the group "{name}" has no template', EXAMPLE)
            return "", [0]
        mine = self.axis(name, own["units"]) if "units" in own else units
        if mine is None:
            self.wrong(node, f'the group "{name}" has no units, and there are none for all', EXAMPLE)
        return template.value, mine if mine is not None else [0]

    def _parts(self, node: Node, known: Sequence[str]) -> dict[str, Node]:
        parts: dict[str, Node] = {}
        if not node.is_object:
            self.wrong(node, f"an object with {' and '.join(known)} must stand here, found {node.kind()}", EXAMPLE)
            return parts
        for key, value in node.pairs():
            word = str(key.value)
            if word not in known or word in parts:
                what = "is given twice" if word in parts else f"is not known here{nearest(word, known)}"
                self.wrong(key, f'"{word}" {what}', f"Known are {', '.join(known)}.")
            parts[word] = value
        return parts
