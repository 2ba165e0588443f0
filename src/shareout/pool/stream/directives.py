"""The # language in a list whose lines come one by one. Pure.

PREFIX, SUFFIX and REPEAT are said in the lines that they make, so whoever runs these knows of none; a barrier is for
who gives the lines: he waits. PERENGINE must come before the first job, as in a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shareout.errors import InputError, Place
from shareout.pool import EngineCommand
from shareout.pool.directives import OURS, DirectiveReader, directive_in
from shareout.pool.lines import is_kept
from shareout.pool.stream.index import with_index

OF_ROWS = ("BARRIER", "PERENGINE")
"""What may stand between rows, whose texts are their own."""


class Wait(NamedTuple):
    """A barrier: what follows is given when all before it is over."""

    checks: bool
    """And only if none of it has failed, since the last barrier."""
    where: Place


class AtEach(NamedTuple):
    """What each host runs before its first job, or after its last."""

    when: str
    """START or STOP."""
    command: EngineCommand
    where: Place


Coming = bytes | Wait | AtEach


class StreamedDirectives:
    """Of one source, from its first line on."""

    def __init__(self, name: str, *, of_rows: bool = False) -> None:
        """`name`: of the source, for people."""
        self._name, self._of_rows = name, of_rows
        self._reader = DirectiveReader(name)

    def line(self, number: int, line: bytes) -> Iterator[Coming]:
        """What this line comes to: jobs, or what is to be done before the next ones. Nothing of what is no job. Raises
        its mistakes."""
        if is_kept(line, True):
            self._reader.file.jobs += 1
            yield self._made(line)
        elif found := directive_in(line):
            yield from self._directive(number, found)

    def _made(self, line: bytes) -> bytes:
        now = self._reader.now
        if not (now.prefix or now.suffix):
            return line
        return now.prefix.encode("utf-8", "surrogateescape") + line + now.suffix.encode("utf-8", "surrogateescape")

    def _directive(self, number: int, found: re.Match[str]) -> Iterator[Coming]:
        where = Place(self._name, number, text=found[0])
        self._refuse_of_lists((found[2] or "").upper(), where)
        file = self._reader.file
        file.barriers, file.stretches, file.start_commands, file.stop_commands = [], [], [], []
        self._reader.directive(0, number, found)
        for mistake in file.mistakes:
            raise mistake
        yield from (Wait(checks, where) for _, checks in file.barriers)
        yield from (AtEach("START", one, where) for one in file.start_commands)
        yield from (AtEach("STOP", one, where) for one in file.stop_commands)
        for stretch in file.stretches:
            yield from self._repeats(stretch.count, stretch.repeat or (0, 1, ""))

    def _refuse_of_lists(self, word: str, where: Place) -> None:
        if word in OURS or (self._of_rows and word not in OF_ROWS):
            of = "rows" if self._of_rows else "jobs that come"
            what = f"{word or 'a directive'} is for lists that are whole, and these are {of}"
            raise InputError(what, where=where, way_out="Say it in the lines themselves.")

    def _repeats(self, count: int, repeat: tuple[int, int, str]) -> Iterator[bytes]:
        start, step, command = repeat
        text = self._made(command.encode("utf-8", "surrogateescape"))
        return (with_index(start + number * step, text) for number in range(count))
