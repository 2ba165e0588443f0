"""Times whole processes in turn, A B A B …, so that a machine whose speed drifts harms neither side."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from tree import Memory, own_cpu_s, reap_rest

LONGEST_S = 900.0


class Failed(Exception):
    """A call that did not do its work: there is nothing to compare."""


def nothing() -> None:
    """The preparation that most calls need."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command, and what must be done before each run of it (not timed)."""

    words: Sequence[str | Path]
    prepare: Callable[[], object] = nothing
    cwd: Path | None = None
    stdin: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took, with all processes that it started; `own_cpu_s` is its first process alone."""

    wall_s: float
    cpu_s: float
    own_cpu_s: float
    peak_bytes: int = 0
    """0 when nobody looked. Pages of mapped files aside."""


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something else that was promised of our side of a row, and how a run tells it."""

    what: str
    unit: str
    of: Callable[[Run], float]
    at_most: float | None


def peak_memory(what: str, at_most: float | None = None) -> Aspect:
    """Of all its processes together, in MB."""
    return Aspect(f"{what}, peak memory", "MB", lambda run: run.peak_bytes / 1e6, at_most)


def each(what: str, count: int) -> Aspect:
    """How long one of `count` takes, all in all, in µs."""
    return Aspect(what, "µs", lambda run: run.wall_s / count * 1e6, None)


@dataclass(frozen=True, slots=True)
class Row:
    """The same work done by us and by a peer, and the ratio that was promised.

    `theirs` may be a number: seconds that nobody can be below. None: only the aspects are told.
    """

    what: str
    peer: str
    ours: Call
    theirs: Call | float | None
    at_least: float | None = None
    rounds: int = 3
    aspects: Sequence[Aspect] = ()


@dataclass(slots=True)
class Result:
    """The runs of a row, and what is told of them."""

    row: Row
    ours: list[Run] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    quantities: list[list[float]] = field(default_factory=list)
    """Of each of our runs: what its aspects are, looked at before the next run."""

    @property
    def ratios(self) -> list[float]:
        return [their / our.wall_s for our, their in zip(self.ours, self.theirs, strict=False)]

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.ours)


def measure(row: Row) -> Result:
    """A first round of ours, for its memory alone; then the rounds, ours and theirs in turn."""
    result = Result(row)
    peak = once(row.ours, with_memory=True).peak_bytes
    for _ in range(row.rounds):
        run = replace(once(row.ours), peak_bytes=peak)
        result.ours.append(run)
        result.quantities.append([aspect.of(run) for aspect in row.aspects])
        if isinstance(row.theirs, Call):
            result.theirs.append(once(row.theirs).wall_s)
        elif row.theirs is not None:
            result.theirs.append(row.theirs)
    return result


def once(call: Call, *, with_memory: bool = False) -> Run:
    """Run it; what it prints is thrown away, a failure is not."""
    call.prepare()
    with tempfile.TemporaryFile() as said, open(call.stdin or os.devnull, "rb") as source:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in call.words],
            cwd=call.cwd,
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, **call.environment},
            start_new_session=True,
        )
        memory = Memory(process.pid) if with_memory else None
        try:
            own = _wait(process.pid)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            own = 0.0
        wall = time.perf_counter() - began
        peak = memory.stop() if memory else 0
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + reap_rest()
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()
            last = words[-1] if words else ""
            raise Failed(f"{Path(str(call.words[0])).name} ended with {process.returncode} after {wall:.0f} s: {last}")
    return Run(wall, cpu, own, peak)


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and most."""
    return median(values), min(values), max(values)


def _wait(pid: int) -> float:
    """Until it has ended, not yet reaped; its own CPU seconds. An alarm ends what never does."""

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError

    old = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    return own_cpu_s(pid)
