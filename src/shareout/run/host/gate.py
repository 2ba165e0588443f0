"""Whether another job may be started now: not too soon after the last one, nor while the host has no room for it.

What runs already is let be. The host is asked again twice a second, for nothing tells when there is room.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from shareout.config import LimitSettings
from shareout.run.host.cores import granted_cores
from shareout.world import world

LOOK_S = 0.5
_MEMORY = Path("/proc/meminfo")


class Gate:
    """Of one run."""

    def __init__(self, limits: LimitSettings, free: Callable[[], int] | None = None) -> None:
        self._delay, self._memory = limits.delay, limits.memory_free
        self._load = limits.load.of(granted_cores()) if limits.load else None
        self._free = free or free_memory
        self._opens = 0.0

    @classmethod
    def of(cls, limits: LimitSettings) -> Gate | None:
        """None where jobs may always be started."""
        return cls(limits) if limits.delay or limits.memory_free or limits.load else None

    def is_open(self) -> bool:
        """Looks, where it is time to."""
        now = world.monotonic()
        if now < self._opens:
            return False
        has_room = self._memory is None or self._free() >= self._memory
        if has_room and (self._load is None or os.getloadavg()[0] < self._load):
            return True
        self._opens = now + LOOK_S
        return False

    def passed(self) -> None:
        """A job was started."""
        self._opens = world.monotonic() + self._delay

    def opens(self) -> float:
        """When to ask again."""
        return self._opens


def free_memory() -> int:
    """Bytes that the kernel could give without swapping; endlessly many where it does not say."""
    try:
        lines = _MEMORY.read_text("ascii", "replace").splitlines()
    except OSError:
        return 1 << 62
    said = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return 1 << 62 if said is None else int(said) * 1024
