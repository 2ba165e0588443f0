"""costs.csv: `job,cost`, a job a row, in any order; what is not in it has no cost that is known.

A third column `from`, as `shareout costs` writes it, says that costs are seconds on a core of performance 1.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.costs.amount import read_cost, read_costs, shown
from shareout.errors import InputError, Place, raise_all
from shareout.files import replace_file

if TYPE_CHECKING:
    from shareout.pool.csv_rows import CsvPool

JOB, COST, FROM = "job", "cost", "from"
EXAMPLE = "Its first row is `job,cost`; each other row is the id of a job, counted from 0, and a number, 0 or more."
MOST_MISTAKES = 20
BLOCK = 10_000
_IDS = re.compile(r"(?:[0-9]{1,18}\n)*")


def read_costs_file(path: Path, jobs: int, watch: Callable[[int], None] = lambda rows: None) -> array[int]:
    """The costs of all jobs by id, NOTHING where none is given. All mistakes are told together. `watch`: told how many
    rows have been read."""
    from shareout.pool.csv_rows import CsvPool

    table = CsvPool(path, "")
    names = tuple(name.strip() for name in table.names or ())
    if sorted(names) not in ([COST, JOB], [COST, FROM, JOB]):
        way_out = f"{EXAMPLE} Or take the file away, or say `cost = none` in [run], where it is none of ours."
        raise InputError(f"has the columns {', '.join(names)}", where=Place(str(path), 1), way_out=way_out)
    reading = _Reading(table, jobs)
    written = [name for name in table.names or () if name.strip() in (JOB, COST)]
    for block in table.column_blocks(sorted(written, key=lambda name: name.strip() != JOB)):
        reading.take(block[0], block[1])
        watch(reading.rows)
        if len(reading.mistakes) >= MOST_MISTAKES:
            break
    raise_all(reading.mistakes)
    return reading.values


def says_seconds(path: Path) -> bool:
    """Whether it has the column that `shareout costs` writes. Of a file that was read already."""
    with path.open("rb") as file:
        return FROM in file.readline(1000).decode("utf-8", "replace").strip().split(",")


def write_costs_file(path: Path, rows: Iterable[tuple[int, str, str]]) -> None:
    """Whole or not at all. OSError when it cannot be written."""
    replace_file(path, _blocks(rows))


def _blocks(rows: Iterable[tuple[int, str, str]]) -> Iterator[bytes]:
    lines = [f"{JOB},{COST},{FROM}\n"]
    for job, cost, told in rows:
        lines.append(f"{job},{cost},{told}\n")
        if len(lines) >= BLOCK:
            yield "".join(lines).encode("ascii")
            lines = []
    yield "".join(lines).encode("ascii")


class _Reading:
    def __init__(self, table: CsvPool, jobs: int) -> None:
        self._table = table
        self.rows = 0
        self._seen = bytearray(jobs)
        self.values = array("q", bytes(8 * jobs))
        self.mistakes: list[InputError] = []

    def take(self, ids: Sequence[str], costs: Sequence[str]) -> None:
        """Rows that follow one another: as one piece where they are as most rows are."""
        found = read_costs(costs) if _IDS.fullmatch("\n".join(ids) + "\n") else None
        if found is None or not self._took_all(list(map(int, ids)), found):
            for place, (job, cost) in enumerate(zip(ids, costs, strict=True), self.rows):
                self._take_one(place, job.strip(), cost)
        self.rows += len(ids)

    def _took_all(self, ids: Sequence[int], costs: Sequence[int]) -> bool:
        """False, and nothing taken, where one is doubled or unknown."""
        first, stop = ids[0], ids[0] + len(ids)
        seen = self._seen
        # In the pool's order, as `shareout costs` writes them: slices at once, and no loop over the rows.
        if ids == list(range(first, stop)):
            if stop > len(seen) or seen.find(1, first, stop) >= 0:
                return False
            seen[first:stop] = b"\1" * len(ids)
            self.values[first:stop] = array("q", costs)
            return True
        if max(ids) >= len(seen) or len(set(ids)) < len(ids) or any(map(seen.__getitem__, ids)):
            return False
        for job, cost in zip(ids, costs, strict=True):
            seen[job] = 1
            self.values[job] = cost
        return True

    def _take_one(self, place: int, text: str, cost: str) -> None:
        what = self._wrong(text)
        if not what:
            try:
                self.values[int(text)] = read_cost(cost)
            except ValueError as error:
                what = str(error)
            self._seen[int(text)] = 1
        if what and len(self.mistakes) < MOST_MISTAKES:
            where = Place(str(self._table.path), self._table.line_of(place))
            self.mistakes.append(InputError(what, where=where, way_out=EXAMPLE))

    def _wrong(self, text: str) -> str:
        """What is, about a job's id; empty where nothing is."""
        if not _IDS.fullmatch(text + "\n"):
            return f'"{shown(text)}" is no id of a job'
        jobs = len(self._seen)
        if int(text) >= jobs:
            return f"there is no job {text}: the pool has {jobs:,}" + (f", 0 to {jobs - 1:,}" if jobs else "")
        return f"the job {text} stands here twice" if self._seen[int(text)] else ""
