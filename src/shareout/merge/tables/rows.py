"""Blocks → rows of cells, for every form of table that is made row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.proof.choose_record import value_of
from shareout.merge.sheet import Sheet
from shareout.record.values import decode


def values_of(block: Block) -> list[tuple[str, Any]]:
    """(id as text, result) of every row."""
    pairs = [row.split(b"\t", 1) for row in block.rows]
    try:
        # All results of a block as one array: one call, where a row each would be tens of thousands.
        values = decode(b"[" + b",".join([result for _, result in pairs]) + b"]")
        return [(job.decode(), value) for (job, _), value in zip(pairs, values, strict=True)]
    except (ValueError, RecursionError):
        # One of them at least is none.
        return [(job.decode(), value_of(row)) for (job, _), row in zip(pairs, block.rows, strict=True)]


def rows_of(sheet: Sheet, block: Block) -> Iterator[list[Any]]:
    """As many cells as the sheet has titles, the id first; notes on it what does not fit."""
    parts, picks = sheet.parts, sheet.picks
    for at, (job, row) in enumerate(_in_parts(sheet, block)):
        cells: list[Any] = [int(job)]
        for one, value in zip(parts, row, strict=True):
            cells += one.cells(value)[: one.width]
        if sheet.meta:
            cells += sheet.meta_cells(block.metas[at])
        yield cells if picks is None else [cells[place] for place in picks]


def facts_of(sheet: Sheet, block: Block) -> Iterator[dict[str, Any]]:
    """By title; of what is a dict only the keys that it has, in its own order."""
    for at, (job, row) in enumerate(_in_parts(sheet, block)):
        facts: dict[str, Any] = {"job": int(job)}
        for one, value, titles in zip(sheet.parts, row, sheet.titles_of, strict=True):
            cells, width = one.cells(value), len(one.places)
            if isinstance(value, dict):
                title_of = dict(zip(one.keys, titles[width:], strict=False))
                facts.update({title_of.get(name, str(name)): told for name, told in value.items()})
            else:
                facts.update(zip(titles[:width], cells, strict=False))
        if sheet.meta:
            facts.update(zip(sheet.meta, sheet.meta_cells(block.metas[at]), strict=True))
        if sheet.picks is not None:
            facts = {title: facts[title] for title in sheet.titles if title in facts}
        yield facts


def _in_parts(sheet: Sheet, block: Block) -> Iterator[tuple[str, Sequence[Any]]]:
    """The id, and what each part of the sheet lays out."""
    values = values_of(block)
    if not block.beside:
        return ((job, (value,)) for job, value in values)
    jobs = [job for job, _ in values]
    columns = [*block.beside]
    columns.insert(len(sheet.before), [value for _, value in values])
    return zip(jobs, zip(*columns, strict=True), strict=True)
