"""Until when jobs may begin that others could come to have: a limit for each lane, in memory that all workers share.

A machine that balances its work with others may start what it has only while it has heard of the ledger lately: after
that somebody else may have it. The worker itself looks before each job, and not the parent before each batch: a host
that was stopped in the middle of one must not go on with it when it is continued.
"""

from __future__ import annotations

from shareout.world import world

FREE, CLOSED = 0, 1
"""Numbers that are no lane's: what needs no limit, and what may not begin."""
MOST = 64
_UNTIL, _AHEAD = 0, 1


def free(position: int) -> int:
    """Of a machine that works alone: all that it has is its own, for ever."""
    return FREE


class Fences:
    """Made by the parent before it forks workers, and written by it alone."""

    def __init__(self) -> None:
        self._floats = memoryview(world.shared(MOST * 16)).cast("d")
        self._lanes: dict[str, int] = {}
        self.jump_s = 0.0
        """How far the clock on the wall may run away from the other until that counts as a pause; settled before the
        first fork."""

    def number(self, lane: str) -> int:
        """Of a lane's fence; CLOSED when it has none."""
        return self._lanes.get(lane, CLOSED)

    def may_open(self) -> bool:
        """Whether there is room for one more lane."""
        return len(self._lanes) < MOST - 2

    def extend(self, lane: str, until: float) -> None:
        """Jobs of this lane may begin until then, by CLOCK_BOOTTIME."""
        number = self._lanes.get(lane) or self._open(lane)
        self._floats[2 * number + _AHEAD] = world.time() - world.since_boot()
        self._floats[2 * number + _UNTIL] = until

    def close(self, lane: str) -> None:
        """None may begin from now on. Its number is another's soon: only when nothing of it is in a worker's hands."""
        number = self._lanes.pop(lane, None)
        if number is not None:
            self._floats[2 * number + _UNTIL] = 0.0

    def is_past(self, number: int) -> bool:
        """Asked by a worker."""
        if number == FREE:
            return False
        now = world.since_boot()
        # A paused virtual machine finds its own clock where it left it, and the one on the wall set right.
        ahead = world.time() - now
        return now >= self._floats[2 * number + _UNTIL] or abs(ahead - self._floats[2 * number + _AHEAD]) > self.jump_s

    def _open(self, lane: str) -> int:
        number = next(one for one in range(CLOSED + 1, MOST) if one not in self._lanes.values())
        self._lanes[lane] = number
        return number
