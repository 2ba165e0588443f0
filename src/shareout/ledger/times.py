"""The times of a ledger, which all scale together, and what a moment is.

A moment is a number of seconds of CLOCK_BOOTTIME of one's own host. Clocks of two hosts are never compared.
"""

from __future__ import annotations

import math
from typing import NamedTuple

Moment = float
"""One that lies behind, or is just now: only how long ago it was counts."""
Due = float
"""One from which on something may be done: all that lie behind are alike."""
LONG_AGO = -math.inf

BEATS, LONGEST_S = 24, 5.0
"""So many in the time after which whoever is silent is dead, and no longer apart than this."""
CROWD, SELDOM = 100, 4
"""Of more hosts each beats less often, but not so many times less: who serves them hears as much as from a crowd."""


class Times(NamedTuple):
    """How long what is waited for, in seconds."""

    dead: float
    """For so long a doubt must have been watched before a lane is seized."""
    fence: float
    """So long after the last contact of a lane no job of it starts."""
    slack: float
    """By how much a look may lag; infinite where nobody knows, and a look proves nothing."""
    probe: float
    """From one look at a lane to the next."""
    stroll: float
    """The same, of lanes that a busy host has nothing to do with."""
    silent: float
    """A beat that stands still for so long is silent."""
    again: float
    """So long an owner that had nothing to give is not asked again."""
    retry: float
    """From a call without an answer to the same call."""

    @classmethod
    def of(cls, dead: float, slack: float) -> Times:
        """Those of a ledger; the slack is the larger one of what it says itself and of what is known of the own
        mount."""
        return cls(
            dead=dead,
            fence=dead * 3 / 4,
            slack=slack,
            probe=min(5.0, dead / 8),
            stroll=min(50.0, dead / 2),
            silent=(0 if math.isinf(slack) else slack) + dead / 12,
            again=dead * 5,
            retry=min(1.0, dead / 60),
        )

    def beat(self, hosts: int = 1) -> float:
        """From one beat to the next where so many hosts are at work."""
        return min(LONGEST_S, self.dead / BEATS * min(SELDOM, max(1.0, hosts / CROWD)))

    def why_not(self) -> str:
        """Why nobody can work by them; empty when one can."""
        if not math.isinf(self.slack) and self.fence <= self.slack + 2 * self.probe:
            return (
                f"a look at this folder may be {self.slack:g} s old, "
                f"and whoever is silent for {self.dead:g} s is taken for dead"
            )
        return ""
