"""Looks at what runs: whose time is up, who takes too much memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from shareout.config import LimitSettings
from shareout.record.durations import Durations
from shareout.record.outcome import Cause
from shareout.run import Hands
from shareout.run.policy import time_limit

LOOK_S = 0.25


class Watch:
    """Asked after every turn; looks only as often as the limits need it."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._next_look = 0.0
        self._needed = limits.timeout is not None or limits.memory is not None

    def patience(self, durations: Durations) -> float:
        """How long a turn may wait before the next look."""
        limit = time_limit(self._limits, durations) if self._limits.timeout else None
        return min(LOOK_S, limit / 4) if limit else LOOK_S

    def overdue(self, hands: Hands, durations: Durations) -> Iterator[tuple[int, Cause]]:
        """Slots whose job must be ended, and why."""
        now = time.monotonic()
        if not self._needed or now < self._next_look:
            return
        self._next_look = now + self.patience(durations)
        limit = time_limit(self._limits, durations)
        if limit is not None:
            wall = time.time()
            yield from [(one.slot, Cause.TIMEOUT) for one in hands.running() if wall - one.started > limit]
        if self._limits.memory is not None:
            taken = memory_by_session()
            pids = hands.pids()
            yield from [(slot, Cause.MEMORY) for slot, pid in pids.items() if taken.get(pid, 0) > self._limits.memory]


def memory_by_session() -> Mapping[int, int]:
    """Resident bytes of all processes, summed by session: a job is a session."""
    page = os.sysconf("SC_PAGE_SIZE")
    sums: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        session = int(fields[3])
        sums[session] = sums.get(session, 0) + int(fields[21]) * page
    return sums
