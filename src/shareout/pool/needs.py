"""What jobs say they take of a machine, in the fields of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shareout.pool import Need
from shareout.units import parse_amount, parse_filesize

FIELDS = ("cores", "gpus", "memory")

Said = tuple[str, str, str]
"""The texts of the three fields; empty where nothing is said."""
NOTHING: Said = ("", "", "")


def said_by(row: Mapping[str, Any], names: Sequence[str]) -> Said:
    """What a row says in those of the fields that are named."""
    cores, gpus, memory = ("" if name not in names or row.get(name) is None else str(row[name]) for name in FIELDS)
    return cores, gpus, memory


def need_from(said: Said) -> Need | None:
    """ValueError when a text is no amount."""
    cores, gpus, memory = (text.strip() for text in said)
    for text in filter(None, (cores, gpus)):
        parse_amount(text)
    need = Need(cores or None, gpus or None, parse_filesize(memory) if memory else None)
    return None if need == Need() else need


def one_by_one(rows: Iterator[Said]) -> Iterator[tuple[Sequence[int], Said]]:
    """Each row by itself, in the form that `Pool.needs` has."""
    for job, said in enumerate(rows):
        yield range(job, job + 1), said
