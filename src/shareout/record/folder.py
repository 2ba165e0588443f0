"""The name of every file in a run directory: `runs/<16 hex digits of the digest>/<machine>/`."""

from __future__ import annotations

import re
from pathlib import Path

from shareout.fields import dataclass
from shareout.record.outcome import Stream
from shareout.world import world

JOURNALS = "journal.*.jsonl"
CALL = "call.json"
LIST = "list"
_JOURNAL = re.compile(r"journal\.([0-9]{1,18})-([0-9a-f]{8})\.jsonl")
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
        # Half a line of digits, that a person can read; the header has all of them, and is held against the plan.
        return cls(runs / digest[:8].hex() / machine)

    def journal(self, ordinal: int, nonce: str) -> Path:
        """Of one start: its number, and eight hex digits by chance, so that no two are ever of one name."""
        return self.path / f"journal.{ordinal}-{nonce}.jsonl"

    def journals(self) -> list[Path]:
        """Of each start one, the oldest first. Files of other names are nobody's."""
        try:
            found = list(filter(None, map(_JOURNAL.fullmatch, world.listdir(self.path))))
        except (FileNotFoundError, NotADirectoryError):
            return []
        # The digits by chance decide where two copies of a folder were gone on with, each by a start of the same
        # number.
        return [self.path / match[0] for match in sorted(found, key=lambda match: (int(match[1]), match[2]))]

    def worked_on(self) -> float:
        """When something was last recorded here, in seconds since 1970."""
        return max((path.stat().st_mtime for path in self.journals()), default=0.0)

    def size(self) -> int:
        """Bytes of all that is recorded here."""
        return sum(path.stat().st_size for path in self.journals())

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
    def ended(self) -> Path:
        """How the last run ended, for `[hooks] on_finish` to read."""
        return self.path / "ended.json"

    @property
    def mark(self) -> Path:
        """What the processes of a run carry that has not ended yet."""
        return self.path / "mark.json"

    @property
    def call(self) -> Path:
        """What the run was told beyond its configs."""
        return self.path / CALL

    @property
    def kept_list(self) -> Path:
        """A folder with a copy of the list whose jobs these are, under its own name."""
        return self.path / LIST

    @property
    def elsewhere(self) -> Path:
        """Journals of other machines, a folder each: of those that were taken over from."""
        return self.path / "elsewhere"

    @property
    def guest(self) -> Path:
        """Which guest of a ledger this host is, where no machine of the plan is it."""
        return self.path / "guest.json"

    @property
    def earlier(self) -> Path:
        """Status files whose tasks all hosts of a ledger take over, under the hashes of their bytes."""
        return self.path / "earlier"

    @property
    def seen(self) -> Path:
        """Up to which entry the run has seen each lane of its ledger."""
        return self.path / "seen.json"

    @property
    def taken_back(self) -> Path:
        """What of its failures the run asks for once more: the list that goes to the other hosts."""
        return self.path / "taken-back.json"

    @property
    def inputs(self) -> Path:
        """What of its inputs the run gives to hosts that have none: a list of files."""
        return self.path / "parcel.json"

    @property
    def lines(self) -> Path:
        """The jobs of a stream that have come to this host."""
        return self.path / "lines"

    @property
    def slots(self) -> Path:
        """Where running jobs print to, two files a slot: they are moved into the log when the job has ended."""
        return self.path / "slots"

    def slot_outputs(self, slot: int) -> dict[Stream, Path]:
        """What the job that runs in a slot has printed so far."""
        return {stream: self.slots / f"{slot}.{stream}" for stream in Stream}

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


def is_journal(name: str) -> bool:
    """Whether a file of that name is one."""
    return _JOURNAL.fullmatch(name) is not None


def ordinal_of(journal: Path) -> int:
    """Which start of its machine a journal is of."""
    match = _JOURNAL.fullmatch(journal.name)
    return int(match[1]) if match else 0
