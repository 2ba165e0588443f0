"""What `merge-results` writes: the table of results, or that of failures; to a file, or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import tell
from shareout.cli.merge_asked import MergeArguments
from shareout.errors import UsageError, nearest
from shareout.fields import replace
from shareout.merge.columns.asked import GROUPS, OTHERS, Columns
from shareout.merge.failures import FAILURE_COLUMNS, failure_blocks
from shareout.merge.gather import Journal
from shareout.merge.partition import Block
from shareout.merge.proof.choose_record import value_of
from shareout.merge.proof.complete import Summary
from shareout.merge.results import Merge
from shareout.merge.sheet import META, Shape, Sheet, sheet_for
from shareout.merge.tables import RowStore, TextForm, store_blocks, table_form, text_pieces
from shareout.merge.target import Target

SHOWN = 12
LOOKED_AT = 1000


def is_written(merge: Merge, asked: MergeArguments) -> bool:
    """Whether there may be a table: with fewer records than jobs it cannot become whole, so nothing is sorted or packed
    to be thrown away."""
    return asked.form is not None and (merge.rows >= merge.total or asked.partial)


def write_results(
    merge: Merge, journals: Sequence[Journal], columns: Sequence[str], asked: MergeArguments, wanted: Columns
) -> Summary:
    """The table, unless it turns out that it would not be whole and that is not asked for."""
    form = asked.form
    if form is None or not is_written(merge, asked):
        return merge.summarize()
    assert asked.output is not None
    first = merge.first_row()
    value = value_of(first) if first else None
    sheet = sheet_for(value, columns, journals[0].header.kind, wanted.meta, merge.starts())
    before, after = _laid_out(merge)
    sheet = replace(sheet, before=before, after=after, picked=wanted.names)
    if isinstance(form, RowStore) or asked.to_stdout:
        # Standard output cannot be taken back, and a store is filled by one process, after all others: whether the
        # table is whole is known first.
        summary = merge.summarize()
        if summary.is_complete or asked.partial:
            _tell_oddities(merge, _write_in_order(merge, form, sheet, asked.output))
        return summary
    packed = asked.output.name.lower().endswith(".gz")
    with Target(asked.output) as target:
        summary, sheet = merge.write_text(form, sheet, target, packed=packed)
        if summary.is_complete or asked.partial:
            _check_picked(sheet)
            target.finish()
            _tell_oddities(merge, sheet)
    return summary


def _laid_out(merge: Merge) -> tuple[tuple[Sheet, ...], tuple[Sheet, ...]]:
    """What stands beside the results, for what the first rows look like: then most tables are written once."""
    before, after = merge.beside.before(), merge.beside.after()
    block = next(merge.table_blocks(), None) if before or after else None
    if block is None:
        return before, after
    made = []
    for one, values in zip((*before, *after), block.beside, strict=True):
        shape = Shape()
        for value in values[:LOOKED_AT]:
            shape.note(value)
        made.append(replace(one, shape=shape))
    return tuple(made[: len(before)]), tuple(made[len(before) :])


def write_failures(merge: Merge, journals: Sequence[Journal], asked: MergeArguments) -> None:
    """A row a job that failed: to the file, else as CSV on standard output."""

    def blocks() -> Iterator[Block]:
        return failure_blocks(merge.outcomes(), journals)

    sheet = Sheet("failures", shape=Shape({FAILURE_COLUMNS}))
    if isinstance(asked.form, RowStore):
        assert asked.output is not None
        with Target(asked.output) as target:
            store_blocks(blocks, asked.form, sheet, target.fresh)
            target.finish()
        return
    form = asked.form or table_form(Path("-"))
    assert not isinstance(form, RowStore)
    pieces = text_pieces(blocks(), form, sheet)
    if asked.output is None or asked.to_stdout:
        _print_pieces(pieces)
        return
    with Target(asked.output) as target:
        target.write_all(pieces, packed=asked.output.name.endswith(".gz"))
        target.finish()


def _write_in_order(merge: Merge, form: TextForm | RowStore, sheet: Sheet, output: Path) -> Sheet:
    """The sheet that all fitted."""
    if isinstance(form, RowStore):
        with Target(output) as target:
            sheet = merge.write_store(form, sheet, target.fresh)
            _check_picked(sheet)
            target.finish()
        return sheet
    # Looked at to the end before a byte is written: what went down a pipe cannot be written again with more columns.
    while True:
        for block in merge.table_blocks():
            form.piece(block, sheet)
        fitting = sheet.fitting()
        if fitting is None:
            break
        sheet = fitting
    _check_picked(sheet)
    _print_pieces(text_pieces(merge.table_blocks(), form, sheet))
    return sheet


def _check_picked(sheet: Sheet) -> None:
    """What was asked for by name is there; refused before the table is seen."""
    absent = sheet.absent
    if absent:
        known = [title for titles in sheet.titles_of for title in titles]
        meant = nearest(absent[0], [*known, *META["all"], *GROUPS, *OTHERS])
        raise UsageError(
            f'--columns: there is no column "{absent[0]}"{meant}',
            way_out=f"There are {', '.join(known[:SHOWN])}{' …' * (len(known) > SHOWN)}; and {', '.join(GROUPS)}.",
        )


def _print_pieces(pieces: Iterable[bytes]) -> None:
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()


def _tell_oddities(merge: Merge, sheet: Sheet) -> None:
    for sentence in (*sheet.misfits(), *merge.beside.notes.sentences()):
        tell(sentence)
