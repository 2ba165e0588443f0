"""Rows by number; jobs.jsonl, and what all such pools share. Every row is checked when it is opened, none is kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shareout.errors import InputError, Place, raise_all
from shareout.names import mistakes_of
from shareout.pool import COSTS, Barrier, EngineCommand, InputFile, Need, Phase, Row, Values
from shareout.pool.lines import Lines
from shareout.pool.needs import NOTHING, Said, need_from, one_by_one, said_by
from shareout.pool.places.shelf import Shelf
from shareout.pool.templates.template import Template, written

Arguments = tuple[Any, ...] | dict[str, Any]
"""What a row hands to a job: by place, or by name."""
MOST_MISTAKES = 50
# Fields with a meaning of their own: they are no part of a command.
RESERVED = frozenset({"group", "cores", "gpus", "memory", "cost"})

TOO_DEEP = "brackets are nested too deeply"
# Half the time of `json.loads`, which asks of every text anew what it is.
_read = json.JSONDecoder().raw_decode


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
    reserved = RESERVED
    """Fields that are no part of a command, nor handed to a function that does not ask for them."""

    def __init__(self, path: Path, template: str) -> None:
        self.path = path
        self.costs_file = path.parent / COSTS
        self.inputs: tuple[InputFile, ...] = (InputFile("pool", path),)
        self.groups: Sequence[str] = ()
        self._template_text = template
        self._template: Template | None = None

    def settle(self) -> None:
        """Called once the rows are known."""
        self.phases = (Phase(0, len(self)),)
        raise_all([InputError(what, where=Place(str(self.path))) for what in mistakes_of(self.groups)])
        columns = len(self.names) if self.names and self.has_width else None
        self._template = Template(self._template_text, self.names, columns) if self._template_text else None

    @property
    def has_commands(self) -> bool:
        """Whether a row makes a command line: by a template, or as its only field."""
        return self._template is not None or len(set(self.names or ()) - self.reserved) == 1

    def __len__(self) -> int:
        raise NotImplementedError

    def prepare(self) -> None:
        """Of rows that are worked out there is nothing to prepare."""

    def keep(self) -> None:
        """Nor to keep."""

    def arguments(self, job: int) -> Arguments:
        """Each kind of pool has its own. IndexError for a job that there is not."""
        raise NotImplementedError

    def rows(self) -> Iterator[Arguments]:
        """The arguments of all jobs in their order: faster than by number."""
        return map(self.arguments, range(len(self)))

    def line_of(self, job: int) -> int:
        """In the pool's file, from 1; 0 where a job has no line."""
        return 0

    def row(self, job: int) -> Row:
        """`text` is the command line where there is a template, else the row as one would read it."""
        values = self.arguments(job)
        named: Mapping[str, Any] = values if isinstance(values, dict) else {}
        args = () if isinstance(values, dict) else values
        group = named.get("group")
        text = self.command(job) if self._template else shown(values)
        return Row(job, text, args, named=named, line=self.line_of(job), group=None if group is None else str(group))

    def command(self, job: int) -> str:
        """By the template; without one, the row's only field."""
        return self._template.fill(self.values(job)) if self._template else only(self.arguments(job), self.reserved)

    def values(self, job: int) -> Values:
        """Its fields in the order of the row, each in words."""
        return in_words(job, self.arguments(job))

    def group(self, job: int) -> str | None:
        """What the field `group` says, when any row has one."""
        if not self.groups:
            return None
        values = self.arguments(job)
        group = values.get("group") if isinstance(values, dict) else None
        return None if group is None else str(group)

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """From the fields of these names; rows that are called by place say nothing."""
        values = self.arguments(job) if names else ()
        return need_from(said_by(values, names)) if isinstance(values, dict) else None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """Of a pool whose rows say nothing."""
        return iter([(range(len(self)), NOTHING)])

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """Of a pool whose rows have no such field."""
        return None

    def _is_plural(self, value: Any) -> bool:
        """Whether a row is not one value."""
        if isinstance(value, dict):
            return len(value.keys() - self.reserved) != 1
        return isinstance(value, list) and len(value) != 1


class JsonlPool(RowPool):
    """An array (by place), an object (by name) or a scalar a line."""

    kind = "jsonl"
    has_width = False

    def __init__(self, path: Path, template: str, *, is_ours: bool = False, shelf: Shelf | None = None) -> None:
        """`is_ours`: it was written here a moment ago, has no mistake, and says nothing of groups."""
        super().__init__(path, template)
        self._lines = Lines(path, comments=False, shelf=shelf, kind=self.kind)
        self.inputs = (InputFile("pool", path, hash=self._lines.hash),)
        found = self._lines.found
        groups: dict[str, None] = dict.fromkeys(found.facts["groups"] if found else ())
        if not (found or is_ours):
            raise_all(self._check(groups))
        first = self.arguments(0) if len(self) else ()
        self.names = list(first) if isinstance(first, dict) else None
        self.groups = tuple(groups)
        self.settle()

    def __len__(self) -> int:
        return len(self._lines)

    def prepare(self) -> None:
        """Marks where the lines begin."""
        self._lines.prepare()

    def keep(self) -> None:
        """With the names of groups."""
        self._lines.keep({"groups": list(self.groups)})

    def arguments(self, job: int) -> Arguments:
        """As the line has it: an array by place, an object by name, a scalar as the one argument."""
        return _arguments(_read(self._lines.line(job).lstrip().decode("utf-8", "surrogatepass"))[0])

    def rows(self) -> Iterator[Arguments]:
        """Read in blocks."""
        return map(_arguments, self._in_turn())

    @property
    def has_commands(self) -> bool:
        """Also without a template, where no row is more than one value."""
        return self._template is not None or not any(map(self._is_plural, self._in_turn()))

    def line_of(self, job: int) -> int:
        """Blank lines count, though they are no jobs."""
        return self._lines.at(job)[1]

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """A row at a time, read in blocks."""
        return one_by_one(self._said(names)) if names else super().needs()

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """Only where the name stands anywhere in the file are its lines read."""
        # As it may be written: with the signs of a key that JSON writes as they are, or with an escape.
        needles = (json.dumps(name, ensure_ascii=False).encode("utf-8", "surrogatepass"), b"\\u")
        if not any(needle in text for _, _, text in self._lines.texts() for needle in needles):
            return None
        has_it = any(type(row) is dict and name in row for row in self._in_turn())
        return self._field(name) if has_it else None

    def _field(self, name: str) -> Iterator[Sequence[Any]]:
        for block in self._blocks():
            rows = json.loads(block.array, parse_float=str)
            yield [row.get(name) if type(row) is dict else None for row in rows]

    def _said(self, names: Sequence[str]) -> Iterator[Said]:
        for row in self._in_turn():
            yield said_by(row if isinstance(row, dict) else {}, names)

    def _in_turn(self) -> Iterator[Any]:
        """What the lines say, read in blocks."""
        for block in self._blocks():
            yield from json.loads(block.array)

    def _blocks(self) -> Iterator[_Block]:
        # The newlines stay: a text that went on over one is no JSON.
        for first, _, text in self._lines.texts():
            if self._lines.has_gaps:
                rows = [line for line in text.split(b"\n") if line.strip()]
                yield _Block(first, text, b"[" + b",\n".join(rows) + b"]", len(rows))
            else:
                yield _Block(first, text, b"[" + text.replace(b"\n", b",\n") + b"]", text.count(b"\n") + 1)

    def _check(self, groups: dict[str, None]) -> list[InputError]:
        """Whole blocks at once; only a block that is refused is read line by line."""
        mistakes: list[InputError] = []
        for block in self._blocks():
            values = _values(block)
            if values is None:
                mistakes += self._look(block.first, block.text.split(b"\n"))
                if len(mistakes) >= MOST_MISTAKES:
                    break
            # As it is written, or with an escape.
            elif b'"group"' in block.array or b"\\" in block.array:
                for value in values:
                    if type(value) is dict and "group" in value:
                        groups.setdefault(str(value["group"]))
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
            except RecursionError:
                mistakes.append(InputError(TOO_DEEP, where=Place(str(self.path), first + at)))
            except ValueError as error:
                mistakes.append(InputError(str(error), where=Place(str(self.path), first + at)))
        return mistakes


class _Block(NamedTuple):
    """Lines that are read at once."""

    first: int
    """The number of the first of them."""
    text: bytes
    array: bytes
    """Those that are not blank, as one JSON array."""
    rows: int
    """How many these are."""


def row_of(line: str) -> Arguments:
    """A line that nobody has looked at: ValueError says what is wrong with it."""
    try:
        return _arguments(json.loads(line, parse_constant=_refuse, object_pairs_hook=_once))
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg.lower()}") from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def in_words(job: int, row: Arguments) -> Values:
    """What a template is filled from."""
    if isinstance(row, dict):
        named = {name: written(value) for name, value in row.items()}
        columns = list(named.values())
    else:
        named, columns = {}, [written(value) for value in row]
    return Values(job, columns, columns, named)


def only(row: Arguments, reserved: Collection[str]) -> str:
    """Its one value."""
    if isinstance(row, tuple):
        return written(row[0])
    return written(next(one for name, one in row.items() if name not in reserved))


def shown(row: Arguments) -> str:
    """As one would read it."""
    if isinstance(row, dict):
        return " ".join(f"{name}={written(value)}" for name, value in row.items())
    return " ".join(written(value) for value in row)


def _arguments(value: Any) -> Arguments:
    if isinstance(value, dict):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def _values(block: _Block) -> list[Any] | None:
    """What its lines say, all at once; None where one of them must be refused."""
    array = block.array
    try:
        values: list[Any] = json.loads(array, parse_constant=_refuse)
        kinds = set(map(type, values))
        objects: Iterable[Any] = values if kinds == {dict} else ()
        if dict in kinds and len(kinds) > 1:
            objects = (value for value in values if type(value) is dict)
        # As many colons as keys that were read: then no key was given twice, and no more need be asked for each.
        if array.count(b":") != sum(map(len, objects)):
            values = json.loads(array, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return values if len(values) == block.rows else None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON: numbers must be finite")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f'the key "{double}" is given twice')
    return made
