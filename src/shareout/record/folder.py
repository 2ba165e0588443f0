"""The name of every file in a run directory: `runs/<16 hex digits of the digest>/<machine>/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from shareout.world import world

JOURNAL = "journal.jsonl"
CALL = "call.json"
_SEGMENT = re.compile(r"log-([0-9]{4,})\.gz")
PER_FOLDER = 1000


@dataclass(frozen=True, slots=True)
class RunFolder:
    """All paths are made here; nothing else spells a name."""

    path: Path

    @classmethod
    def of(cls, runs: Path, digest: bytes, machine: str) -> RunFolder:
        return cls(runs / digest[:8].hex() / machine)

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def owner(self) -> Path:
        """Who holds the lock, for other hosts."""
        return self.path / "owner.json"

    @property
    def tally(self) -> Path:
        """A cache of the journal's sums; may be deleted at any time."""
        return self.path / "tally"

    @property
    def live(self) -> Path:
        """What runs now, rewritten at most once a second."""
        return self.path / "live.json"

    @property
    def mark(self) -> Path:
        """What the processes of a run carry that has not ended yet."""
        return self.path / "mark.json"

    @property
    def call(self) -> Path:
        """What the run was told beyond its configs."""
        return self.path / CALL

    @property
    def slots(self) -> Path:
        return self.path / "slots"

    def slot_output(self, slot: int) -> Path:
        return self.slots / f"{slot}.out"

    def log_segment(self, number: int) -> Path:
        return self.path / f"log-{number:04d}.gz"

    def log_numbers(self) -> list[int]:
        """Of the segments that are there, in order; files of other names are nobody's."""
        found = map(_SEGMENT.fullmatch, world.listdir(self.path))
        return sorted(int(match[1]) for match in found if match)

    def log_segments(self) -> list[Path]:
        return [self.log_segment(number) for number in self.log_numbers()]

    def job_directory(self, job: int) -> Path:
        return self.path / "jobs" / str(job // PER_FOLDER) / str(job)

    def job_log(self, job: int) -> Path:
        return self.path / "job-logs" / str(job // PER_FOLDER) / f"{job}.log"
