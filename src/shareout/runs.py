"""Runs as a Python program or a notebook reads them: `shareout.read("runs")`.

The same reading as that of `merge-results`: journals are checked, each job counts once, two plans are refused. Raises
ShareoutError, whose text says what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from shareout.cli.inputs.run_folders import tell
from shareout.cli.merge_asked import split_words
from shareout.cli.merge_beside import beside_of, inputs_beside
from shareout.cli.options import Common, find_configs
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.merge.columns.asked import Rows, parse_columns, parse_rows
from shareout.merge.columns.beside import Beside
from shareout.merge.columns.told import told_blocks
from shareout.merge.partition import Meta
from shareout.merge.proof.choose_record import value_of
from shareout.merge.proof.complete import Summary, open_journals
from shareout.merge.results import Merge
from shareout.merge.sheet import sheet_for
from shareout.merge.tables.rows import rows_of
from shareout.record.outcome import Stream
from shareout.record.sources import find_sources

SHOWN = 10
_EVERY = ",".join(Rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job."""

    job: int
    """Its id: its place in the pool, from 0."""
    state: str
    """`done`, `failed` or `missing`."""
    result: Any = None
    """What it returned; of a command its exit status."""
    error: str | None = None
    inputs: Any = None
    """A dict by name, a list by place, or a line; None where the inputs are not at hand."""
    machine: str | None = None
    attempt: int | None = None
    start: float | None = None
    """Seconds since 1970."""
    end: float | None = None
    stdout: str | bytes | None = None
    """What it printed; bytes where that is no UTF-8. None: nothing, or it was not asked for."""
    stderr: str | bytes | None = None

    @property
    def duration(self) -> float | None:
        """In seconds."""
        return None if self.start is None or self.end is None else max(0.0, self.end - self.start)


class Runs:
    """What `read` gives: every iteration reads the journals anew, so it tells how the runs are by then."""

    def __init__(self, places: Sequence[str | Path], configs: str | Path | None, *, printed: bool) -> None:
        self._places = [str(place) for place in places] or ["runs"]
        self._common = Common(Path(configs) if configs else find_configs(), Path("runs"), json=False, quiet=False)
        self._printed = printed

    def __iter__(self) -> Iterator[Outcome]:
        """Every job of the pool, in its order."""
        with self._merge() as merge:
            inputs = (inputs_beside(Beside(), merge, self._common, None) or Beside()).inputs
            texts = merge.read_texts(tell) if self._printed else None
            for number, outcomes in enumerate(merge.outcomes()):
                printed = texts.of_partition(number) if texts else None
                for block in told_blocks(outcomes, outcomes.blocks(), tuple(Rows)):
                    rows = zip(block.jobs, block.rows, block.metas, block.states, strict=True)
                    for job, row, meta, (state, error) in rows:
                        made = Outcome(job, state, value_of(row), error, inputs(job) if inputs else None)
                        if meta is not None:
                            made = _with_meta(made, merge, meta)
                            if printed is not None:
                                out, err = (_text(printed.of(meta[0], job, meta[1], stream)[0]) for stream in Stream)
                                made = replace(made, stdout=out, stderr=err)
                        yield made

    @property
    def summary(self) -> Summary:
        """How many jobs are done, failed and missing, and what else a merge tells."""
        with self._merge() as merge:
            return merge.summarize()

    def to_pandas(self, columns: str = "all", rows: str = _EVERY) -> Any:
        """A DataFrame, as `merge-results --columns … --rows …` makes a table. All of it is in memory."""
        try:
            import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            raise UsageError(
                "to_pandas needs pandas, which is not installed here", way_out="`pip install pandas` installs it."
            ) from None
        titles, cells = self.table(columns, rows)
        return pandas.DataFrame(cells, columns=titles)

    def table(self, columns: str = "all", rows: str = _EVERY) -> tuple[list[str], list[list[Any]]]:
        """Titles and rows of the same table, for who has no pandas."""
        wanted = replace(parse_columns(split_words([columns])), rows=parse_rows(rows))
        with self._merge() as merge:
            header = merge.journals[0].header
            merge.beside = beside_of(merge, wanted, self._common, None)
            sheet = sheet_for(None, header.columns, header.kind, wanted.meta, merge.starts())
            sheet = replace(sheet, before=merge.beside.before(), after=merge.beside.after(), picked=wanted.names)
            while True:
                cells = [row for block in merge.table_blocks() for row in rows_of(sheet, block)]
                fitting = sheet.fitting()
                if fitting is None:
                    break
                sheet = fitting
        if sheet.absent:
            raise UsageError(f'there is no column "{sheet.absent[0]}"', way_out=f"There are {', '.join(sheet.titles)}.")
        return sheet.titles, cells

    def _repr_html_(self) -> str:
        """In a notebook: how far the runs are, and the first rows."""
        summary = self.summary
        share = 100 * (summary.done + summary.skipped) // max(1, summary.total)
        said = (
            f"{summary.done:,} of {summary.total:,} jobs done, {summary.failed:,} failed, {summary.missing:,} missing"
        )
        first = [
            [one.job, one.state, one.inputs, one.result, one.error, one.machine] for one in islice(iter(self), SHOWN)
        ]
        head = _cells("th", ("job", "state", "inputs", "result", "error", "machine"))
        rows = "".join(f"<tr>{_cells('td', row)}</tr>" for row in first)
        bar = (
            '<div style="width:20em;border:1px solid #888"><div style="background:#4a8;height:.8em;'
            f'width:{share}%"></div></div>'
        )
        return f"<div>{said}</div>{bar}<table><tr>{head}</tr>{rows}</table>"

    @contextmanager
    def _merge(self) -> Iterator[Merge]:
        with find_sources(self._places, tell) as sources:
            journals = open_journals(sources.folders, tell)
            if not journals:
                raise UsageError(f"no run directory in {', '.join(self._places)} has recorded anything")
            # By this process alone: who reads may have threads, which do not stand a fork.
            with Merge(journals, None, processes=1) as merge:
                merge.gather()
                yield merge


def read(*places: str | Path, configs: str | Path | None = None, printed: bool = True) -> Runs:
    """Runs by their directories, or folders or archives of them; without any, what is in `runs`. `configs`: the folder
    of their inputs, where it is another than `configs` here. `printed`: whether what jobs printed is read, too."""
    return Runs(places, configs, printed=printed)


def _with_meta(made: Outcome, merge: Merge, meta: Meta) -> Outcome:
    end, _, start, *more = meta[1].split(b" ")
    return replace(
        made,
        machine=merge.journals[meta[0]].header.machine,
        attempt=int(more[0]) if more else 1,
        start=float(start),
        end=float(end),
    )


def _text(data: bytes) -> str | bytes | None:
    try:
        return data.decode("utf-8") or None
    except UnicodeDecodeError:
        return data


def _cells(tag: str, values: Iterable[Any]) -> str:
    from html import escape

    return "".join(f"<{tag}>{'' if value is None else escape(str(value))}</{tag}>" for value in values)
