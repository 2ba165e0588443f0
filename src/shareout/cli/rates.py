"""How a share of failures is told in JSON, by `status` as by `merge-results`."""

from __future__ import annotations


def rate_facts(rate: tuple[float, float, float] | None) -> dict[str, float] | None:
    """A share of failures with its range, of 1; None where what has run is no sample of all."""
    return None if rate is None else dict(zip(("share", "low", "high"), rate, strict=True))
