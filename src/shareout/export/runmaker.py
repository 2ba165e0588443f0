"""runs.txt of Runmaker4: every job of the pool with the letter of its state, as `list` has them.

A job that was not run here keeps the letter that it came with, so that nothing is lost by writing the file again.
"""

from __future__ import annotations

from collections.abc import Iterator

from shareout.errors import UsageError
from shareout.export.runs import Runs
from shareout.pool.runmaker import LETTERS, RunmakerPool
from shareout.status.jobs import NEW

LOT = 5000


def runs_lines(runs: Runs) -> Iterator[bytes]:
    """In pool order. A skipped job counts as done: nobody is to run it."""
    pool = runs.plan.pool
    lot: list[str] = []
    for one in runs.states.all():
        letter = one.state if one.state in LETTERS else "d"
        if letter == NEW and isinstance(pool, RunmakerPool):
            letter = pool.letter(one.job)
        text = runs.row(one.job).text
        if "\n" in text:
            raise UsageError(f"job {one.job} has a line break in it, which runs.txt cannot say")
        lot.append(f"{letter} {text}\n")
        if len(lot) == LOT:
            yield _packed(lot)
    yield _packed(lot)


def _packed(lot: list[str]) -> bytes:
    data = "".join(lot).encode("utf-8", "surrogateescape")
    lot.clear()
    return data
