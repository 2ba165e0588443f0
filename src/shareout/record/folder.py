"""The name of every file in a run directory: `runs/<16 hex digits of the digest>/<machine>/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from shareout.world import world

JOURNAL = "journal.jsonl"
CALL = "call.json"
_SEGMENT = re.compile(r"log-([0-9]{4,})\.gz")
# File systems, and whoever lists them, are slow in a folder of a million entries.
PER_FOLDER = 1000


@dataclass(frozen=True, slots=True)
class RunFolder:
    """All paths are made here; nothing else spells a name."""

    path: Path

    @classmethod
    def of(cls, runs: Path, digest: bytes, machine: str) -> RunFolder:
        """Of one machine's share of one plan; nothing is made on the disk."""
        return cls(runs / digest[:8].hex() / machine)

    @property
    def journal(self) -> Path:
        """What was recorded: the only file that nothing else can be made from."""
        return self.path / JOURNAL

    @property
    def lock(self) -> Path:
        """The file that the kernel's lock is on. It is empty, and stays when the run has ended."""
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
        """Where running jobs print to, a file a slot: it is moved into the log when the job has ended."""
        return self.path / "slots"

    def slot_output(self, slot: int) -> Path:
        """What the job that runs in a slot has printed so far."""
        return self.slots / f"{slot}.out"

    def log_segment(self, number: int) -> Path:
        """A part of the log, counted from 1; whether it exists is not asked."""
        return self.path / f"log-{number:04d}.gz"

    def log_numbers(self) -> list[int]:
        """Of the segments that are there, in order; files of other names are nobody's."""
        found = map(_SEGMENT.fullmatch, world.listdir(self.path))
        return sorted(int(match[1]) for match in found if match)

    def log_segments(self) -> list[Path]:
        """Those that are there, oldest first. OSError when the folder cannot be listed."""
        return [self.log_segment(number) for number in self.log_numbers()]

    def job_directory(self, job: int) -> Path:
        """The working folder of one job, where each was asked to have its own."""
        return self.path / "jobs" / str(job // PER_FOLDER) / str(job)

    def job_log(self, job: int) -> Path:
        """All that one job printed, where each was asked to have a log of its own."""
        return self.path / "job-logs" / str(job // PER_FOLDER) / f"{job}.log"
