"""The counted outcomes → rows in pool order, and the certificate over them.

Rows are read back one at a time from where their lines stand: memory does not grow with the results.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from shareout.merge.complete import DONE, Collected
from shareout.record.journal import parse
from shareout.record.outcome import Attempt
from shareout.record.values import encode

CERTIFICATE_CONTEXT = "shareout 1 certificate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One done job: its attempt, and the machine that it ran on."""

    attempt: Attempt
    machine: str


def outcomes(collected: Collected) -> Iterator[Outcome]:
    """The done jobs in pool order."""
    named = [folder.path.name for folder in collected.folders]
    maps = [_mapped(folder.journal) for folder in collected.folders]
    try:
        at = collected.states.find(DONE)
        while at >= 0:
            journal = collected.journals[at]
            data, offset = maps[journal], collected.offsets[at]
            record = parse(data[offset : data.find(b'"}', data.find(b',"crc":"', offset)) + 2])
            if isinstance(record, Attempt):
                yield Outcome(record, named[journal])
            at = collected.states.find(DONE, at + 1)
    finally:
        for data in maps:
            data.close()


def columns_of(first: Any, named: Sequence[str], kind: str) -> list[str]:
    """The names of a table's columns: what was configured, else the keys of a dict, else result, result_2 …"""
    if named:
        return list(named)
    if kind == "command":
        return ["exit"]
    if isinstance(first, dict):
        return [str(name) for name in first]
    count = len(first) if isinstance(first, list) else 1
    return ["result", *(f"result_{number}" for number in range(2, count + 1))]


def cells_of(outcome: Outcome, columns: Sequence[str], kind: str) -> list[Any]:
    """One row, as wide as the table or wider: what does not fit is never dropped."""
    if kind == "command":
        return [outcome.attempt.exit]
    result = outcome.attempt.result
    if isinstance(result, dict):
        known = [result.get(name) for name in columns]
        extra = {name: value for name, value in result.items() if name not in columns}
        return [*known, extra] if extra else known
    values = result if isinstance(result, list) else [result]
    return [*values, *[None] * (len(columns) - len(values))]


class Certificate:
    """One hash over (job id, result) in pool order: the same for any number of machines and any history."""

    def __init__(self, pool_digest: str) -> None:
        self._hasher = blake3(bytes.fromhex(pool_digest), derive_key_context=CERTIFICATE_CONTEXT)

    def add(self, outcome: Outcome) -> None:
        attempt = outcome.attempt
        said = encode(attempt.exit if attempt.exit is not None else attempt.result)
        self._hasher.update(f"{attempt.job}\t{said}\n".encode("ascii"))

    def text(self) -> str:
        return self._hasher.hexdigest()


def _mapped(path: Any) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
