"""Whether a job has failed, or was only hit by what stops the run: known a moment later.

Whoever stops a run by signalling all its processes may reach the jobs before the parent. So the verdict waits, where a
job ended by such a signal that none of ours has sent, or did not end well after its own worker was hit, or after it
had run other programs, which may have been hit: up to 1.5 s, until the parent gets the signal. Then the job was
stopped, and that costs it nothing. If the run goes on, it has failed as any other.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from shareout.record.outcome import Attempt, Cause, State
from shareout.run.hands import Finished, Hands
from shareout.run.hands.bystander import VERDICT_S
from shareout.run.stops import STOPPING
from shareout.supply import Work

HITS = frozenset(number.name for number in STOPPING)
MAYBE = frozenset((Cause.EXIT, Cause.EXCEPTION, Cause.SIGNAL, Cause.LOST_WORKER))


class Verdicts:
    """Holds what is in doubt."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._held: deque[tuple[float, Finished]] = deque()
        self._stopping_since = math.inf

    def __bool__(self) -> bool:
        return bool(self._held)

    def known(self, finished: Sequence[Finished], *, is_stopping: bool) -> list[Finished]:
        """Of this and of what was held back, all that is certain now; what was only hit is told as stopped."""
        now = time.monotonic()
        if is_stopping:
            self._stopping_since = min(self._stopping_since, now)
        certain = []
        for one in finished:
            doubtful = [attempt for attempt in one.attempts if self._is_doubtful(one.slot, attempt)]
            if doubtful:
                apart = [_apart(one.slot, attempt) for attempt in doubtful]
                self._held.extend((now + VERDICT_S, each) for each in apart)
                one = _without(one, doubtful)
            if one.work:
                certain.append(one)
        while self._held and (is_stopping or self._held[0][0] <= now):
            one = self._held.popleft()[1]
            certain.append(_stopped(one) if is_stopping else one)
        return certain

    def _is_doubtful(self, slot: int, attempt: Attempt) -> bool:
        if attempt.state is not State.FAILED or attempt.cause not in MAYBE:
            return False
        if self._hands.ran_others(attempt) and time.monotonic() < self._stopping_since + VERDICT_S:
            return True
        return attempt.signal in HITS or self._hands.was_hit(slot, attempt)


def _apart(slot: int, attempt: Attempt) -> Finished:
    return Finished(slot, b"", 0, [attempt], [Work(attempt.position, attempt.position + 1)])


def _stopped(one: Finished) -> Finished:
    attempts = [
        replace(attempt, cause=Cause.STOPPED, error=f"stopped with the run: {attempt.error}")
        for attempt in one.attempts
    ]
    return replace(one, attempts=attempts)


def _without(one: Finished, doubtful: Sequence[Attempt]) -> Finished:
    work = list(one.work)
    for attempt in doubtful:
        at = attempt.position
        parts = [(Work(part.start, min(at, part.stop)), Work(max(at + 1, part.start), part.stop)) for part in work]
        work = [part for pair in parts for part in pair if part.start < part.stop]
    return replace(one, attempts=[attempt for attempt in one.attempts if attempt not in doubtful], work=work)
