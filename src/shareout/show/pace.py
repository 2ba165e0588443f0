"""How fast it goes and when it will be over: from the last two minutes, or all of a shorter run."""

from __future__ import annotations

from collections import deque

from shareout.events import Counts

# Not all of the run: a pause last night says nothing of how fast it goes now.
WINDOW_S = 120.0
SAMPLE_S = 0.5
BRIEF_S = 1.0
"""What is measured over less is said to be."""


class Pace:
    """Fed with counts; the rate is jobs per second over a sliding window, so that a slow start is forgotten."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, finished: int) -> None:
        """How many have finished, at a moment of a steady clock. More than two a second are not kept."""
        if self._samples and now - self._samples[-1][0] < SAMPLE_S:
            return
        self._samples.append((now, finished))
        while now - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()

    def rate(self, now: float, finished: int) -> float:
        """Jobs a second; 0 before time has passed."""
        if not self._samples:
            return 0.0
        began, before = self._samples[0]
        return (finished - before) / (now - began) if now > began else 0.0

    def over_s(self, now: float) -> float:
        """How many seconds the rate is of."""
        return now - self._samples[0][0] if self._samples else 0.0

    def eta_s(self, now: float, counts: Counts) -> float | None:
        """Seconds until all has ended: by what the jobs that are left cost, where that is known, else at this rate;
        None while nothing ends."""
        if not counts.todo or counts.eta_s is not None:
            return counts.eta_s if counts.todo else 0.0
        rate = self.rate(now, counts.finished_here)
        return counts.todo / rate if rate else None


def told_rate(rate: float, over_s: float) -> str:
    """`26/s`; of less than a second, which is no rate that anything goes on at, `26/s (of 110ms)`."""
    return f"{rate:.3g}/s" + (f" (of {told_seconds(over_s)})" if rate and over_s < BRIEF_S else "")


def told_time(seconds: float | None) -> str:
    """`2d 3h`, `1h 56m`, `4m 03s`, `12s`; `?` when it is not known."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {whole % 60:02d}s" if minutes else f"{whole}s"


def told_seconds(seconds: float) -> str:
    """`85µs`, `12ms`, `3.4s`, and longer ones as times."""
    if seconds < 1e-3:
        return f"{1e6 * seconds:.0f}µs"
    if seconds < 1:
        return f"{1e3 * seconds:.3g}ms"
    return f"{seconds:.3g}s" if seconds < 100 else told_time(seconds)
