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


def set_aside_left(path: Path, job: int | None, attempt: int) -> Path | None:
    """The same of what a dead writer has left; None: it has left nothing."""
    try:
        return set_aside(path, job, attempt) if path.stat().st_size else None
    except OSError:
        # The run directory is gone; the next sync of the journal tells.
        return None
