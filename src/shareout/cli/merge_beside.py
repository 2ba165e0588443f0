"""What a merged table is to have beside the results, and where it comes from: the inputs at hand, and the logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shareout.cli.inputs.run_folders import inputs_at_hand, tell
from shareout.cli.merge_asked import MergeArguments
from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import replace
from shareout.merge.columns.asked import Columns, Parse, parse_columns
from shareout.merge.columns.beside import Beside
from shareout.merge.columns.printed import SHORT
from shareout.merge.gather import Journal
from shareout.merge.results import Merge
from shareout.pool import Pool
from shareout.titles import named_columns

_LINES = ("text", "runmaker")


def columns_of(asked: MergeArguments, common: Common, entry: Entry | None) -> Columns:
    """By the flag, else as `[results] table` says it, else as the program does."""
    columns = asked.columns
    if columns is None:
        named = load_settings(common.configs).results.table if common.configs.is_dir() else ()
        columns = parse_columns(named or (entry.columns if entry else ()), asked.meta)
    return replace(columns, rows=asked.rows, parse=asked.parse)


def beside_of(merge: Merge, columns: Columns, common: Common, entry: Entry | None) -> Beside:
    """Refused where inputs are asked for by their word and are not here; else they are left out, told."""
    kind = merge.journals[0].header.kind
    beside = Beside(columns.rows, with_state=columns.with_state, parse=columns.parse)
    if columns.with_inputs:
        found = inputs_beside(beside, merge, common, entry)
        if found is None and columns.needs_inputs:
            raise UsageError(
                "the inputs of these jobs are not here: there is nothing to fill their columns with",
                way_out="Name their folder with --configs DIR, or leave `inputs` out of --columns.",
            )
        if found is None:
            tell("the inputs are not at hand: the table has no columns of them (--configs DIR names their folder)")
        beside = found or beside
    streams = columns.streams(kind)
    if not streams:
        return beside
    texts = merge.read_texts(tell)
    # Who says how to read it wants it, however much it is.
    if not columns.said and columns.parse is Parse.TEXT and texts.longest > SHORT:
        tell(f"some jobs printed more than {SHORT >> 10} KiB: `--columns inputs,outputs` has what they printed")
        return beside
    return replace(beside, texts=texts, streams=streams)


def inputs_beside(beside: Beside, merge: Merge, common: Common, entry: Entry | None) -> Beside | None:
    """With the inputs of the jobs; None where these are not at hand."""
    folders = list(dict.fromkeys(journal.folder for journal in merge.journals))
    found = inputs_at_hand(common, entry, folders)
    header = merge.journals[0].header
    if found is None or found[0].work.hex() != header.work:
        return None
    pool = getattr(found[0].pool, "whole", found[0].pool)
    # Before processes part: each would do it again.
    pool.prepare()
    if header.kind != "command":
        return _of_python(beside, pool, entry)
    if pool.kind in _LINES:
        return replace(beside, inputs=_line_of(pool), has_lines=True)
    return replace(beside, inputs=_fields_of(pool))


def _of_python(beside: Beside, pool: Pool, entry: Entry | None) -> Beside:
    """As the function is called, where it is at hand."""
    if entry is None or entry.job is None:
        return replace(beside, inputs=_fields_of(pool), has_lines=pool.kind in _LINES)
    from shareout.run.python.binding import Binding

    binding = Binding(entry.job, pool)
    if binding.named is not None:
        return replace(beside, inputs=binding.named)

    def arguments(job: int) -> Any:
        try:
            args, named = binding.arguments(job)
        except ValueError:
            # As its job failed: it stands as the row has it.
            return _fields_of(pool)(job)
        return named or list(args)

    return replace(beside, inputs=arguments, named=named_by(pool, binding.by_place))


def named_by(pool: Pool, names: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters that rows by place are for, as far as these go. Rows by name have names of their own."""
    row = pool.arguments(0) if len(pool) else ()
    return () if isinstance(row, dict) else names[: len(row)]


def _line_of(pool: Any) -> Callable[[int], Any]:
    """The line, and the columns that a template takes from it."""
    if not getattr(pool, "has_columns", False):
        return lambda job: pool.arguments(job)[0]
    return lambda job: [pool.arguments(job)[0], *pool.values(job).columns]


def _fields_of(pool: Any) -> Callable[[int], Any]:
    return lambda job: _plain(pool.arguments(job))


def _plain(row: Any) -> Any:
    """By name, by place, or the only value."""
    if isinstance(row, dict):
        return row
    return row[0] if len(row) == 1 else list(row)


def names_of(journals: Sequence[Journal], common: Common) -> tuple[str, ...]:
    """As the configs at hand call the results, else as those did that the runs had."""
    here = named_columns(common.configs, load_settings(common.configs)) if common.configs.is_dir() else ()
    # The least of them and not the first: in which order directories are named must not change the table.
    return here or min((journal.header.columns for journal in journals if journal.header.columns), default=())
