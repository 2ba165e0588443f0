"""The contracts of table formats, and the one place that knows them all, by the name of the file.

A `TextForm` turns blocks of rows into bytes, each block on its own, so that several processes can do it. A
`RowStore` takes all blocks in order. Neither is seen under its final name before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from shareout.errors import UsageError
from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.target import is_no_file, is_standard_output

ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".sqlite", ".parquet")


class TextForm(Protocol):
    """Rows as text. The same rows give the same bytes."""

    def head(self, sheet: Sheet) -> bytes:
        """What stands before the first row."""

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        """The rows of a block; notes on the sheet what does not fit it."""


@runtime_checkable
class RowStore(Protocol):
    """A file that is filled in order, by one process."""

    looks_first: bool
    """Whether `learn` is to be called with all blocks before the first `add`."""

    def begin(self, path: Path, sheet: Sheet) -> None:
        """`path` is the temporary name."""

    def learn(self, block: Block) -> None:
        """Sees a block before any is added; called only when `looks_first`."""

    def add(self, block: Block) -> None:
        """The rows of a block, after those of all blocks before it; notes on the sheet what does not fit."""

    def finish(self) -> None:
        """All rows are there."""


def text_pieces(blocks: Iterable[Block], form: TextForm, sheet: Sheet) -> Iterator[bytes]:
    """The whole file, piece by piece; all rows must be known to fit the sheet."""
    yield form.head(sheet)
    for block in blocks:
        yield form.piece(block, sheet)


def store_blocks(blocks: Callable[[], Iterable[Block]], store: RowStore, sheet: Sheet, path: Path) -> None:
    """The whole file; `blocks` gives all of them, as often as it is asked."""
    # A second time with other columns: what the first try left is no table.
    path.unlink(missing_ok=True)
    store.begin(path, sheet)
    for block in blocks() if store.looks_first else ():
        store.learn(block)
    for block in blocks():
        store.add(block)
    store.finish()


def table_form(path: Path, *, marked: bool = False) -> TextForm | RowStore:
    """What a file of this name is written by. `marked`: with a byte order mark, which only a CSV may have."""
    form = _form_of(path, marked=marked)
    if marked and type(form).__name__ != "Csv":
        raise UsageError(f"--bom is for a CSV, and {path} is none", way_out="Leave it out, or name the table *.csv.")
    return form


def _form_of(path: Path, *, marked: bool) -> TextForm | RowStore:
    name = path.name.lower().removesuffix(".gz")
    is_packed = name != path.name.lower()
    if name.endswith(".csv") or is_standard_output(path):
        from shareout.merge.tables.csv import Csv

        return Csv(marked=marked)
    if name.endswith((".jsonl", ".ndjson")):
        from shareout.merge.tables.jsonl import Jsonl

        return Jsonl()
    if name.endswith((".sqlite", ".db")) and not is_packed:
        from shareout.merge.tables.sqlite import Sqlite

        return Sqlite()
    if name.endswith(".parquet") and not is_packed:
        from shareout.merge.tables.parquet import Parquet

        return Parquet()
    if is_no_file(path):
        # A device, a FIFO, a descriptor: no name says what it holds.
        from shareout.merge.tables.csv import Csv

        return Csv(marked=marked)
    raise UsageError(f"{path} is no kind of table that is known", way_out=f"Name it *{', *'.join(ENDINGS)}.")
