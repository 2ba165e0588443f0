"""The commands that run once on each machine. What runs them is loaded where there are some, before the first job."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.pool import EngineCommand
from shareout.run.make import Makings


def perform_once(makings: Makings, when: str) -> tuple[list[str], bool]:
    """Those of `START` or `STOP`: the sentences of what failed, and whether any of it is ours to mind."""
    pool = makings.plan.pool
    if not pool.start_commands and not pool.stop_commands:
        return [], False
    return perform_now(makings, when, pool.start_commands if when == "START" else pool.stop_commands)


def perform_now(makings: Makings, when: str, commands: Sequence[EngineCommand]) -> tuple[list[str], bool]:
    """These of them: the same."""
    from shareout.run.command.per_machine import perform

    return perform(commands, makings, when)
