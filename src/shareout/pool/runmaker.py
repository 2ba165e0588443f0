"""runs.txt of Runmaker4: a state letter, a space, a command; blank lines are no jobs.

`.` is to run, `r` ran when its run was killed; `d` is done and stays so; `!` and `e` failed, and run again
with --retry-failed. The pool holds all of them and is hashed as if each had a `.`, so that neither ids nor shares
nor the digest depend on what is done. What the file says is where a job begins; from its first attempt on, the
journal says how it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool import Barrier, EngineCommand, InputFile, Need, Phase, Row, Values
from shareout.pool.lines import Lines

LETTERS = ".rd!e"
_ENDED = b"d!e"


class RunmakerPool:
    """The pool of a runs.txt."""

    kind = "runmaker"
    start_commands: Sequence[EngineCommand] = ()
    stop_commands: Sequence[EngineCommand] = ()
    is_disbatch = False
    barriers: Sequence[Barrier] = ()
    groups: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self.inputs = (InputFile("pool", path, has_states=True),)
        self._lines = Lines(path, comments=False)
        mistakes = [
            InputError(
                f"a line starts with one of {' '.join(LETTERS)} and a space, found {line[:1]!r}",
                where=Place(str(path), first + at, 1),
            )
            for first, block in self._lines.blocks()
            for at, line in enumerate(block)
            if line.strip() and (line[:1].decode("latin-1") not in LETTERS or line[1:2] != b" ")
        ]
        raise_all(mistakes)
        self.phases = (Phase(0, len(self)),)

    def __len__(self) -> int:
        return len(self._lines)

    def letter(self, job: int) -> str:
        return chr(self._lines.at(job)[0][0])

    def ended(self) -> Iterator[tuple[int, str]]:
        """The jobs that the file says have ended, with their letters: in bulk, for most have not."""
        job = 0
        for _, block in self._lines.blocks():
            for line in filter(bytes.strip, block):
                if line[0] in _ENDED:
                    yield job, chr(line[0])
                job += 1

    def row(self, job: int) -> Row:
        line, number = self._lines.at(job)
        text = line[2:].decode("utf-8", "surrogateescape")
        return Row(job, text, (text,), {}, number)

    def arguments(self, job: int) -> tuple[Any, ...]:
        return (self.command(job),)

    def command(self, job: int) -> str:
        return self._lines.at(job)[0][2:].decode("utf-8", "surrogateescape")

    def values(self, job: int) -> Values:
        line = self.command(job)
        return Values(job, (line,), line.split(), {})

    def group(self, job: int) -> str | None:
        return None

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        return None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Need]]:
        return iter([(range(len(self)), Need())])
