"""What a job is given when its signature asks for it: rng, info, progress, config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from shareout.fields import dataclass, field
from shareout.plan.seeds import job_seed
from shareout.record.folder import RunFolder
from shareout.world import world

REPORT_S = 0.05
GIVEN = ("rng", "info", "progress", "config")


@dataclass(frozen=True, slots=True)
class JobInfo:
    """Who the job is. `seed` is a number of 128 bits, for numpy as `SeedSequence(info.seed)`."""

    id: int
    position: int
    machine: str
    slot: int
    attempt: int
    seed: int
    _folder: RunFolder = field(repr=False)

    @property
    def directory(self) -> Path:
        """A folder for the job's own files, made when it is first asked for."""
        path = self._folder.job_directory(self.id)
        path.mkdir(parents=True, exist_ok=True)
        return path


PROGRESS = "progress is told by progress.report(value, base=total): report(3, base=10) is 30 %"


class Progress:
    """`progress.report(i, base=n)`: cheap enough for every turn of a loop. `progress(i, n)` is the same."""

    def __init__(self, show: Callable[[float], None]) -> None:
        self._show = show
        self._next = 0.0

    def report(self, value: float, base: float = 100, **unknown: Any) -> None:
        """How far the job is: value of base."""
        if unknown:
            raise TypeError(f'there is no "{next(iter(unknown))}": {PROGRESS}')
        now = world.monotonic()
        if now >= self._next:
            self._next = now + REPORT_S
            try:
                self._show(max(0.0, min(1.0, value / base)) if base else 0.0)
            except TypeError:
                raise TypeError(f"{value!r} of {base!r} is no progress: {PROGRESS}") from None

    __call__ = report

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f'there is no "{name}": {PROGRESS}')

    def done(self) -> None:
        """All of it."""
        self.report(100)


class Givers:
    """Makes the keyword arguments of one job after the other; only those that its signature names."""

    def __init__(
        self,
        names: frozenset[str],
        folder: RunFolder,
        machine: str,
        slot: int,
        pool_digest: bytes,
        config: Any,
        show: Callable[[float], None],
    ) -> None:
        self._names = names
        self._folder = folder
        self._machine = machine
        self._slot = slot
        self._pool_digest = pool_digest
        self._config = config
        self._show = show

    def given(self, job: int, position: int, attempt: int) -> dict[str, Any]:
        """Made anew for each try; the same seed gives the same numbers at every one."""
        made: dict[str, Any] = {}
        names = self._names
        if "config" in names:
            made["config"] = self._config
        if "progress" in names:
            made["progress"] = Progress(self._show)
        if "rng" in names or "info" in names:
            # By the pool and the id alone, not by machine, slot or try: whoever runs the job again gets the same
            # numbers, and an audit can compare.
            seed = job_seed(self._pool_digest, job)
            if "rng" in names:
                made["rng"] = Random(seed)
            if "info" in names:
                made["info"] = JobInfo(
                    job, position, self._machine, slot=self._slot, attempt=attempt, seed=seed, _folder=self._folder
                )
        return made
