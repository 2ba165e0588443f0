"""runs.txt of Runmaker4: a state letter, a blank or a tab, a command. All other lines are no jobs, as there.

`.` is to run, `r` and `?` ran when their run was killed; `d` is done and stays so; `!` and `e` failed, and run again
with --retry-failed; any other letter, with which Runmaker passes over a job, skips it. The pool holds all of them and
is hashed as if each had a `.`, so that neither ids nor shares nor the digest depend on what is done. What the file
says is where a job begins; from its first attempt on, the journal says how it stands.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import InputError, Place, raise_all
from shareout.pool import COSTS, Barrier, EngineCommand, InputFile, Need, Phase, Row, Values
from shareout.pool.lines import Lines
from shareout.units import counted

LETTERS = ".?rd!e"
TO_RUN = ".?r"
_TO_RUN = TO_RUN.encode()
_JOB = re.compile(rb"[^#/][ \t]")
_NO_JOB = re.compile(rb"\n(?![^#/\n][ \t])")


def is_job(line: bytes) -> bool:
    """Whether Runmaker takes it for one."""
    return _JOB.match(line) is not None


class JobLines(Lines):
    """The lines that Runmaker takes for jobs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, comments=False)

    def _is_kept(self, line: bytes) -> bool:
        return is_job(line)

    def _is_plain(self, chunk: bytes) -> bool:
        # The newline at the end of a chunk is followed by nothing that could be looked at here.
        found = _NO_JOB.search(chunk)
        return found is None or found.end() == len(chunk)


class RunmakerPool:
    """The pool of a runs.txt."""

    kind = "runmaker"
    start_commands: Sequence[EngineCommand] = ()
    stop_commands: Sequence[EngineCommand] = ()
    for_bash = False
    barriers: Sequence[Barrier] = ()
    groups: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self.inputs = (InputFile("pool", path, has_states=True),)
        self.costs_file = path.parent / COSTS
        self._lines = JobLines(path)
        raise_all(self._mistakes(str(path)))
        self.phases = (Phase(0, len(self)),)

    def __len__(self) -> int:
        return len(self._lines)

    def prepare(self) -> None:
        """Marks where the lines begin."""
        self._lines.prepare()

    def keep(self) -> None:
        """Nothing: the file is another one as soon as a letter is, and each run writes some."""

    def letter(self, job: int) -> str:
        """Its state, as the file has it now."""
        return chr(self._lines.at(job)[0][0])

    def offsets(self) -> array[int]:
        """Where the line of each job begins, in bytes."""
        found = array("Q")
        for _, offset, text in self._lines.texts():
            for line in text.split(b"\n"):
                if is_job(line):
                    found.append(offset)
                offset += len(line) + 1
        return found

    def oddities(self) -> Iterator[str]:
        """What Runmaker passes over without a word."""
        path = self.inputs[0].path
        texts = [number for _, number, line in self._lines.dropped() if line[:1] not in b"#/"]
        if texts:
            told = counted(len(texts), "line")
            yield f"{path}: {told} without a letter and a blank, no job as in Runmaker: the first is line {texts[0]}"
        letters = Counter(letter for _, letter in self.ended() if letter not in LETTERS)
        if letters:
            told = " ".join(map(repr, letters))
            yield f"{path}: {counted(letters.total(), 'job')} with a letter that says nothing to run ({told}): skipped"

    def ended(self) -> Iterator[tuple[int, str]]:
        """The jobs that the file says are not to run, with their letters: in bulk, for most are."""
        job = 0
        for _, block in self._lines.blocks():
            for line in filter(is_job, block):
                if line[0] not in _TO_RUN:
                    yield job, chr(line[0])
                job += 1

    def row(self, job: int) -> Row:
        """`text` is what stands behind the letter."""
        line, number = self._lines.at(job)
        text = line[2:].decode("utf-8", "surrogateescape")
        return Row(job, text, (text,), {}, number)

    def arguments(self, job: int) -> tuple[Any, ...]:
        """The command as the one argument."""
        return (self.command(job),)

    def command(self, job: int) -> str:
        """Behind the letter and its blank, as it stands there."""
        return self._lines.line(job)[2:].decode("utf-8", "surrogateescape")

    def texts(self) -> Iterator[str]:
        """Of all jobs in their order: faster than by number."""
        for _, block in self._lines.blocks():
            for line in filter(is_job, block):
                yield line[2:].removesuffix(b"\r").decode("utf-8", "surrogateescape")

    def values(self, job: int) -> Values:
        """The command, and its words as columns."""
        line = self.command(job)
        return Values(job, (line,), line.split(), {})

    def group(self, job: int) -> str | None:
        """A runs.txt has no groups."""
        return None

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """A runs.txt says nothing of needs."""
        return None

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """A command has no fields."""
        return None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Need]]:
        """All jobs alike."""
        return iter([(range(len(self)), Need())])

    def _mistakes(self, path: str) -> list[InputError]:
        """A dot alone says that a job was meant: Runmaker would never run it."""
        return [
            InputError(
                f"a blank is missing between the letter and the command, found {line[:12]!r}",
                where=Place(path, number, 1),
                way_out="A job is a letter, a blank and a command, as `. ./run.sh`.",
            )
            for _, number, line in self._lines.dropped()
            if line.startswith(b".") and line.strip() != b"."
        ]
