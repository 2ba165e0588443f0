"""Looks at what runs: whose time is up, who takes too much memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shareout.config import LimitSettings
from shareout.events import Running
from shareout.fields import replace
from shareout.record.outcome import Attempt, Cause
from shareout.record.tallies.durations import Durations
from shareout.run.hands import Hands
from shareout.run.policy import time_limit
from shareout.run.processes.proc import processes
from shareout.units import format_duration, told_filesize
from shareout.world import world

LOOK_S = 0.25


class Watch:
    """Asked after every turn; looks only as often as the limits need it."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._next_look = 0.0
        self._needed = limits.timeout is not None or limits.memory is not None
        self._seen: dict[Running, float] = {}
        self._grown: dict[int, set[int]] = {}
        """Tries of a job that were ended for their memory: each next one may take more."""
        self._why: dict[tuple[int, int], str] = {}

    def patience(self, durations: Durations) -> float:
        """How long a turn may wait before the next look."""
        limit = time_limit(self._limits, durations) if self._limits.timeout else None
        return min(LOOK_S, limit / 4) if limit else LOOK_S

    def overdue(self, hands: Hands, durations: Durations) -> Iterator[tuple[Running, Cause]]:
        """Jobs that must be ended, and why."""
        now = world.monotonic()
        if not self._needed or now < self._next_look:
            return
        self._next_look = now + self.patience(durations)
        if self._limits.timeout is not None:
            self._look(hands.running(), now)
            limit = time_limit(self._limits, durations)
            if limit is not None:
                late = [one for one, since in self._seen.items() if now - since > limit]
                for one in late:
                    self._why[one.job, one.attempt] = f"timeout {format_duration(limit)}"
                    yield one, Cause.TIMEOUT
        if self._limits.memory is not None:
            yield from self._greedy(hands, self._limits.memory)

    def why(self, attempt: Attempt) -> str:
        """The limit for which a try was ended, in words; asked once."""
        return self._why.pop((attempt.job, attempt.attempt), "")

    def _greedy(self, hands: Hands, memory: int) -> Iterator[tuple[Running, Cause]]:
        running = {one.slot: one for one in hands.running()}
        for slot, size in memory_of(hands.families()).items():
            one = running.get(slot)
            if one is None:
                continue
            # By the tries that were ended for their memory, not by the number of the try: one that failed otherwise
            # gets no more.
            before = self._grown.get(one.job, set()) - {one.attempt}
            limit = int(memory * self._limits.retry_memory_factor ** len(before))
            if size > limit:
                self._grown[one.job] = before | {one.attempt}
                self._why[one.job, one.attempt] = f"memory {told_filesize(limit)}"
                yield one, Cause.MEMORY

    def rested(self, seconds: float) -> None:
        """The whole run stood still for so long: it counts for no job."""
        self._seen = {one: since + seconds for one, since in self._seen.items()}

    def _look(self, running: Sequence[Running], now: float) -> None:
        """Jobs are timed from when they are first seen, by a clock that nobody can set."""
        # Without its progress, which changes from look to look. What is left stays the same for as long as the job
        # runs, also where the wall's clock is set meanwhile: that it began is told once, by the worker.
        same = [replace(one, fraction=None) for one in running]
        self._seen = {one: self._seen.get(one, now) for one in same}


def memory_of(families: Mapping[int, tuple[int, bool]]) -> Mapping[int, int]:
    """slot → resident bytes of all that descends from its process, in sessions of their own or not."""
    # Resident sizes: what a fork shares counts in each process. Proportional ones (smaps) would count it once, at the
    # price of a walk over all pages of each process, four times a second.
    seen = processes()
    slots = {pid: slot for slot, (pid, _) in families.items()}
    # The worker that waits for a command is no part of it. It begins below nothing by its own size, for the walk counts
    # it in.
    sums = {slot: -seen[pid].resident if pid in seen and not itself else 0 for slot, (pid, itself) in families.items()}
    for pid, one in seen.items():
        while pid and pid not in slots:
            pid = seen[pid].parent if pid in seen else 0
        if pid:
            sums[slots[pid]] += one.resident
    return sums
