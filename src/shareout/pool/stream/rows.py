"""A stream of which each line is a row: an array by place, an object by name, a scalar as the one argument."""

from __future__ import annotations

from typing import Any

from shareout.pool import Row, Values
from shareout.pool.rows import RESERVED, Arguments, in_words, only, row_of, shown
from shareout.pool.stream import StreamPool
from shareout.pool.templates.template import Template


class _Any(tuple[str, ...]):
    """Which fields rows will have nobody knows: a template may ask for any."""

    def __contains__(self, name: object) -> bool:
        return True


class RowStream(StreamPool):
    """One. A line that is no row, which only a program can give that speaks to the ledger itself, is a job that cannot
    be started, and is told so."""

    gives_lines = False
    reserved = RESERVED

    def _made(self, template: str) -> Template:
        return Template(template, _Any())

    def check(self, line: str, kind: str) -> None:
        """As whoever runs it will read it."""
        row = row_of(line)
        if self._template or kind == "command":
            self._command_of(0, row)

    def arguments(self, job: int) -> Arguments:
        """As the line has it."""
        return row_of(self.line(job))

    def row(self, job: int) -> Row:
        """`text` is the command where there is a template, else the row as one would read it."""
        row = self.arguments(job)
        named: dict[str, Any] = row if isinstance(row, dict) else {}
        args = () if isinstance(row, dict) else row
        text = self._command_of(job, row) if self._template else shown(row)
        return Row(job, text, args, named=named, line=job + 1, task=job)

    def command(self, job: int) -> str:
        """By the template; without one, the row's only field."""
        return self._command_of(job, self.arguments(job))

    def values(self, job: int) -> Values:
        """Its fields in the order of the row, each in words."""
        return in_words(job, self.arguments(job))

    def _command_of(self, job: int, row: Arguments) -> str:
        if self._template is None:
            fields = len(row) if isinstance(row, tuple) else len(row.keys() - self.reserved)
            if fields != 1:
                raise ValueError("is a row of several values, and no --template says what command they make")
            return only(row, self.reserved)
        try:
            return self._template.fill(in_words(job, row))
        except KeyError as error:
            raise ValueError(f"has no field {error.args[0]}, for which the template asks") from None
