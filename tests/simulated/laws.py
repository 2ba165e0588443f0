"""What must hold, however the world behaves; each is looked at in the moment in which it could be broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shareout.record.journal import parse
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.reader import JournalReader
from simulated.system.disk import Inode

SAFE_S = 1.4
"""What was written so long ago is on the disk: a second, and a turn of the crew."""


class Broken(Exception):
    """A law was broken: which, and where."""


@dataclass(slots=True)
class Execution:
    """One process that ran a job."""

    job: int
    attempt: int
    start: int
    natural: int
    pid: int
    began: float
    ended: float | None = None
    status: int | None = None
    hit: str = ""
    """Who ended it, where it did not end by itself: `us`, `fault`, or nobody."""


@dataclass(slots=True)
class Journal:
    """What stands in one machine's journal, read anew as it is written: an independent reading of it."""

    inode: Inode | None = None
    good: int = 0
    prefix: bytes = b""
    states: dict[int, State] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    written: dict[tuple[int, int], tuple[float, str]] = field(default_factory=dict)
    """When, and by which start, it was written that a try is done."""

    def look(self, inode: Inode | None, now: float, tree: str) -> None:
        """Go on from where the last look ended; from the start where what was read is there no more."""
        data = bytes(inode.data) if inode is not None else b""
        before: dict[tuple[int, int], tuple[float, str]] = {}
        if inode is not self.inode or data[: self.good] != self.prefix:
            self.good, self.prefix = 0, b""
            self.states.clear()
            self.attempts.clear()
            self.inode, before, self.written = inode, self.written, {}
        end = data.rfind(b"\n") + 1
        lines = data[self.good : end].split(b"\n")[:-1]
        for line in good_lines(lines) if lines else ():
            record = parse(line)
            if isinstance(record, Attempt):
                self._fold(record, before.get((record.job, record.attempt), (now, tree)))
        self.good, self.prefix = end, data[:end]

    def _fold(self, record: Attempt, written: tuple[float, str]) -> None:
        self.attempts.append(record)
        if record.state is State.DONE:
            self.written.setdefault((record.job, record.attempt), written)
        if record.state in (State.STOPPED, State.RETRY):
            return
        if record.state is State.REQUEUED:
            self.states.pop(record.job, None)
            self.written = {key: told for key, told in self.written.items() if key[0] != record.job}
        elif self.states.get(record.job) is not State.DONE:
            self.states[record.job] = record.state

    def is_done(self, job: int) -> bool:
        return self.states.get(job) is State.DONE


def good_lines(lines: list[bytes]) -> list[bytes]:
    """Those that are whole, and records that stand whole in damaged ones: what readers count."""
    return [line for _, line in JournalReader(Path("/")).checked(lines)]


def check_verdict(record: Attempt, executions: list[Execution], retries: int, *, has_timeout: bool) -> None:
    """What is recorded of an attempt is what became of it."""
    mine = [one for one in executions if one.job == record.job and one.attempt == record.attempt]
    said = f"job {record.job} is recorded as {record.state.value} at try {record.attempt}"
    if record.state is State.DONE:
        if not any(one.natural == 0 or one.status == 0 for one in mine):
            raise Broken(f"{said}; it ran as {mine}")
        return
    if record.state not in (State.FAILED, State.RETRY):
        return
    if (record.state is State.RETRY) != (record.attempt <= retries):
        raise Broken(f"{said}, with {retries} retries")
    if record.cause is Cause.UNSPAWNABLE or (record.cause is Cause.TIMEOUT and has_timeout):
        return
    if record.cause is Cause.LOST_WORKER or "its process was killed" in (record.error or ""):
        return
    if not any(one.status and one.hit != "us" for one in mine):
        raise Broken(f"{said} ({record.cause.value}: {record.error}); it ran as {mine}")
