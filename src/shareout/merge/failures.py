"""The jobs that failed, as rows of a table: who, how often tried, how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shareout.merge.gather import Journal
from shareout.merge.partition import Block, Outcomes, job_of
from shareout.record.journal import parse
from shareout.record.logs.segments import stamp
from shareout.record.outcome import Attempt
from shareout.record.values import encode

FAILURE_COLUMNS = ("machine", "attempt", "cause", "exit", "signal", "error", "start", "duration")


def failure_blocks(outcomes: Iterable[Outcomes], journals: Sequence[Journal]) -> Iterator[Block]:
    """Blocks like those of results, a dict a row."""
    for number, one in enumerate(outcomes):
        rows = []
        for record in sorted(one.failed, key=job_of):
            attempt = parse(record.payload)
            assert isinstance(attempt, Attempt)
            facts = {
                "machine": journals[record.journal].header.machine,
                "attempt": attempt.attempt,
                "cause": attempt.cause.value,
                "exit": attempt.exit,
                "signal": attempt.signal,
                "error": attempt.error,
                "start": stamp(attempt.start),
                "duration": round(attempt.duration, 6),
            }
            rows.append(f"{attempt.job}\t{encode(facts)}".encode("ascii"))
        if rows:
            yield Block(number, rows, b"\n".join(rows) + b"\n", [])
