"""What must hold, however the world behaves; each is looked at in the moment in which it could be broken."""

from __future__ import annotations

import signal
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from shareout.record.journal import parse
from shareout.record.outcome import Attempt, Cause, Imprint, State, Stream
from shareout.record.reader import JournalReader
from shareout.settings_values import Halt
from simulated.programs import Script, printed, prints_on
from simulated.system.disk import Inode
from simulated.system.kernel import Process

CLOSE_S = 0.001
"""What clocks may differ by."""
SAFE_S = 1.4
"""What was written so long ago is on the disk: a second, and a turn of the crew."""


class Broken(Exception):
    """A law was broken: which, and where."""


@dataclass(slots=True)
class Execution:
    """One process that ran a job."""

    job: int
    attempt: int
    tree: str
    """The start of the program that ran it."""
    natural: int
    pid: int
    began: float
    ended: float | None = None
    status: int | None = None
    children: list[Process] = field(default_factory=list)
    hit: str = ""
    """Who ended it, where it did not end by itself: `us`, `stop` (with all of the run), `fault`, or nobody."""


@dataclass(slots=True)
class Journal:
    """What stands in one machine's journals, read anew as it is written: an independent reading of them."""

    inodes: list[Inode] = field(default_factory=list)
    good: int = 0
    prefix: bytes = b""
    states: dict[int, State] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    written: dict[tuple[int, int], tuple[float, str]] = field(default_factory=dict)
    """When, and by which start, it was written that a try is done."""

    def look(self, inodes: list[Inode], now: float, tree: str) -> None:
        """Go on from where the last look ended; from the start where what was read is there no more."""
        data = whole_lines(inodes)
        before: dict[tuple[int, int], tuple[float, str]] = {}
        if inodes[: len(self.inodes)] != self.inodes or data[: self.good] != self.prefix:
            self.good, self.prefix = 0, b""
            self.states.clear()
            self.attempts.clear()
            before, self.written = self.written, {}
        self.inodes = inodes
        lines = data[self.good :].split(b"\n")[:-1]
        for line in good_lines(lines) if lines else ():
            record = parse(line)
            if isinstance(record, Attempt):
                self._fold(record, before.get((record.job, record.attempt), (now, tree)))
        self.good, self.prefix = len(data), data

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


def whole_lines(inodes: list[Inode]) -> bytes:
    """Of all journals, the oldest first. The torn end of each is nobody's."""
    return b"".join(bytes(inode.data[: inode.data.rfind(b"\n") + 1]) for inode in inodes)


def good_lines(lines: list[bytes]) -> list[bytes]:
    """Those that are whole, and records that stand whole in damaged ones: what readers count."""
    return [line for _, line in JournalReader(Path("/")).checked(lines)]


def check_verdict(record: Attempt, executions: list[Execution], retries: int, timeout: float | None) -> None:
    """What is recorded of an attempt is what became of it. `timeout`: how long one took at least whose time was up."""
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
    if record.cause is Cause.UNSPAWNABLE:
        return
    if record.cause is Cause.TIMEOUT and timeout is not None:
        took = max((one.ended - one.began for one in mine if one.ended is not None), default=0.0)
        if took < timeout - CLOSE_S:
            raise Broken(f"{said}, for it took more than {timeout} s; it took {took:.3f} s")
        return
    if record.cause is Cause.LOST_WORKER or "its process was killed" in (record.error or ""):
        return
    if not any(one.status and one.hit not in ("us", "stop") for one in mine):
        raise Broken(f"{said} ({record.cause.value}: {record.error}); it ran as {mine}")


def check_printed(record: Attempt, script: Script) -> None:
    """A job that is done has the hash of all that it printed, and of nothing else."""
    text = printed(script, record.job)
    wanted = {prints_on(record.job): Imprint(len(text), blake3(text).hexdigest()[:32])} if text else {}
    if record.state is State.DONE and (record.out, record.err) != (wanted.get(Stream.OUT), wanted.get(Stream.ERR)):
        raise Broken(f"job {record.job} is recorded to have printed {record.out}, {record.err}; it printed {wanted}")


def check_numbers(records: list[Attempt]) -> None:
    """Each try that counts has the next number; one that only was stopped leaves its number to the next."""
    last: dict[int, int] = {}
    done: set[int] = set()
    for one in records:
        if one.job in done and one.state is not State.REQUEUED:
            continue
        if one.state is State.REQUEUED:
            done.discard(one.job)
        elif one.attempt != last.get(one.job, 0) + 1:
            raise Broken(f"job {one.job} is {one.state.value} at try {one.attempt}, after {last.get(one.job, 0)} tries")
        elif one.state is not State.STOPPED:
            last[one.job] = one.attempt
            if one.state is State.DONE:
                done.add(one.job)


def check_code(code: int, todo: int, failed: int, stops: Collection[int], *, has_reason: bool = False) -> None:
    """How a start ended, and what it has left. `has_reason`: for a 1, though none failed: a halt, a barrier."""
    if code == 0 and (todo or failed):
        raise Broken(f"exit 0, and {todo} are to do, {failed} failed")
    if code == 1 and not failed and not has_reason:
        raise Broken("exit 1, and none failed")
    if (code == 143 and signal.SIGTERM not in stops) or (code == 130 and not set(stops) - {signal.SIGTERM}):
        raise Broken(f"exit {code}, and it was stopped by {stops}")


def meets(halt: Halt, done: int, failed: int, jobs: int) -> bool:
    """The rule, read anew."""
    reached = {"fail": failed, "success": done, "done": done + failed}[halt.what]
    return reached >= halt.count if halt.count is not None else reached > 0 and reached >= (halt.percent or 0) * jobs
