"""jobs.txt: a command a line, or arguments for a template; directives between them. See `lines` for the index."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool import COSTS, MOST_JOBS, InputFile, Literal, Need, Phase, Row, Values
from shareout.pool.directives import Stretch, read_directives
from shareout.pool.lines import Lines, is_kept
from shareout.pool.places.shelf import Shelf

if TYPE_CHECKING:
    from shareout.pool.templates.template import Template

CHECKED = 100_000
LOOKED_AT = 1000
_BRACES = re.compile(r"(?:^|\s)\{[0-9]*\}(?:\s|$)")
# Programs that fill it themselves.
_FILLED = re.compile(r"\bxargs\b|\bparallel\b|\s-(?:exec|ok|I|i)|\bfd\b")


class TextPool:
    """A task file."""

    kind = "text"

    def __init__(self, path: Path, template: str, colsep: str = "", shelf: Shelf | None = None) -> None:
        self.costs_file = path.parent / COSTS
        self._lines = Lines(path, comments=True, shelf=shelf, kind=self.kind)
        self.inputs = (InputFile("pool", path, hash=self._lines.hash),)
        file = read_directives(str(path), self._lines.dropped(), len(self._lines))
        if file.jobs > MOST_JOBS:
            file.mistakes.append(InputError(f"{file.jobs} jobs are more than {MOST_JOBS}", where=Place(str(path))))
        raise_all(file.mistakes)
        self._jobs = file.jobs
        self._stretches = file.stretches
        self._firsts = [stretch.first for stretch in file.stretches]
        self._template = _made(template) if template else None
        self._is_literal = isinstance(template, Literal)
        self._separator = re.compile(colsep) if colsep else None
        raise_all(self._short_rows(str(path)))
        self.phases = phases_of(file.barriers, file.jobs)
        self.groups: Sequence[str] = tuple(file.groups)
        self.start_commands = tuple(file.start_commands)
        self.stop_commands = tuple(file.stop_commands)
        self.for_bash = file.for_bash
        self.barriers = tuple(file.counted)

    def __len__(self) -> int:
        return self._jobs

    def prepare(self) -> None:
        """Marks where the lines begin."""
        self._lines.prepare()

    def keep(self) -> None:
        """Of directives nothing: they are found again in no time, where lines are that are no jobs."""
        self._lines.keep({})

    def row(self, job: int) -> Row:
        """`text` has prefix and suffix; `line` is the file's, for a repeated job its directive's."""
        stretch = self._stretch(job)
        text, line = self._text(job, stretch)
        repeat = stretch.repeat[0] + (job - stretch.first) * stretch.repeat[1] if stretch.repeat else None
        return Row(
            job,
            text,
            args=(text,),
            named={},
            line=line,
            group=stretch.group,
            repeat=repeat,
            need=stretch.need,
            task=job + stretch.counted,
        )

    def arguments(self, job: int) -> tuple[Any, ...]:
        """The line as the one argument, prefix and suffix included."""
        return (self._words(job),)

    def command(self, job: int) -> str:
        """The line, or the template filled from it."""
        text = self._words(job)
        if self._template is None:
            return text
        return self._template.fill(self._values(job, text))

    def unfilled(self) -> Row | None:
        """The first line with a `{}` that looks as if a template were meant, where there is none."""
        if self._template is not None or self._is_literal:
            return None
        found = (job for job in range(min(self._jobs, LOOKED_AT)) if _is_unfilled(self._words(job)))
        first = next(found, None)
        return None if first is None else self.row(first)

    @property
    def has_columns(self) -> bool:
        """Whether its lines are taken apart."""
        return self._separator is not None or (self._template is not None and self._template.columns > 0)

    def values(self, job: int) -> Values:
        """The line, and its columns: by `colsep`, else by blanks."""
        return self._values(job, self._words(job))

    def group(self, job: int) -> str | None:
        """By the last GROUP above it."""
        return self._stretch(job).group

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """By the last NEED above it; a line has no fields, so `names` say nothing."""
        return self._stretch(job).need

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """A line has no fields."""
        return None

    def commands(self) -> Iterator[str]:
        """Of all jobs in their order: faster than by number."""
        template = self._template
        if template is None:
            return self.texts()
        return (template.fill(self._values(job, text)) for job, text in enumerate(self.texts()))

    def texts(self) -> Iterator[str]:
        """The same of what `arguments` gives."""
        kept = self._in_turn()
        for stretch in self._stretches:
            if stretch.repeat:
                yield from map(self._words, range(stretch.first, stretch.first + stretch.count))
                continue
            texts: Iterable[str] = islice(kept, stretch.count)
            if stretch.prefix or stretch.suffix:
                texts = (stretch.prefix + text + stretch.suffix for text in texts)
            yield from texts

    def _in_turn(self) -> Iterator[str]:
        """The lines that are jobs."""
        for _, _, text in self._lines.texts():
            if self._lines.has_gaps:
                text = b"\n".join(line for line in text.split(b"\n") if is_kept(line, True))
                if not text:
                    continue
            told = text.decode("utf-8", "surrogateescape")
            yield from (told.replace("\r\n", "\n").removesuffix("\r") if "\r" in told else told).split("\n")

    @property
    def has_repeats(self) -> bool:
        """Whether jobs of one line are told apart by a running number."""
        return any(one.repeat for one in self._stretches)

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Need]]:
        """A stretch between two directives at a time."""
        for one in self._stretches:
            yield range(one.first, one.first + one.count), one.need or Need()

    def _short_rows(self, path: str) -> list[InputError]:
        """Rows without a column that the template asks for, among the first ones: of all it would take too long."""
        asked = self._template.columns if self._template and not self._template.is_literal else 0
        mistakes = []
        for job in range(min(self._jobs, CHECKED)) if asked > 1 else ():
            text, line = self._text(job, self._stretch(job))
            found = len(self._values(job, text).columns)
            if found < asked:
                what = f"has {found} column{'s' * (found != 1)}, and the template asks for {{{asked}}}"
                mistakes.append(InputError(what, where=Place(path, line)))
        return mistakes

    def _values(self, job: int, text: str) -> Values:
        return Values(job, (text,), self._separator.split(text) if self._separator else text.split(), {})

    def _stretch(self, job: int) -> Stretch:
        if not 0 <= job < self._jobs:
            raise IndexError(job)
        return self._stretches[bisect_right(self._firsts, job) - 1]

    def _words(self, job: int) -> str:
        stretch = self._stretch(job)
        if stretch.repeat:
            return self._text(job, stretch)[0]
        line = self._lines.line(stretch.first_kept + job - stretch.first)
        return stretch.prefix + line.decode("utf-8", "surrogateescape") + stretch.suffix

    def _text(self, job: int, stretch: Stretch) -> tuple[str, int]:
        if stretch.repeat:
            return stretch.prefix + stretch.repeat[2] + stretch.suffix, stretch.line
        line, number = self._lines.at(stretch.first_kept + job - stretch.first)
        return stretch.prefix + line.decode("utf-8", "surrogateescape") + stretch.suffix, number


def phases_of(barriers: Sequence[tuple[int, bool]], jobs: int) -> tuple[Phase, ...]:
    """Barriers cut the ids into phases; those with no job on one side cut nothing."""
    cuts = {at: check for at, check in barriers if 0 < at < jobs}
    starts = [0, *sorted(cuts)]
    return tuple(
        Phase(start, stop, cuts.get(start, False)) for start, stop in zip(starts, [*starts[1:], jobs], strict=True)
    )


def _made(template: str) -> Template:
    """Most task files have none, and do not load what reads one."""
    from shareout.pool.templates.template import Template

    return Template(template, None)


def _is_unfilled(line: str) -> bool:
    return "{" in line and _BRACES.search(line) is not None and not _FILLED.search(line)
