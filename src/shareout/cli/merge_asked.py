"""What a call of `merge-results` asks for; what cannot be had is refused before a journal is read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from shareout.cli.options import Common
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.merge.columns.asked import Columns, Parse, Rows, parse_columns, parse_rows
from shareout.merge.tables import RowStore, TextForm, table_form
from shareout.merge.target import check_place, is_standard_output
from shareout.settings_values import parse_columns as read_columns

STATUS_FILE = "_status.txt"
ANY_CODE = "any-code"
"""After `--adopt`, where others name directories."""


@dataclass(frozen=True, slots=True)
class MergeArguments:
    """The flags of `merge-results`."""

    sources: list[str]
    output: Path | None
    form: TextForm | RowStore | None
    """Of the table; None when none is asked for, or a status file, which is no table."""
    partial: bool
    failed: bool
    columns: Columns | None = None
    """What the table is to have, as flags say it; None: as the settings do."""
    rows: tuple[Rows, ...] = (Rows.DONE,)
    parse: Parse = Parse.TEXT
    meta: str = "none"
    adopt: list[str] | None = None
    """What `--adopt` says; None where it is not said."""

    @property
    def places(self) -> list[str]:
        """Where run directories are; empty: below --runs."""
        return [*self.sources, *(word for word in self.adopt or () if word != ANY_CODE)]

    @property
    def to_stdout(self) -> bool:
        """Whether the table itself goes there: all else is told on standard error then."""
        return self.output is not None and is_standard_output(self.output)

    @property
    def is_status_file(self) -> bool:
        """Whether a file of disBatch's is asked for, by the name that it gives to its own."""
        return self.output is not None and self.output.name.endswith(STATUS_FILE)


def split_words(texts: Sequence[str]) -> list[str]:
    """Of a flag that may be repeated, each a list with commas; a quoted name may hold one."""
    try:
        return [name for text in texts for name in read_columns(text)]
    except ValueError as error:
        raise UsageError(f"--columns: {error}") from None


def _check_table(asked: MergeArguments, *, marked: bool) -> None:
    """What is said of a table that there will not be, or that is another one."""
    if asked.failed and (asked.columns or asked.rows != (Rows.DONE,)):
        raise UsageError(
            "--failed is a table with columns of its own",
            way_out="Say --rows failed for the jobs that failed with the columns of the others.",
        )
    if asked.output is None and marked:
        raise UsageError("--bom is for a table, and none is asked for", way_out="Name one with -o results.csv.")


def asked_of(arguments: argparse.Namespace, common: Common) -> MergeArguments:
    """Raises UsageError for flags that contradict each other, and for an output that has no place or no form."""
    output: Path | None = arguments.output
    asked = MergeArguments(
        arguments.sources,
        output,
        None,
        partial=arguments.partial,
        failed=arguments.failed,
        columns=parse_columns(split_words(arguments.columns), arguments.meta) if arguments.columns else None,
        rows=parse_rows(arguments.rows),
        parse=Parse(arguments.stdout),
        meta=arguments.meta,
        adopt=arguments.adopt,
    )
    # Jobs that are not done have rows: so it is written although it is not whole.
    asked = replace(asked, partial=asked.partial or asked.rows != (Rows.DONE,))
    _check_table(asked, marked=arguments.bom)
    if asked.to_stdout and common.json:
        raise UsageError("-o - and --json both want standard output", way_out="Name a file after -o.")
    if output is None:
        return asked
    if not asked.to_stdout:
        check_place(output)
    if not asked.is_status_file:
        return replace(asked, form=table_form(output, marked=arguments.bom))
    if asked.failed:
        raise UsageError(
            f"{output} is the name of a status file, which tells of all tasks, and --failed makes a table",
            way_out="Name a table, as failed.csv, or leave --failed out.",
        )
    # It tells how each task ended, well or not: so it is written also when some have failed.
    return replace(asked, partial=True)
