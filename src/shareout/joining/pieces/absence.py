"""Whether a store is away, by what its calls are answered: one that is full answers some and refuses others, by turns,
and that is one absence."""

from __future__ import annotations

from shareout.ledger.times import LONG_AGO, Moment

CALM_S = 2.0
"""For so long nothing must be refused before it is there again; calls are made again sooner."""


class Absence:
    """As one host finds it."""

    def __init__(self) -> None:
        self._why = ""
        self._refused: Moment = LONG_AGO

    def told(self, away: str, now: Moment) -> str:
        """With one more answer, which is none where `away` says why. Why the store is away; empty when it is not."""
        if away:
            self._why, self._refused = away, now
        elif now - self._refused >= CALM_S:
            self._why = ""
        return self._why
