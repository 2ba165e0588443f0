"""runs.txt of Runmaker4: every job of the pool with the letter of its state, as `list` has them.

A job that was not run here keeps the letter that it came with, so that nothing is lost by writing the file again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from shareout.errors import UsageError
from shareout.export.runs import Runs
from shareout.pool.lines import BOM
from shareout.pool.runmaker import LETTERS, RunmakerPool, is_job
from shareout.status.jobs import DONE, NEW, SKIPPED, JobState

LOT = 5000


def runs_lines(runs: Runs) -> Iterator[bytes]:
    """In pool order. Of a runs.txt every other byte stays as it was, so that it is the same pool. A skipped job counts
    as done: nobody is to run it."""
    pool = getattr(runs.plan.pool, "whole", runs.plan.pool)
    states = runs.states.all()
    if isinstance(pool, RunmakerPool):
        with pool.inputs[0].path.open("rb") as file:
            for number, line in enumerate(file):
                bom = BOM if number == 0 and line.startswith(BOM) else b""
                line = line.removeprefix(bom)
                yield bom + (_letter(next(states), line[:1]) + line[1:] if is_job(line) else line)
        return
    while lot := [_line(one, runs) for one in islice(states, LOT)]:
        yield b"".join(lot)


def _letter(one: JobState, before: bytes = b".") -> bytes:
    if one.state == NEW or (one.state == SKIPPED and before.decode("latin-1") not in LETTERS):
        return before
    return (one.state if one.state in LETTERS else DONE).encode()


def _line(one: JobState, runs: Runs) -> bytes:
    text = runs.row(one.job).text
    if "\n" in text:
        raise UsageError(f"job {one.job} has a line break in it, which runs.txt cannot say")
    return b"%b %b\n" % (_letter(one), text.encode("utf-8", "surrogateescape"))
