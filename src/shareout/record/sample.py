"""What a part says of the whole. Positions are shuffled, so whatever has run is a random sample of all jobs."""

from __future__ import annotations

from math import sqrt


def wilson(hits: int, count: int) -> tuple[float, float, float] | None:
    """A share with its 95% range; honest also for few and for none."""
    if not count:
        return None
    share, square = hits / count, 1.96**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = 1.96 / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return share, max(0.0, middle - half), min(1.0, middle + half)
