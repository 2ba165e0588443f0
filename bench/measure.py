"""Times whole processes in turn, A B A B …, so that a machine whose speed drifts harms neither side."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


def nothing() -> None:
    """The preparation that most calls need."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command, what must be done before each run of it (not timed), and the jobs it does (for rates)."""

    words: Sequence[str | Path]
    prepare: Callable[[], object] = nothing
    cwd: Path | None = None
    stdin: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ours against a peer's, and the ratio that was promised."""

    what: str
    peer: str
    ours: Call
    theirs: Call
    at_least: float | None
    rounds: int = 3
    note: str = ""
    most_memory: int | None = None


@dataclass(slots=True)
class Result:
    """The runs of a row, and what is told of them."""

    row: Row
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [their.wall_s / our.wall_s for our, their in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.ours)

    @property
    def holds(self) -> bool:
        fast = self.row.at_least is None or self.ratio >= self.row.at_least
        return fast and (self.row.most_memory is None or self.peak_bytes <= self.row.most_memory)

    def facts(self) -> dict[str, object]:
        return {
            "what": self.row.what,
            "peer": self.row.peer,
            "ratio": {"median": self.ratio, "min": min(self.ratios), "max": max(self.ratios)},
            "at_least": self.row.at_least,
            "holds": self.holds,
            "ours_s": [run.wall_s for run in self.ours],
            "peer_s": [run.wall_s for run in self.theirs],
            "ours_cpu_s": [run.cpu_s for run in self.ours],
            "peak_bytes": self.peak_bytes,
            "most_memory": self.row.most_memory,
            "note": self.row.note,
        }


def measure(row: Row) -> Result:
    """One round that is not counted, then the rounds, ours and theirs in turn."""
    result = Result(row)
    for number in range(row.rounds + 1):
        ours, theirs = once(row.ours), once(row.theirs)
        if number:
            result.ours.append(ours)
            result.theirs.append(theirs)
    return result


def once(call: Call) -> Run:
    """Run it; its output is thrown away, a failure is not."""
    call.prepare()
    source = call.stdin.open("rb") if call.stdin else subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in call.words],
        cwd=call.cwd,
        stdin=source,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if not isinstance(source, int):
        source.close()
    if process.returncode not in (0, -13):
        sys.exit(f"{call.words} ended with {process.returncode}:\n{said.decode(errors='replace')[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
