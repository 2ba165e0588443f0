"""Rows → a job's parameters, by place or by name; checked against the signature before any job starts."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from shareout.errors import InputError, Place, UsageError, nearest, raise_all
from shareout.pool import STREAM, Pool
from shareout.run.python.context import GIVEN

# In less than half a second. What cannot be converted in later rows fails their jobs: a start does not wait for a look
# at tens of millions.
CHECKED = 1_000_000
# Lines that are looked at together.
MANY = 4096
MOST_MISTAKES = 50
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


class CannotConvert(ValueError):
    """A text that is not what the job's annotation asks for, given to the parameter `name`."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(what)
        self.name = name


class Converter(NamedTuple):
    """What makes a parameter of a text."""

    read: Callable[[str], Any]
    """Raises CannotConvert."""
    fits: Callable[[Iterable[str]], bool]
    """Whether all of many can be read: in a tenth of the time."""


class Binding:
    """How one job function is called."""

    def __init__(self, job: Callable[..., Any], pool: Pool) -> None:
        self._pool = pool
        self._name = getattr(job, "__name__", "job")
        self._signature = _signature(job)
        parameters = self._signature.parameters.values()
        self.given = frozenset(one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.name in GIVEN)
        converters = _converters(job, self._signature)
        # Chosen once: of all rows of a CSV the columns are the same.
        columns = (getattr(pool, "names", None) or ()) if pool.kind == "csv" else ()
        self._converters = {name: converters[name] for name in columns if name in converters}
        self._line = next(iter(self._signature.parameters), "")
        """What a line is given to, of a pool of lines."""
        gives_lines = pool.kind in ("text", "runmaker") or getattr(pool, "gives_lines", False)
        self._convert_line = converters.get(self._line) if gives_lines else None
        self._reads = [(name, converter.read) for name, converter in self._converters.items()]
        self._checked = [self._convert_line] if self._convert_line else list(self._converters.values())
        self._refusal = _why_no_job(job)
        self._takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters)
        self.extra = self._unasked()
        """Columns that the job is not given."""
        self._is_plain = not self.extra and not self._converters
        is_as_it_is = self._is_plain and pool.kind == "grid" and not self.given
        self.named: Callable[[int], Any] | None = pool.arguments if is_as_it_is else None
        """What tells all arguments of a job, by name, where a row is given as it is."""
        self.single: Callable[[int], Any] | None = _first(job, pool) if is_as_it_is else None
        """What tells a job's only argument, where that can be given without its name: in half the time."""

    @property
    def by_place(self) -> tuple[str, ...]:
        """What the values of a row without names are given to."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return tuple(one.name for one in self._signature.parameters.values() if one.kind in kinds)

    def check(self) -> None:
        """The first row, tried on the signature: what is missing or too much is told before a job starts."""
        if self._refusal:
            what = f"{self._name} cannot be the job: {self._refusal}"
            raise UsageError(what, way_out="A job is a function that returns its result.")
        if not len(self._pool):
            return
        if self._pool.kind == STREAM:
            self._check_stream()
            return
        try:
            args, named = self.arguments(0)
        except CannotConvert:
            self._check_texts()
            raise
        try:
            self._signature.bind(*args, **named, **dict.fromkeys(self.given))
        except TypeError as error:
            raise self._mismatch(str(error), args, named) from None
        self._check_texts()

    def _check_stream(self) -> None:
        """Nothing has come yet; but a line is one argument, whatever stands in it."""
        if getattr(self._pool, "gives_lines", False):
            try:
                self._signature.bind("", **dict.fromkeys(self.given))
            except TypeError as error:
                raise self._mismatch(str(error), ("",), {}) from None

    def _check_texts(self) -> None:
        """Whether the texts of the first rows are what the annotations ask for."""
        mistakes: list[InputError] = []
        first = 0
        for block in self._texts():
            if not all(converter.fits(texts) for converter, texts in zip(self._checked, block, strict=True)):
                mistakes += islice(self._wrong(first, block), MOST_MISTAKES - len(mistakes))
            first += len(block[0])
            if len(mistakes) >= MOST_MISTAKES or first >= CHECKED:
                break
        raise_all(mistakes)

    def _wrong(self, first: int, block: Sequence[Sequence[str]]) -> Iterator[InputError]:
        """What is wrong in a block whose first row is this one, a row after the other."""
        for job, row in enumerate(zip(*block, strict=True), first):
            for converter, text in zip(self._checked, row, strict=True):
                try:
                    converter.read(text)
                except CannotConvert as error:
                    yield InputError(str(error), where=self._place(job, error.name))

    def _texts(self) -> Iterable[Sequence[Sequence[str]]]:
        """Of each that is checked the texts, a block of rows at a time."""
        if self._convert_line:
            texts = getattr(self._pool, "texts", None)
            return _in_blocks(texts()) if texts is not None else ()
        # Of a rest the whole pool was looked at.
        blocks = getattr(self._pool, "column_blocks", None)
        return blocks(list(self._converters)) if blocks is not None and self._converters else ()

    def arguments(self, job: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments of a job; raises CannotConvert, with the place in the pool's file."""
        values = self._pool.arguments(job)
        try:
            if not isinstance(values, dict):
                if self._convert_line and values:
                    values = (self._convert_line.read(values[0]), *values[1:])
                return values, {}
            if self._is_plain:
                return (), values
            if self.extra:
                values = {name: value for name, value in values.items() if name not in self.extra}
            for name, convert in self._reads:
                values[name] = convert(values[name])
        except CannotConvert as error:
            raise CannotConvert(f"{self._place(job, error.name)}: {error}", error.name) from None
        return (), values

    def _place(self, job: int, name: str) -> Place:
        pool = getattr(self._pool, "whole", self._pool)
        path, place_of = str(pool.inputs[0].path), getattr(pool, "place_of", None)
        # A line is given whole: it has no column.
        return Place(path, *place_of(job, name)) if place_of is not None else Place(path, pool.row(job).line)

    def _unasked(self) -> frozenset[str]:
        """Columns with a meaning of their own need not be parameters."""
        names = getattr(self._pool, "names", None) or ()
        known = set(self._signature.parameters)
        whole = getattr(self._pool, "whole", self._pool)
        reserved: frozenset[str] = getattr(whole, "reserved", frozenset())
        return frozenset() if self._takes_any else frozenset(set(names) & reserved - known)

    def _mismatch(self, said: str, args: tuple[Any, ...], named: dict[str, Any]) -> InputError:
        asked = [name for name in self._signature.parameters if name not in self.given]
        where = Place(str(self._pool.inputs[0].path))
        unknown = [name for name in named if name not in asked]
        meant = nearest(unknown[0], [name for name in asked if name not in named]) if unknown else ""
        hint = f'; "{unknown[0]}" is none of its parameters{meant}' if meant else ""
        ours = [name for name in asked if name in GIVEN and name not in named]
        if ours and len(args) < len(asked):
            # What a row does not have and we would give.
            own = [*(name for name in asked if name not in ours), "*", *ours, *sorted(self.given)]
            return InputError(
                f"its rows do not fit the job: {said}",
                where=where,
                way_out=f"Parameters after `*,` are given by us: write def {self._name}({', '.join(own)}).",
            )
        have = ", ".join(named) if named else f"{len(args)} values"
        return InputError(
            f"its rows do not fit the job: {said}{hint}",
            where=where,
            way_out=f"A row has {have}; the job takes {', '.join(asked) or 'nothing'}.",
        )


def _in_blocks(texts: Iterator[str]) -> Iterator[list[list[str]]]:
    while some := list(islice(texts, MANY)):
        yield [some]


def _first(job: Callable[..., Any], pool: Pool) -> Callable[[int], Any] | None:
    column: Sequence[Any] | None = getattr(pool, "column", None)
    # What is called, and not the signature: a decorator may tell another one than its own.
    if column is None or not inspect.isfunction(job) or not job.__code__.co_argcount:
        return None
    return column.__getitem__ if [job.__code__.co_varnames[0]] == getattr(pool, "names", None) else None


def _signature(job: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(job)
    except (TypeError, ValueError):
        return inspect.Signature([inspect.Parameter("arguments", inspect.Parameter.VAR_POSITIONAL)])


def _why_no_job(job: Callable[..., Any]) -> str:
    """Empty for what returns when it is called; the others return before they have done anything."""
    call = job if inspect.isfunction(job) or inspect.ismethod(job) else getattr(job, "func", type(job).__call__)
    if inspect.iscoroutinefunction(call):
        return "it is async, and nothing here awaits it (write asyncio.run in it)"
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        return "it is a generator, which does nothing until it is asked for values"
    return ""


def _converters(job: Callable[..., Any], signature: inspect.Signature) -> dict[str, Converter]:
    """Fields of CSV and lines are text; int, float and bool annotations convert, also as strings or `| None`."""
    found = {}
    # By the words of annotations. `typing.get_type_hints` would evaluate them, and fail a script whose names are
    # imported for type checkers alone.
    for name, parameter in signature.parameters.items():
        annotation = parameter.annotation
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
        words = {word.strip().removeprefix("Optional[").rstrip("]") for word in text.split("|")}
        optional = "None" in words or "Optional" in text
        for kind, convert in (("int", int), ("float", float), ("bool", _bool)):
            if kind in words:
                found[name] = _converter(name, kind, convert, optional)
    return found


def _converter(name: str, kind: str, convert: Callable[[str], Any], optional: bool) -> Converter:
    def read(text: str) -> Any:
        if optional and text == "":
            return None
        try:
            return convert(text)
        except ValueError:
            raise CannotConvert(f'{name}: "{text}" is not {kind}', name) from None

    def fits(texts: Iterable[str]) -> bool:
        try:
            # A deque that keeps nothing: all are converted without a turn of Python's own loop.
            deque(map(convert, filter(None, texts) if optional else texts), maxlen=0)
        except ValueError:
            return False
        return True

    return Converter(read, fits)


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(text)
