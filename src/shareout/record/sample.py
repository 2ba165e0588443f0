"""What a part says of the whole. Positions are shuffled, so whatever has run is a random sample of all jobs."""

from __future__ import annotations

from math import sqrt


def wilson(hits: int, count: int, of: int) -> tuple[float, float, float] | None:
    """A share of so many that were looked at, with the 95% range of the share of all: honest also for few and for
    none, and exact when all were looked at."""
    if not count:
        return None
    # The part that was not looked at is all that can still surprise.
    share, square = hits / count, 1.96**2 * (of - count) / max(1, of - 1)
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = 1.96 / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return share, max(hits / of, middle - half), min((hits + of - count) / of, middle + half)
