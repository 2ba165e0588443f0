"""The letters of a runs.txt from which several hosts work: each rewrites in place those of the jobs that it runs, and
heeds what stands there when it would begin one.

The file is never replaced. A letter is one byte, written where the line of its job begins as long as that is the line
which it was at the start; so owners write different bytes, and nobody another's line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from shareout.events import Counts, Running
from shareout.plan.plan import Plan
from shareout.pool.runmaker import LETTERS, TO_RUN, RunmakerPool
from shareout.record.foreign.outcome import Earlier
from shareout.record.outcome import Attempt, Cause, State
from shareout.world import world

LOOK_S = 5.0
"""Between two looks whether somebody has set back what has ended."""
LOOKED_AT = 1000
_ERRORS = (Cause.UNSPAWNABLE, Cause.LOST_WORKER, Cause.BAD_RESULT)
NEW, RUNNING, DONE, FAILED, ERROR = ".", "r", "d", "!", "e"


def runmaker_pool(plan: Plan) -> RunmakerPool | None:
    """The runs.txt that the jobs stand in; None where they do not."""
    pool = getattr(plan.pool, "whole", plan.pool)
    return pool if isinstance(pool, RunmakerPool) else None


def letters_of(plan: Plan, told: Callable[[str], None], again: Callable[[int], None]) -> list[LettersFile]:
    """Who rewrites them, where the jobs stand in such a file. `again` is given positions that failed here and that
    somebody has set back."""
    pool = runmaker_pool(plan)
    return [LettersFile(pool, told, lambda job: again(plan.position_of(job)))] if pool else []


class Places:
    """Where each job's letter is."""

    def __init__(self, pool: RunmakerPool) -> None:
        self._pool, self._path = pool, pool.inputs[0].path
        self._offsets = pool.offsets()

    @contextmanager
    def opened(self, *, to_write: bool = False) -> Iterator[int]:
        """Anew each time: through a descriptor that is kept, what other hosts have written may never be seen."""
        handle = world.open(self._path, (os.O_RDWR if to_write else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            yield handle
        finally:
            world.close(handle)

    def letter(self, handle: int, job: int) -> str:
        """As it stands there now; empty where the line is another one."""
        text = self._pool.command(job).encode("utf-8", "surrogateescape")
        found = world.pread(handle, 2 + len(text), self._offsets[job])
        return chr(found[0]) if found[2:] == text else ""

    def write(self, handle: int, job: int, letter: str) -> None:
        """In place."""
        world.pwrite(handle, letter.encode(), self._offsets[job])


def ended_in_file(plan: Plan) -> Callable[[Sequence[int]], list[Attempt]] | None:
    """What makes of positions those that are not to run by the letters as they stand then, as records; None where there
    are no letters."""
    pool = runmaker_pool(plan)
    if pool is None:
        return None
    places, name = Places(pool), pool.inputs[0].path.name

    def ended(positions: Sequence[int]) -> list[Attempt]:
        found, now = [], world.time()
        with places.opened() as handle:
            for position in positions:
                letter = places.letter(handle, job := plan.job_at(position))
                if letter and letter not in TO_RUN:
                    code = 0 if letter == DONE else 1
                    earlier = Earlier(job, code, now, now, name, is_skipped=letter not in LETTERS)
                    found.append(earlier.attempt(position))
        return found

    return ended


class LettersFile:
    """A Listener. The run does not depend on it: what cannot be written is told once."""

    wants_every_attempt = True

    def __init__(self, pool: RunmakerPool, told: Callable[[str], None], again: Callable[[int], None]) -> None:
        self._path = pool.inputs[0].path
        self._places = Places(pool)
        self._told, self._again = told, again
        self._running: set[int] = set()
        self._ended: dict[int, str] = {}
        self._next = 0.0
        self._turn = 0
        self._is_broken = False

    def began(self, counts: Counts) -> None:
        """Nothing runs yet."""
        return

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """What ended has its last letter; what is to be tried again is to run."""
        letters = {one.job: _letter(one) for one in attempts if one.state is not State.SKIPPED}
        self._running -= letters.keys()
        self._ended |= {job: letter for job, letter in letters.items() if letter != NEW}
        self._write(letters)

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """What runs says so; now and then it is looked whether somebody takes back what has ended."""
        now = {one.job for one in running}
        if new := now - self._running:
            self._write(dict.fromkeys(new, RUNNING))
        self._running = now
        if world.monotonic() >= self._next:
            self._next = world.monotonic() + LOOK_S
            self._look()

    def said(self, line: str) -> None:
        """It is in the log."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """What was stopped is to run."""
        self._write(dict.fromkeys(self._running, NEW))

    def _write(self, letters: dict[int, str]) -> None:
        if not letters or self._is_broken:
            return
        try:
            with self._places.opened(to_write=True) as handle:
                for job, letter in letters.items():
                    if self._places.letter(handle, job):
                        self._places.write(handle, job, letter)
        except OSError as error:
            self._is_broken = True
            self._told(f"{self._path} cannot be written: {error.strerror}; its letters stay, and the journal tells all")

    def _look(self) -> None:
        jobs = list(islice(self._ended, self._turn, self._turn + LOOKED_AT))
        self._turn = self._turn + LOOKED_AT if self._turn + LOOKED_AT < len(self._ended) else 0
        try:
            with self._places.opened() as handle:
                back = [job for job in jobs if self._places.letter(handle, job) in ("?", NEW)]
        except OSError:
            return
        failed = [job for job in back if self._ended.pop(job) != DONE]
        for job in failed:
            self._again(job)
        if failed:
            self._told(f"{self._path}: {_first(failed)} set back during the run: it failed, and is run again")
        if done := [job for job in back if job not in failed]:
            self._told(
                f"{self._path}: {_first(done)} set back during the run; what is done is done for all hosts. Put such "
                "jobs into a list of their own, and run that"
            )


def _first(jobs: Sequence[int]) -> str:
    return f"job {jobs[0]} was" if len(jobs) == 1 else f"job {jobs[0]} and {len(jobs) - 1} more were"


def _letter(one: Attempt) -> str:
    if one.state is State.DONE:
        return DONE
    if one.state is State.FAILED:
        return ERROR if one.cause in _ERRORS else FAILED
    return NEW
