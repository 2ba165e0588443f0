"""An output that is too large for a pipe, or whose writer died: the slot's file under a name that tells whose it is.

    314-1-out-1763666581123456789.aside

Job (`lost`: nobody knows), attempt, stream, and when it was set aside: in this order they are moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from shareout.fields import dataclass
from shareout.record.outcome import Stream
from shareout.world import world

LOST = "lost"
_NAME = re.compile(r"(\d+|lost)-(\d+)-(out|err)-(\d+)\.aside")


@dataclass(slots=True)
class Aside:
    """One of them, and how much of it has been moved."""

    path: Path
    job: int | None
    """None: what stood in a slot's file when a run was killed; whose it was is not known."""
    attempt: int
    stream: Stream
    when: int
    at: int = 0

    @property
    def whose(self) -> tuple[int | None, int]:
        """Job and attempt."""
        return self.job, self.attempt

    @classmethod
    def named(cls, path: Path) -> Aside | None:
        """By what the name tells; None for a file that is none."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        job = None if match[1] == LOST else int(match[1])
        return cls(path, job, int(match[2]), stream=Stream(match[3]), when=int(match[4]))


def set_aside(path: Path, job: int | None, attempt: int, stream: Stream) -> Path:
    """What stands in a slot's file, under a name that tells whose it is; None: nobody knows."""
    aside = path.with_name(f"{LOST if job is None else job}-{attempt}-{stream}-{world.time_ns()}.aside")
    # A rename and no copy: it takes no time however large it is, and no room that a full disk does not have.
    path.rename(aside)
    return aside


def set_aside_left(outputs: Mapping[Stream, Path], job: int | None, attempt: int) -> dict[str, str]:
    """The same of what a dead writer has left in its files."""
    asides: dict[str, str] = {}
    for stream, path in outputs.items():
        try:
            if path.stat().st_size:
                asides[stream] = str(set_aside(path, job, attempt, stream))
        except OSError:
            # The run directory is gone; the next sync of the journal tells.
            break
    return asides
