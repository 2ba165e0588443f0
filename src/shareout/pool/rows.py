"""jobs.csv and jobs.jsonl: rows by number. Every row is checked when the pool is opened, none is kept."""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool import Barrier, EngineCommand, InputFile, Need, Phase, Row, Values
from shareout.pool.lines import Lines
from shareout.pool.needs import FIELDS, NOTHING, Said, need_from, one_by_one, said_by
from shareout.pool.quotes import quote_mistake
from shareout.pool.template import Template, written

MOST_MISTAKES = 50
csv.field_size_limit(2**31 - 1)
# Fields with a meaning of their own: they are no part of a command.
RESERVED = frozenset({"group", "cores", "gpus", "memory"})
SPARSE = 256


class RowPool:
    """What CSV, JSON lines and grids share: rows of arguments, and command lines when there is a template."""

    kind = "rows"
    names: Sequence[str] | None = None
    has_width = True
    """Every row has the same fields."""
    start_commands: Sequence[EngineCommand] = ()
    stop_commands: Sequence[EngineCommand] = ()
    for_bash = False
    barriers: Sequence[Barrier] = ()

    def __init__(self, path: Path, template: str) -> None:
        self.path = path
        self.inputs: tuple[InputFile, ...] = (InputFile("pool", path),)
        self.groups: Sequence[str] = ()
        self._template_text = template
        self._template: Template | None = None

    def settle(self) -> None:
        """Called once the rows are known."""
        self.phases = (Phase(0, len(self)),)
        columns = len(self.names) if self.names and self.has_width else None
        self._template = Template(self._template_text, self.names, columns) if self._template_text else None

    @property
    def has_commands(self) -> bool:
        """Whether a row makes a command line: by a template, or as its only field."""
        return self._template is not None or len(set(self.names or ()) - RESERVED) == 1

    def __len__(self) -> int:
        raise NotImplementedError

    def arguments(self, job: int) -> tuple[Any, ...] | dict[str, Any]:
        raise NotImplementedError

    def line_of(self, job: int) -> int:
        return 0

    def row(self, job: int) -> Row:
        values = self.arguments(job)
        named: Mapping[str, Any] = values if isinstance(values, dict) else {}
        args = () if isinstance(values, dict) else values
        group = named.get("group")
        text = self.command(job) if self._template else self._shown(values)
        return Row(job, text, args, named, self.line_of(job), None if group is None else str(group))

    def command(self, job: int) -> str:
        return self._template.fill(self.values(job)) if self._template else _only(self.arguments(job))

    def values(self, job: int) -> Values:
        row = self.arguments(job)
        if isinstance(row, dict):
            named = {name: written(value) for name, value in row.items()}
            columns = list(named.values())
        else:
            named, columns = {}, [written(value) for value in row]
        return Values(job, columns, columns, named)

    def group(self, job: int) -> str | None:
        if not self.groups:
            return None
        values = self.arguments(job)
        group = values.get("group") if isinstance(values, dict) else None
        return None if group is None else str(group)

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        values = self.arguments(job) if names else ()
        return need_from(said_by(values, names)) if isinstance(values, dict) else None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """Of a pool whose rows say nothing."""
        return iter([(range(len(self)), NOTHING)])

    def _shown(self, values: tuple[Any, ...] | dict[str, Any]) -> str:
        if isinstance(values, dict):
            return " ".join(f"{name}={written(value)}" for name, value in values.items())
        return " ".join(written(value) for value in values)


class CsvPool(RowPool):
    """A header row names the parameters; values are text, converted by the job's annotations."""

    kind = "csv"

    def __init__(self, path: Path, template: str) -> None:
        super().__init__(path, template)
        self._lines = Lines(path, comments=False)
        if not len(self._lines):
            raise InputError("is empty: its first row must name the parameters", where=Place(str(path)))
        self._starts: array[int] | None = None
        header, end = self._record(0)
        self.names = header
        mistakes = self._check_header(header)
        self._first = end
        self._count = 0
        self._index(mistakes)
        raise_all(mistakes)
        self.settle()
        self.groups = self._groups(header)

    def __len__(self) -> int:
        return self._count

    def arguments(self, job: int) -> dict[str, Any]:
        assert self.names is not None
        return dict(zip(self.names, self._record(self._line_number(job))[0], strict=True))

    def line_of(self, job: int) -> int:
        return self._lines.at(self._line_number(job))[1]

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        assert self.names is not None
        return one_by_one(self._said(names)) if set(names) & set(self.names) else super().needs()

    def _said(self, names: Sequence[str]) -> Iterator[Said]:
        if self._starts is not None:
            for job in range(self._count):
                yield said_by(self.arguments(job), names)
            return
        assert self.names is not None
        columns = [self.names.index(name) if name in names and name in self.names else -1 for name in FIELDS]
        header = True
        for _, block in self._lines.blocks():
            for line in block:
                if not line.strip():
                    continue
                if header:
                    header = False
                    continue
                fields = line.decode("utf-8", "surrogateescape").rstrip("\r").split(",")
                fields.append("")
                yield fields[columns[0]], fields[columns[1]], fields[columns[2]]

    def _check_header(self, header: Sequence[str]) -> list[InputError]:
        mistakes = []
        for column, name in enumerate(header):
            what = ""
            if not name.strip():
                what = f"column {column + 1} has no name"
            elif name in header[:column]:
                what = f'the column "{name}" is named twice'
            if what:
                mistakes.append(InputError(what, where=Place(str(self.path), 1)))
        return mistakes

    def _record(self, kept: int) -> tuple[list[str], int]:
        """The record that starts at a kept line, and the kept line after it."""
        lines = _Counted(self._text_from(kept))
        try:
            return next(csv.reader(lines, strict=True)), kept + lines.count
        except csv.Error:
            what, line, column = quote_mistake(self._text_from(kept, ending=""))
            line = line or self._lines.at(kept)[1]
            raise InputError(what, where=Place(str(self.path), line, column)) from None

    def _text_from(self, kept: int, ending: str = "\n") -> Iterator[tuple[str, int]]:
        """Lines from a kept one on, with their numbers; blank ones between them belong to a quoted field."""
        before = 0
        for at in range(kept, len(self._lines)):
            line, number = self._lines.at(at)
            blank = "\n" * (number - before - 1) if before else ""
            yield blank + line.decode("utf-8", "surrogateescape") + ending, number
            before = number

    def _line_number(self, job: int) -> int:
        if not 0 <= job < self._count:
            raise IndexError(job)
        if self._starts is None:
            return self._first + job
        line = self._starts[job // SPARSE]
        for _ in range(job % SPARSE):
            line = self._record(line)[1]
        return line

    def _index(self, mistakes: list[InputError]) -> None:
        assert self.names is not None
        width = len(self.names)
        if any(b'"' in line or b"\r" in line[:-1] for _, block in self._lines.blocks() for line in block):
            self._index_quoted(width, mistakes)
            return
        self._count = len(self._lines) - self._first
        for first, block in self._lines.blocks():
            if all(line.count(b",") == width - 1 for line in block):
                continue
            for at, line in enumerate(block):
                if line.strip() and line.count(b",") != width - 1:
                    mistakes.append(self._too(line.count(b",") + 1, first + at))
                    if len(mistakes) >= MOST_MISTAKES:
                        return

    def _index_quoted(self, width: int, mistakes: list[InputError]) -> None:
        self._starts = array("Q")
        line = self._first
        while line < len(self._lines):
            if self._count % SPARSE == 0:
                self._starts.append(line)
            try:
                fields, after = self._record(line)
            except InputError as error:
                # Where the next record begins nobody can know.
                mistakes.append(error)
                return
            if len(fields) != width and len(mistakes) < MOST_MISTAKES:
                mistakes.append(self._too(len(fields), self._lines.at(line)[1]))
            self._count += 1
            line = after

    def _too(self, found: int, line: int) -> InputError:
        assert self.names is not None
        few = "few" if found < len(self.names) else "many"
        what = f"too {few} fields: found {found}, the header names {len(self.names)}"
        return InputError(what, where=Place(str(self.path), line))

    def _groups(self, header: Sequence[str]) -> Sequence[str]:
        if "group" not in header:
            return ()
        return tuple(dict.fromkeys(str(self.arguments(job)["group"]) for job in range(self._count)))


class _Counted:
    """Lines on the way into a reader; `count`: how many it has taken."""

    def __init__(self, lines: Iterator[tuple[str, int]]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        text, _ = next(self._lines)
        self.count += 1
        return text


class JsonlPool(RowPool):
    """An array (by place), an object (by name) or a scalar a line."""

    kind = "jsonl"
    has_width = False

    def __init__(self, path: Path, template: str) -> None:
        super().__init__(path, template)
        self._lines = Lines(path, comments=False)
        self._is_plural = False
        groups: dict[str, None] = {}
        raise_all(self._check(groups))
        first = self.arguments(0) if len(self) else ()
        self.names = list(first) if isinstance(first, dict) else None
        self.groups = tuple(groups)
        self.settle()

    def __len__(self) -> int:
        return len(self._lines)

    def arguments(self, job: int) -> tuple[Any, ...] | dict[str, Any]:
        value = json.loads(self._lines.at(job)[0])
        if isinstance(value, dict):
            return value
        return tuple(value) if isinstance(value, list) else (value,)

    @property
    def has_commands(self) -> bool:
        return self._template is not None or not self._is_plural

    def line_of(self, job: int) -> int:
        return self._lines.at(job)[1]

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        return one_by_one(self._said(names)) if names else super().needs()

    def _said(self, names: Sequence[str]) -> Iterator[Said]:
        for _, block in self._lines.blocks():
            for row in json.loads(b"[" + b",".join(line for line in block if line.strip()) + b"]"):
                yield said_by(row if isinstance(row, dict) else {}, names)

    def _check(self, groups: dict[str, None]) -> list[InputError]:
        """Whole blocks at once; only a block that is refused is read line by line."""
        mistakes: list[InputError] = []
        for first, block in self._lines.blocks():
            lines = [line for line in block if line.strip()]
            try:
                values = json.loads(b"[" + b",".join(lines) + b"]", parse_constant=_refuse, object_pairs_hook=_once)
                good = len(values) == len(lines)
            except ValueError:
                values, good = [], False
            self._is_plural = self._is_plural or any(map(_is_plural, values))
            for value in values:
                if isinstance(value, dict) and "group" in value:
                    groups.setdefault(str(value["group"]))
            if not good:
                mistakes += self._look(first, block)
            if len(mistakes) >= MOST_MISTAKES:
                break
        return mistakes

    def _look(self, first: int, block: Sequence[bytes]) -> list[InputError]:
        mistakes = []
        for at, line in enumerate(block):
            if not line.strip():
                continue
            text = line.decode("utf-8", "surrogateescape").rstrip("\r")
            try:
                line.decode("utf-8")
                json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
            except json.JSONDecodeError as error:
                where = Place(str(self.path), first + at, error.colno, text)
                mistakes.append(InputError(f"is not JSON: {error.msg.lower()}", where=where))
            except UnicodeDecodeError as error:
                where = Place(str(self.path), first + at, error.start + 1)
                mistakes.append(InputError("is not UTF-8 text", where=where))
            except ValueError as error:
                mistakes.append(InputError(str(error), where=Place(str(self.path), first + at)))
        return mistakes


def _is_plural(value: Any) -> bool:
    """Whether a row is not one value."""
    if isinstance(value, dict):
        return len(value.keys() - RESERVED) != 1
    return isinstance(value, list) and len(value) != 1


def _only(values: tuple[Any, ...] | dict[str, Any]) -> str:
    """The row's one value."""
    fields = values if isinstance(values, tuple) else [one for name, one in values.items() if name not in RESERVED]
    return written(fields[0])


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON: numbers must be finite")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f'the key "{double}" is given twice')
    return made
