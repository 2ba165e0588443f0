"""Stop processes where they are, with all that descends from them, and let them go on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection

from shareout.run.processes.children import kill_one
from shareout.run.processes.proc import family, processes


def hold_families(leaders: Collection[int]) -> Callable[[], None]:
    """What this gives back lets go on exactly those that were stopped."""
    held = family(leaders, processes())
    for pid in held:
        # STOP, which can be neither caught nor ignored as TSTP can.
        kill_one(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in held:
            kill_one(pid, signal.SIGCONT)

    return go_on
