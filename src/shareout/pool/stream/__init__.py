"""Jobs that come while they are run: NAME.stream.json says what the stream is called, its lines come into another file.
With `"as": "jsonl"` in it each of them is a row, as in a jobs.jsonl (`rows`).

How many there will be nobody knows: as a plan it has room for `MOST`. What decides who it is, is its name; a line that
is there is never changed, so whoever reads a job by number finds it as soon as it was told of it. Lines are found by
marks, one for each sixty-four of them; a process that is asked for a later one reads on in the file.
"""

from __future__ import annotations

import json
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareout.errors import InputError, Place
from shareout.names import why_no_name
from shareout.pool import COSTS, STREAM, Barrier, EngineCommand, InputFile, Need, Phase, Row, Values
from shareout.pool.needs import NOTHING, Said
from shareout.pool.stream.index import indexed

if TYPE_CHECKING:
    from shareout.pool.templates.template import Template

ENDING = ".stream.json"
ROWS = "jsonl"
MOST = 1 << 28
"""Jobs of one: a run keeps a byte for a thousand of them."""
STEP = 64
READ = 1 << 20


class StreamPool:
    """One."""

    kind = STREAM
    gives_lines = True
    """A job is handed its line, and no row."""
    groups: Sequence[str] = ()
    for_bash = False
    barriers: Sequence[Barrier] = ()
    phases: Sequence[Phase] = (Phase(0, MOST),)

    def __init__(self, path: Path, template: str, colsep: str = "") -> None:
        self.costs_file = path.parent / COSTS
        self.inputs = (InputFile("pool", path),)
        self.name = _named_in(path)[0]
        self.start_commands: list[EngineCommand] = []
        self.stop_commands: list[EngineCommand] = []
        """They come before the first job."""
        self._template = self._made(template) if template else None
        self._separator = re.compile(colsep) if colsep else None
        self.read_from(path.with_name(path.name.removesuffix(ENDING) + ".lines"))

    def _made(self, template: str) -> Template:
        from shareout.pool.templates.template import Template

        return Template(template, None)

    def read_from(self, lines: Path) -> None:
        """That is where they come: as a rule, beside the file that names it."""
        self.lines = lines
        self._file = -1
        self._marks = array("Q", [0])
        """Where each line begins whose number is a multiple of STEP."""
        self._count = 0
        self._end = 0

    def __len__(self) -> int:
        return MOST

    def prepare(self) -> None:
        """Each process reads for itself."""

    def keep(self) -> None:
        """Nothing is found out that would hold for long."""

    def take_once(self, facts: bytes) -> EngineCommand | None:
        """What each host is to run once: a START, which is due now; a STOP is kept, and so is what nobody here knows.
        ValueError where it is none."""
        try:
            said = json.loads(facts)
            command = EngineCommand(str(said["text"]), int(said["line"]), said["theirs"] is True)
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"it is no PERENGINE: {facts[:80]!r}") from error
        if said.get("when") == "START":
            self.start_commands.append(command)
            return command
        self.stop_commands.append(command)
        return None

    @property
    def come(self) -> int:
        """How many are there now."""
        self._read_on()
        return self._count

    def check(self, line: str, kind: str) -> None:
        """Before it is given to anybody: ValueError where it can be no job of that kind."""

    def row(self, job: int) -> Row:
        """By the line alone."""
        text, repeat = indexed(self.line(job))
        return Row(job, text, (text,), line=job + 1, repeat=repeat, task=job)

    def arguments(self, job: int) -> tuple[Any, ...] | dict[str, Any]:
        """The line as the one argument."""
        return (indexed(self.line(job))[0],)

    def command(self, job: int) -> str:
        """The line, or the template filled from it."""
        return self._template.fill(self.values(job)) if self._template else indexed(self.line(job))[0]

    def values(self, job: int) -> Values:
        """The line, and its columns: by `colsep`, else by blanks."""
        text = indexed(self.line(job))[0]
        return Values(job, (text,), self._separator.split(text) if self._separator else text.split(), {})

    def group(self, job: int) -> str | None:
        """A line has none."""
        return None

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """Nor needs of its own."""
        return None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Said]]:
        """Nor has any other."""
        return iter([(range(MOST), NOTHING)])

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """A line has no fields."""
        return None

    def line(self, job: int) -> str:
        """As it came. IndexError where it has not."""
        if not 0 <= job < self._count:
            self._read_on()
        if not 0 <= job < self._count:
            raise IndexError(job)
        first, nth = divmod(job, STEP)
        end = self._marks[first + 1] if first + 1 < len(self._marks) else self._end
        lines = os.pread(self._file, end - self._marks[first], self._marks[first]).split(b"\n")
        return lines[nth].decode("utf-8", "surrogateescape")

    def _read_on(self) -> None:
        """What has come since. A last line without its end is still being written."""
        try:
            if self._file < 0:
                self._file = os.open(self.lines, os.O_RDONLY | os.O_CLOEXEC)
            while data := os.pread(self._file, READ, self._end):
                if not (whole := data[: data.rfind(b"\n") + 1]):
                    break
                self._mark(whole)
        except FileNotFoundError:
            return

    def _mark(self, whole: bytes) -> None:
        lines = whole.count(b"\n")
        at, left = 0, STEP - self._count % STEP
        while left <= lines:
            for _ in range(left):
                at = whole.index(b"\n", at) + 1
            self._marks.append(self._end + at)
            lines, left, self._count = lines - left, STEP, self._count + left
        self._count += lines
        self._end += len(whole)


def open_stream(path: Path, template: str, colsep: str = "") -> StreamPool:
    """The one that the file names."""
    if _named_in(path)[1] == ROWS:
        from shareout.pool.stream.rows import RowStream

        return RowStream(path, template)
    return StreamPool(path, template, colsep)


def stream_text(name: str, kind: str = "") -> bytes:
    """What its file says; `kind`: what its lines are, where they are not just lines."""
    facts = {"stream": name, "as": kind} if kind else {"stream": name}
    return json.dumps(facts).encode("ascii") + b"\n"


def _named_in(path: Path) -> tuple[str, str]:
    """Its name, and what its lines are."""
    try:
        facts = json.loads(path.read_bytes())
    except ValueError:
        facts = None
    facts = facts if isinstance(facts, dict) else {}
    name, kind = facts.pop("stream", None), facts.pop("as", "")
    if not isinstance(name, str) or why_no_name(name) or kind not in ("", ROWS) or facts:
        raise InputError(
            "names no stream",
            where=Place(str(path)),
            way_out='It is written by `serve --stream NAME`: {"stream": "NAME"}',
        )
    return name, kind
