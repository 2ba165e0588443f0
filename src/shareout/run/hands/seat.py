"""One worker as its parent sees it: its pipes, the batches it was given, and how far it has come."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from shareout.fields import dataclass, field
from shareout.record.outcome import Cause, Stream
from shareout.run.hands.ring import BELL, Ring
from shareout.run.hands.shared import Control
from shareout.run.processes.children import is_alive, kill_group
from shareout.supply import Work
from shareout.world import world

# Long enough for what a batch costs the parent to vanish, short enough for slots to end together, and for little to be
# waiting behind a job that turns out to be long.
BATCH_S = 0.05
LARGEST_BATCH = 8192
QUICK_S = 0.025
# How long a worker may take to end by itself.
FAREWELL_S = 2.0
READ_BYTES = 1 << 20
BEGUN_S = 0.05
"""So long, at the end, for workers that have just started something to say what."""


@dataclass(slots=True)
class Batch:
    """A range that was handed to the worker; `seen` is the first position whose line has not come up yet."""

    serial: int
    start: int
    stop: int
    attempt: int
    seen: int
    given: float

    def without(self, position: int) -> list[Work]:
        """What is left of it, but one position."""
        if not self.seen <= position < self.stop:
            return [Work(self.seen, self.stop)] if self.seen < self.stop else []
        parts = [Work(self.seen, position), Work(position + 1, self.stop)]
        return [part for part in parts if len(part)]


class Lines:
    """Whole lines out of what comes in pieces."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        self._partial: list[bytes] = []

    def whole(self, data: bytes) -> bytes:
        """All that this completes."""
        at = data.rfind(b"\n") + 1
        if not at:
            if data:
                self._partial.append(data)
            return b""
        if at == len(data) and not self._partial:
            return data
        block = b"".join([*self._partial, data[:at]])
        self._partial = [data[at:]] if at < len(data) else []
        return block


@dataclass(slots=True)
class Seat:
    """A slot and the process that works in it."""

    slot: int
    pid: int
    down: int
    up: int
    control: Control
    mark: str
    runs_commands: bool = False
    outputs: Mapping[Stream, Path] = field(default_factory=dict)
    """Where its jobs print."""
    ring: Ring | None = None
    """Where its lines stand, if they do not come by the pipe."""
    moved: float = 0.0
    """When it was given something, or said something, by the monotonic clock."""
    is_closed: bool = False
    """Whether its pipe has come to its end: nothing more can come."""
    batches: deque[Batch] = field(default_factory=deque)
    cause: Cause | None = None
    ending_since: float | None = None
    ending: int = -1
    """The position that was told to end."""
    gpus: tuple[str, ...] = ()
    idle_deaths: int = 0
    _job_s: float | None = None
    """Seconds a job took in the last batches."""
    _size: int = 1
    _by_pipe: Lines = field(default_factory=Lines)
    _by_ring: Lines = field(default_factory=Lines)

    def leader(self) -> int:
        """The process whose group is the running job: the command, or the worker itself; 0 when there is none."""
        return self.control.leader if self.runs_commands else self.pid

    def has_begun(self) -> bool:
        """Whether this worker ever came to a job."""
        return self.control.started != -1

    def has_ended(self) -> bool:
        """Whether the job that was told to end has come to its end."""
        return self.runs_commands and (self.control.started != self.ending or not self.control.since)

    def end(self, cause: Cause) -> None:
        """Ask the running job to end, and wake up for it what stands still."""
        self.cause = cause
        self.ending_since = world.monotonic()
        self.ending = self.control.started
        # The word before the signal: whoever sees the job die of it must find why. A worker that has not started its
        # command yet finds the word as well, and sends the signal itself.
        self.control.end(self.ending, cause)
        kill_group(self.leader(), signal.SIGTERM)
        # What is stopped takes a TERM only when it goes on.
        kill_group(self.leader(), signal.SIGCONT)

    def press(self, grace_s: float) -> None:
        """Kill what was asked to end and has not within the grace time; called again until it has."""
        assert self.ending_since is not None
        asked_for_s = world.monotonic() - self.ending_since
        if self.has_ended():
            self.ending_since = self.cause = None
        elif asked_for_s >= grace_s:
            kill_group(self.leader(), signal.SIGKILL)
            if asked_for_s >= grace_s + FAREWELL_S:
                # It has not come so far as to start its command, or cannot see its end.
                kill_group(self.pid, signal.SIGKILL)

    def wanted(self) -> int:
        """The size of the next batch: 50 ms of work, at most four times the last one."""
        if self._job_s is None:
            return 1
        # Not at once to what fits: after one job that was quick by chance, a thousand long ones would lie in one slot.
        fitting = int(BATCH_S / max(self._job_s, 1e-6))
        self._size = max(1, min(fitting, 4 * self._size, LARGEST_BATCH))
        return self._size

    def appetite(self, *, single: bool) -> int:
        """How many positions it would take now. `single`: one at a time, and none waits."""
        if not self.batches:
            return 1 if single else self.wanted()
        if single or len(self.batches) > 1 or not self.is_quick():
            return 0
        # Behind a job that takes long already, whatever its predecessors took, nothing more must wait.
        since = self.control.since
        return 0 if since and world.time() - since > QUICK_S else self.wanted()

    def is_quick(self) -> bool:
        """Whether a second batch may wait behind the first without anybody waiting for it."""
        return self._job_s is not None and self._job_s < QUICK_S

    def waiting(self) -> int:
        """Positions that were given and are surely not begun."""
        given = sum(batch.stop - batch.seen for batch in self.batches)
        return max(0, given - 1)

    def may_give_back(self) -> bool:
        """Whether anything may not be begun: also the one position that a worker was given while it is starting up."""
        if not self.batches:
            return False
        last = self.batches[-1]
        return self.control.serial != last.serial or self.control.reached != (last.stop - 1, True)

    def busy_for(self) -> float:
        """Seconds of work that it surely has before it; 0 when that is not known, or jobs are not quick."""
        return self.waiting() * self._job_s if self._job_s is not None and self.is_quick() else 0.0

    def batch_of(self, position: int) -> Batch | None:
        """The unfinished batch that a position belongs to."""
        return next((batch for batch in self.batches if batch.seen <= position < batch.stop), None)

    def read(self, *, is_ready: bool) -> bytes:
        """Whole lines that have come up. A line of many megabytes is put together once, at its end. `is_ready`: there
        is something in the pipe, as it was seen after a `look` into the ring."""
        if self.ring is None:
            return self._by_pipe.whole(self._read_pipe()) if is_ready else b""
        if not is_ready and not self.ring.has_more():
            return b""
        # What processes of a job say that share the pipe, and nothing else than that there is something in the ring.
        said = self._by_pipe.whole(self._read_pipe().replace(BELL, b"")) if is_ready else b""
        block = self._by_ring.whole(self.ring.take())
        if block:
            self.moved = world.monotonic()
        return block + said

    def look(self) -> None:
        """Before `read`, and before its pipe is asked whether there is something in it."""
        if self.ring is not None:
            self.ring.look()

    def advance(self, count: int) -> list[Work]:
        """So many lines came up: the ranges of positions that they cover."""
        covered = []
        while count and self.batches:
            batch = self.batches[0]
            # A line a position, in their order: so lines are counted, and none is read.
            taken = min(count, batch.stop - batch.seen)
            if taken:
                covered.append(Work(batch.seen, batch.seen + taken))
            batch.seen += taken
            count -= taken
            if batch.seen == batch.stop:
                self._ended(batch)
        return covered

    def revoke(self) -> None:
        """No batch that was given so far is to be gone on with. What was revoked before stays so: it may still lie
        in the worker's pipe after we have taken it back."""
        self.control.revoked = max(self.control.revoked, self.batches[-1].serial)

    def trim(self) -> list[Work]:
        """After a revocation: give back what is surely not begun. In doubt it is kept: the worker tells, by
        `not_begun`, where it ends a batch. What was done and has not come up yet is kept as well."""
        serial, (reached, begun) = self.control.serial, self.control.reached
        given_back = []
        for batch in list(self.batches):
            # What became of batches before the one that the worker is at is on its way up; of those behind it nothing
            # is begun; how far it is in the present one it has said itself.
            keep = batch.stop if batch.serial <= serial else batch.seen
            if batch.serial == serial and batch.start <= reached < batch.stop:
                keep = reached + 1 if begun else reached
            if keep < batch.stop:
                given_back.append(Work(keep, batch.stop))
                batch.stop = keep
            if batch.seen == batch.stop:
                self.batches.remove(batch)
        return given_back

    def not_begun(self, serial: int, position: int) -> list[Work]:
        """The worker says that it ends a batch before a position; what `trim` had kept of it comes back."""
        for batch in list(self.batches):
            if batch.serial == serial and position < batch.stop:
                left = Work(max(position, batch.seen), batch.stop)
                batch.stop = left.start
                if batch.seen == batch.stop:
                    self.batches.remove(batch)
                return [left]
        return []

    def _ended(self, batch: Batch) -> None:
        self.batches.popleft()
        now = world.monotonic()
        size = batch.stop - batch.start
        if size:
            # By our own clock over the whole batch: what the pipes cost is in it, and no line has to be read for it.
            took = (now - batch.given) / size
            # Not the mean of all: where jobs get longer along the pool, that would be believed too late.
            self._job_s = took if self._job_s is None else (self._job_s + took) / 2
        if self.batches:
            # It waited in the pipe until now.
            self.batches[0].given = now

    def _read_pipe(self) -> bytes:
        parts = []
        size = 0
        while size < READ_BYTES and not self.is_closed:
            try:
                part = world.read(self.up, READ_BYTES)
            except BlockingIOError:
                break
            self.is_closed = not part
            parts.append(part)
            size += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def let_begin(seats: Sequence[Seat]) -> None:
    """At the end of a run: nothing more is begun, and who leads a command that just was is known. To kill a worker
    before it could say so would let the command live, where what commands leave behind may. Of a Python job there is no
    leader to wait for."""
    busy = [seat for seat in seats if seat.batches]
    for seat in busy:
        seat.revoke()
    if busy:
        world.sleep(0.001)
    until = world.monotonic() + BEGUN_S
    while any(one.control.since and not one.control.leader and is_alive(one.pid) for one in busy):
        if world.monotonic() >= until:
            return
        world.sleep(0.0005)
