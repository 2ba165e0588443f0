"""What `merge-results` writes: the table of results, or that of failures; to a file, or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import tell
from shareout.cli.merge_asked import MergeArguments
from shareout.merge.failures import FAILURE_COLUMNS, failure_blocks
from shareout.merge.gather import Journal
from shareout.merge.partition import Block
from shareout.merge.proof.choose_record import value_of
from shareout.merge.proof.complete import Summary
from shareout.merge.results import Merge
from shareout.merge.sheet import Shape, Sheet, sheet_for
from shareout.merge.tables import RowStore, TextForm, store_blocks, table_form, text_pieces
from shareout.merge.tables.csv import values_of
from shareout.merge.target import Target


def write_results(merge: Merge, journals: Sequence[Journal], columns: Sequence[str], asked: MergeArguments) -> Summary:
    """The table, unless it turns out that it would not be whole and that is not asked for."""
    form = asked.form
    # Fewer records than jobs: it cannot become whole, so nothing is sorted or packed to be thrown away.
    if form is None or (merge.rows < merge.total and not asked.partial):
        return merge.summarize()
    assert asked.output is not None
    first = merge.first_row()
    value = value_of(first) if first else None
    sheet = sheet_for(value, columns, journals[0].header.kind, asked.meta, merge.starts())
    if isinstance(form, RowStore) or asked.to_stdout:
        # Standard output cannot be taken back, and a store is filled by one process, after all others: whether the
        # table is whole is known first.
        summary = merge.summarize()
        if summary.is_complete or asked.partial:
            _tell_misfits(_write_in_order(merge, form, sheet, asked.output))
        return summary
    packed = asked.output.name.lower().endswith(".gz")
    with Target(asked.output) as target:
        summary, sheet = merge.write_text(form, sheet, target, packed=packed)
        if summary.is_complete or asked.partial:
            target.finish()
            _tell_misfits(sheet)
    return summary


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
            target.finish()
        return sheet
    for block in merge.blocks():
        for _, value in values_of(block):
            sheet.cells(value)
    # Looked at to the end before a byte is written: what went down a pipe cannot be written again with more columns.
    sheet = sheet.fitting() or sheet
    _print_pieces(text_pieces(merge.blocks(), form, sheet))
    return sheet


def _print_pieces(pieces: Iterable[bytes]) -> None:
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()


def _tell_misfits(sheet: Sheet) -> None:
    for sentence in sheet.misfits():
        tell(sentence)
