"""An output that is too large for a pipe, or whose writer died: the slot's file under a name that tells whose it is."""

from __future__ import annotations

from pathlib import Path

from shareout.world import world

LOST = "lost"


def set_aside(path: Path, job: int | None, attempt: int) -> Path:
    """What stands in a slot's file, under a name that tells whose it is; None: nobody knows."""
    aside = path.with_name(f"{LOST if job is None else job}-{attempt}-{world.time_ns()}.aside")
    path.rename(aside)
    return aside
