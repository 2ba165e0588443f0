"""What jobs print: two files a slot while they run, moved into the log when the job ends.

Small outputs are moved at once. A large one is set aside and moved in steps between the turns of the crew,
so that a job that prints a gigabyte stops nobody. What a killed run left is moved at the next start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from shareout.config import Settings
from shareout.errors import CannotRecord
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Stream
from shareout.run.output.aside import Aside, set_aside
from shareout.run.output.sieve import Sieve
from shareout.world import world

STEP = 1 << 20


class OutputSink(Protocol):
    """Who is given what jobs print, besides the log."""

    @property
    def lost(self) -> str:
        """Why not all of it got through, in words."""

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """What an attempt at a job printed, or some lines of it; `first`: nothing came of this attempt before, on none
        of its streams."""

    def step(self, unfinished: Collection[int]) -> None:
        """Between turns; `unfinished` are jobs of whose output more will come."""

    def close(self) -> None:
        """The run is over: nothing more will come."""


# Files for each slot and not pipes: a job that prints never waits for us, and what it has printed outlives it, its
# worker and the run.
class SlotOutputs:
    """The output files of all slots."""

    def __init__(
        self, folder: RunFolder, log: LogWriter, settings: Settings, sieve: Sieve, hearers: Sequence[OutputSink] = ()
    ) -> None:
        self._folder = folder
        self._log = log
        self._sieve = sieve
        self._per_job = settings.logging.per_job
        self._hearers = hearers
        self.lost = ""
        self._asides: deque[Aside] = deque()
        self._moved: tuple[int | None, int] | None = None
        """Whose the last of them was."""
        try:
            folder.slots.mkdir(exist_ok=True)
        except OSError as error:
            raise CannotRecord(f"{folder.slots} cannot be made: {error.strerror}") from error
        self._rescue()

    def activity(self, slot: int) -> float | None:
        """When the slot's job last printed something."""
        try:
            return max(path.stat().st_mtime for path in self._folder.slot_outputs(slot).values())
        except OSError:
            return None

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """To all hearers and the log; `first` as in `OutputSink`. CannotRecord when it cannot be written."""
        if self._per_job:
            self._keep_apart(data, job)
        for hearer in self._hearers:
            hearer.add(data, job, attempt, stream=stream, first=first)
        if data := self._sieve.kept(data):
            self._log.output(data, job, attempt, word=stream, when=world.time())

    def note(self, text: str, job: int, level: str) -> None:
        """A record of a job's, for the log that it has to itself, when it has one."""
        if self._per_job:
            self._keep_apart(f"{level} {text}\n".encode("utf-8", "surrogateescape"), job)

    def _keep_apart(self, data: bytes, job: int) -> None:
        path = self._folder.job_log(job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise _lost(f"the log of job {job} cannot be written", error) from error

    def step(self) -> bool:
        """Move a little of what was set aside; True while there is more."""
        for hearer in self._hearers:
            hearer.step({one.job for one in self._asides if one.job is not None})
        if not self._asides:
            return False
        one = self._asides[0]
        try:
            # Opened for each step: thousands may wait, and a descriptor each would be more than a process may have.
            with one.path.open("rb") as file:
                file.seek(one.at)
                data = file.read(STEP)
        except FileNotFoundError:
            self._log.record("what it printed was removed before it was here", level="ERROR", job=one.job)
            self._asides.popleft()
            return bool(self._asides)
        except OSError as error:
            raise _lost(f"what job {one.job} printed cannot be read again", error) from error
        # Up to the end of a line: what comes next into the log may be another job's.
        if len(data) == STEP and b"\n" in data:
            data = data[: data.rindex(b"\n") + 1]
        if data:
            if one.job is None:
                self._log.output(data, None, 0, word=one.stream, when=world.time())
            else:
                is_first = one.at == 0 and one.whose != self._moved
                self.add(data, one.job, one.attempt, stream=one.stream, first=is_first)
                self._moved = one.whose
            one.at += len(data)
        else:
            one.path.unlink(missing_ok=True)
            self._asides.popleft()
        return bool(self._asides)

    def close(self) -> None:
        """All that was set aside is moved first, however long it takes. CannotRecord as `add`."""
        while self.step():
            pass
        for hearer in self._hearers:
            hearer.close()
            self.lost = self.lost or hearer.lost
        self._hearers = ()
        for _, path in self._left():
            path.unlink(missing_ok=True)

    def adopt(self, paths: Iterable[Path]) -> None:
        """What a worker, or its parent after its death, has set aside."""
        self._asides.extend(one for path in paths if (one := Aside.named(path)) is not None)

    def _rescue(self) -> None:
        """What a run that was killed had not moved yet; whose it was is told where it is known."""
        for stream, path in self._left():
            if path.stat().st_size:
                set_aside(path, None, 0, stream)
            else:
                path.unlink()
        self.adopt(self._folder.slots.glob("*.aside"))
        self._asides = deque(sorted(self._asides, key=lambda one: one.when))

    def _left(self) -> Iterator[tuple[Stream, Path]]:
        """The slots' files, of this run or of one before it."""
        for stream in Stream:
            for path in sorted(self._folder.slots.glob(f"*.{stream}")):
                yield stream, path


def _lost(what: str, error: OSError) -> CannotRecord:
    return CannotRecord(
        f"{what}: {error.strerror}",
        way_out="What is recorded so far is safe. Mend it, and run the same command to go on.",
    )
