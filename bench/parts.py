"""What is measured falls into parts that need nothing of one another: one after the other, or on a large machine
several at once, each held to two cores of its own. The two sides of a row are in one part, and so on the same cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import SimpleQueue
from pathlib import Path
from tempfile import TemporaryDirectory

import growth
import kinds
import tree
from growth import Point
from kinds import Passage
from measure import measure
from place import Place, Sizes, told_count
from results import Told, in_words, told
from rows import GROUPS

CORES = 2
"""So many has the machine that a row speaks of, whatever this one has."""

LONG = (
    "rows from a pool, start", "pool", f"growth to {told_count(10_000_000)}", "together", "rows from a pool", "kind",
    "merge", "dask", "short commands", "growth", "plan of rows", "parallel",
)  # fmt: skip
"""What takes minutes begins first where several run at once."""

Cores = tuple[int, ...]


@dataclass(slots=True)
class Found:
    """What a part has told."""

    lines: list[Told] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def failed(self, what: str, error: Exception) -> None:
        self.failures.append(f"Not measured: {what} ({error}).")
        print(self.failures[-1], flush=True)


def names(sizes: Sizes, words: Sequence[str]) -> list[str]:
    """Of the parts in whose names one of the words is; of all, without words."""
    grown = [f"growth to {told_count(jobs)}" for jobs in sizes.growth]
    every = [*grown, *(f"kind {kind}" for kind in kinds.NAMES), *GROUPS]
    return [name for name in every if not words or any(word in name for word in words)]


def in_turn(wanted: Sequence[str], sizes: Sizes) -> Iterator[tuple[str, Found]]:
    """On the first two cores."""
    _hold_to(_pairs()[0])
    for name in wanted:
        yield name, _measured(name, sizes)


def side_by_side(wanted: Sequence[str], sizes: Sizes) -> Iterator[tuple[str, Found]]:
    """As many at once as there are two cores for, and told as they end."""
    pairs = _pairs()
    free: SimpleQueue[Cores] = SimpleQueue()
    for pair in pairs:
        free.put(pair)
    with ProcessPoolExecutor(len(pairs), initializer=_take, initargs=(free,)) as workers:
        parts = {workers.submit(_measured, name, sizes): name for name in sorted(wanted, key=_rank)}
        for part in as_completed(parts):
            yield parts[part], part.result()


def _rank(name: str) -> int:
    return next((rank for rank, begin in enumerate(LONG) if name.startswith(begin)), len(LONG))


def _take(free: SimpleQueue[Cores]) -> None:
    _hold_to(free.get())


def _hold_to(cores: Cores) -> None:
    os.sched_setaffinity(0, cores)
    tree.adopt()


def _pairs() -> list[Cores]:
    """This machine's processors, two and two: threads of one core are kept together, so that parts share none."""
    mine = sorted(os.sched_getaffinity(0), key=lambda cpu: (_core(cpu), cpu))
    pairs = [tuple(mine[at : at + CORES]) for at in range(0, len(mine) - CORES + 1, CORES)]
    return pairs or [tuple(mine)]


def _core(cpu: int) -> tuple[int, int]:
    here = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
    try:
        return int((here / "physical_package_id").read_text()), int((here / "core_id").read_text())
    except (OSError, ValueError):
        return 0, cpu


def _measured(name: str, sizes: Sizes) -> Found:
    """A peer that cannot be run, or fails, costs its own rows only."""
    found = Found()
    with TemporaryDirectory(prefix="shareout-bench-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), sizes)
        try:
            _measure(name, place, found)
        except Exception as error:  # noqa: BLE001
            found.failed(name, error)
    return found


def _measure(name: str, place: Place, found: Found) -> None:
    if name.startswith("growth to "):
        jobs = next(jobs for jobs in place.sizes.growth if name == f"growth to {told_count(jobs)}")
        for point in growth.points(place, jobs, found.failed):
            found.points.append(point)
            print(
                f"{point.action:<20} {point.jobs:>10} {point.seconds:8.2f} s {point.peak_bytes / 1e6:6.0f} MB",
                flush=True,
            )
    elif name.startswith("kind "):
        for passage in kinds.passages(place, name.removeprefix("kind ")):
            found.passages.append(passage)
            print(
                f"{passage.kind:<20} {passage.action:>10} {passage.wall_s:8.2f} s {passage.peak_bytes / 1e6:6.0f} MB",
                flush=True,
            )
    else:
        for row in GROUPS[name](place):
            for line in told(measure(row)):
                found.lines.append(line)
                print(in_words(line), flush=True)
