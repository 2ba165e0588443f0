"""Whether a job has failed, or was only hit by what stops the run: known a moment later.

Whoever stops a run by signalling all its processes may reach the jobs, or what they have started, before the parent. So
every verdict of a failure waits a quarter of a second; and up to 1.5 s where the job ended by such a signal that none
of ours has sent, where a worker was hit meanwhile, or where a Python job had run other programs. If the parent gets the
signal by then, the job was stopped, and that costs it nothing. If the run goes on, it has failed as any other. No slot
waits for a verdict: only the job itself, a rule that it could meet, and the end of the run.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from shareout.fields import replace
from shareout.record.outcome import Attempt, Cause, State
from shareout.run.hands import Finished, Hands
from shareout.run.hands.bystander import VERDICT_S
from shareout.run.stops import STOPPING
from shareout.supply import Work
from shareout.world import world

HITS = frozenset(number.name for number in STOPPING)
# Ends that a signal may have made. Limits of time and memory are our own doing, and what could not be started or
# recorded no signal has caused: these are certain at once.
MAYBE = frozenset((Cause.EXIT, Cause.EXCEPTION, Cause.SIGNAL, Cause.LOST_WORKER))
MOMENT_S = 0.25
"""So long waits what nothing speaks for but that it has failed."""


class Verdicts:
    """Holds what is in doubt."""

    def __init__(self, hands: Hands, is_full: Callable[[], bool]) -> None:
        """`is_full`: whether the disk has no room."""
        self._hands, self._is_full = hands, is_full
        self.were_full = False
        """Some have failed while the disk was full."""
        self._number = count()
        # A heap; the number keeps two that are due at once from being compared by their attempts, which have no order.
        self._held: list[tuple[float, int, float, Finished]] = []
        """When it is due; its number; when it was held first."""
        self._stopping_since = math.inf

    def __bool__(self) -> bool:
        return bool(self._held)

    def failures(self) -> int:
        """How many there may be among them."""
        return sum(len(one.attempts) for _, _, _, one in self._held)

    def patience(self) -> float:
        """Seconds until the next is due."""
        return max(0.0, self._held[0][0] - world.monotonic()) if self._held else math.inf

    def known(self, finished: Sequence[Finished], *, is_stopping: bool) -> list[Finished]:
        """Of this and of what was held back, all that is certain now; what was only hit is told as stopped."""
        now = world.monotonic()
        if is_stopping:
            self._stopping_since = min(self._stopping_since, now)
        certain = []
        for one in map(self._spared, finished):
            for moment, attempts in self._doubtful(one, now).items():
                if attempts:
                    self._hold(now + moment, now, _of(one.slot, attempts))
                    one = _without(one, attempts)
            if one.work:
                certain.append(one)
        return [*certain, *self._due(now, is_stopping=is_stopping)]

    def _due(self, now: float, *, is_stopping: bool) -> Iterator[Finished]:
        """What was held back for long enough."""
        while self._held and (is_stopping or self._held[0][0] <= now):
            _, _, since, held = heapq.heappop(self._held)
            if is_stopping:
                yield _stopped(held)
            elif now < since + VERDICT_S and self._hands.last_hit() >= since - MOMENT_S:
                # Others have been hit about then: the parent may be next.
                self._hold(since + VERDICT_S, since, held)
            else:
                yield self._spared(held)

    def _spared(self, one: Finished) -> Finished:
        # The disk is asked and not the job: no exit status says that a write has failed. It is asked as soon as the job
        # has ended, for somebody may make room before the verdict, and at the verdict once more. What failed of itself
        # on a full disk is let off as well; it runs again, and is judged then.
        failed = any(one.state is State.FAILED and one.cause is not Cause.STOPPED for one in one.attempts)
        if not failed or not self._is_full():
            return one
        self.were_full = True
        return replace(one, attempts=[_let_off(attempt) for attempt in one.attempts])

    def _hold(self, due: float, since: float, one: Finished) -> None:
        heapq.heappush(self._held, (due, next(self._number), since, one))

    def _doubtful(self, one: Finished, now: float) -> dict[float, list[Attempt]]:
        """How long to wait → the attempts that must."""
        found: dict[float, list[Attempt]] = {MOMENT_S: [], VERDICT_S: []}
        for attempt in one.attempts:
            if attempt.state is State.FAILED and attempt.cause in MAYBE:
                is_hit = attempt.signal in HITS or self._hands.was_hit(one.slot, attempt)
                ran_others = self._hands.ran_others(attempt)
                # Without a stop all of them. Long after a first stop a job that is let finish may fail by itself: where
                # no signal speaks for it, that is charged at once.
                if is_hit or now < self._stopping_since + VERDICT_S:
                    found[VERDICT_S if is_hit or ran_others else MOMENT_S].append(attempt)
        return found


def _of(slot: int, attempts: Sequence[Attempt]) -> Finished:
    return Finished(slot, b"", 0, attempts, [Work(attempt.position, attempt.position + 1) for attempt in attempts])


def _stopped(one: Finished) -> Finished:
    attempts = [
        replace(attempt, cause=Cause.STOPPED, error=f"stopped with the run: {attempt.error}")
        for attempt in one.attempts
    ]
    return replace(one, attempts=attempts)


def _let_off(attempt: Attempt) -> Attempt:
    if attempt.state is not State.FAILED or attempt.cause is Cause.STOPPED:
        return attempt
    error = f"it costs no attempt, the disk was full: {attempt.error}"
    return replace(attempt, state=State.STOPPED, cause=Cause.STOPPED, error=error)


def _without(one: Finished, attempts: Sequence[Attempt]) -> Finished:
    apart = sorted(attempt.position for attempt in attempts)
    work = []
    for part in one.work:
        start = part.start
        for position in apart:
            if start <= position < part.stop:
                work.append(Work(start, position))
                start = position + 1
        work.append(Work(start, part.stop))
    gone = set(apart)
    left = [attempt for attempt in one.attempts if attempt.position not in gone]
    return replace(one, attempts=left, work=[part for part in work if len(part)])
