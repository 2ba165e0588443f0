"""What a worker and its parent share: a few numbers in memory, so that looking costs no message; and the form
in which a batch goes down to the worker.
"""

from __future__ import annotations

import json
import struct

from shareout.fields import dataclass
from shareout.record.outcome import Cause
from shareout.world import world

_CAUSES = tuple(Cause)
_STARTED, _REVOKED, _LEADER, _ENDED, _CAUSE, _SERIAL, _ENDED_SERIAL, _STOPPING, _FILLED = range(9)
_INTEGERS = 9 * 8
_FLOATS = 3 * 8
# serial, first position, end, attempt, fence, and how many bytes follow about what the job may use.
_BATCH = struct.Struct("<qqqqqq")


def held_before(position: int) -> int:
    """Position ↔ the number that says "not begun, but all before it in its batch are done"."""
    # One number for both facts: of two, the worker could be between them when they are read.
    return -2 - position


# Memory and not messages: which job runs now would be a write more for each, and a read more for a parent that seldom
# asks. No lock: a worker that is killed while it holds one would never let go of it.
class Control:
    """One a worker. Integers and floats of eight bytes each; every one has a single writer.

    `serial` is the batch that the worker has come to, `started` the position that it began last (worker). `revoked`
    is the last batch that is not to be gone on with (parent). The worker publishes `started` before it looks at
    `revoked`; the parent writes `revoked`, waits a millisecond, and reads `started`: one of the two sees the other.
    A worker that sees itself revoked leaves `held_before` of that position: what came before it is done, whether
    the parent has heard of it or not.

    `leader` is the command that the worker waits for (worker). `end` says that one position is to be ended and
    why (parent): whoever comes later of the two, worker or parent, sends the signal. It holds for the batch that
    the worker is at: the next try of that position is another batch.

    `is_stopping` says that the run is (parent). `hit` is when the worker itself last got a signal that is to stop
    the run (worker).

    `filled` is how many segments of its ring the worker is done with (worker).
    """

    def __init__(self) -> None:
        self._memory = world.shared(_INTEGERS + _FLOATS)
        view = memoryview(self._memory)
        self.integers = view[:_INTEGERS].cast("q")
        self.floats = view[_INTEGERS:].cast("d")
        self.integers[_STARTED] = self.integers[_ENDED] = -1
        self.floats[1] = -1.0

    @property
    def started(self) -> int:
        """The position that runs; negative when none does."""
        return self.integers[_STARTED]

    @property
    def reached(self) -> tuple[int, bool]:
        """The position that the worker has come to, and whether it is begun; -1 at the very start."""
        started = self.integers[_STARTED]
        return (started, True) if started >= -1 else (held_before(started), False)

    @property
    def serial(self) -> int:
        """The batch that the worker has come to; 0 before the first."""
        return self.integers[_SERIAL]

    @serial.setter
    def serial(self, serial: int) -> None:
        """By the worker, before it looks at `revoked`."""
        self.integers[_SERIAL] = serial

    @property
    def revoked(self) -> int:
        """The last batch that is not to be gone on with; 0 when none was taken back."""
        return self.integers[_REVOKED]

    @revoked.setter
    def revoked(self, serial: int) -> None:
        """By the parent; never to a lower one."""
        self.integers[_REVOKED] = serial

    @property
    def leader(self) -> int:
        """The process that leads the running command; 0 when there is none."""
        return self.integers[_LEADER]

    @leader.setter
    def leader(self, pid: int) -> None:
        """By the worker; to 0 before the process is waited for, for then its number may be another's."""
        self.integers[_LEADER] = pid

    def end(self, position: int, cause: Cause) -> None:
        """The job at a position must end."""
        self.integers[_CAUSE] = _CAUSES.index(cause)
        self.integers[_ENDED_SERIAL] = self.integers[_SERIAL]
        self.integers[_ENDED] = position

    def ended_by(self, position: int) -> Cause:
        """Why a position of the present batch was told to end; NONE when it was not."""
        told = self.integers[_ENDED] == position and self.integers[_ENDED_SERIAL] == self.integers[_SERIAL]
        return _CAUSES[self.integers[_CAUSE]] if told else Cause.NONE

    @property
    def is_stopping(self) -> bool:
        """Whether the parent has said that the run is being stopped."""
        return bool(self.integers[_STOPPING])

    @is_stopping.setter
    def is_stopping(self, stopping: bool) -> None:
        """By the parent."""
        self.integers[_STOPPING] = stopping

    @property
    def filled(self) -> int:
        """Of a worker that has a ring."""
        return self.integers[_FILLED]

    @filled.setter
    def filled(self, count: int) -> None:
        """By the worker."""
        self.integers[_FILLED] = count

    @property
    def hit(self) -> float:
        """0: never."""
        return self.floats[2]

    @hit.setter
    def hit(self, when: float) -> None:
        """By the worker, in a handler."""
        self.floats[2] = when

    @property
    def since(self) -> float:
        """When the running job began; 0 when none runs."""
        return self.floats[0]

    @property
    def fraction(self) -> float | None:
        """What the running job last told of its progress, 0 to 1; None when it tells none."""
        fraction = self.floats[1]
        return None if fraction < 0 else fraction


@dataclass(frozen=True, slots=True)
class Given:
    """A batch as the worker gets it. `cores` and `gpus` are said where jobs differ in what they take, `fence` where
    they may begin for a while only."""

    serial: int
    start: int
    stop: int
    attempt: int
    cores: str = ""
    gpus: tuple[str, ...] = ()
    fence: int = 0

    def send(self, handle: int) -> None:
        """Into a worker's pipe, which `receive` reads. BrokenPipeError when the worker is gone."""
        extra = json.dumps([self.cores, self.gpus]).encode("ascii") if self.cores or self.gpus else b""
        # One write, and a short one: a pipe takes it whole, so that `receive` never finds a part of one.
        numbers = (self.serial, self.start, self.stop, self.attempt, self.fence, len(extra))
        world.write(handle, _BATCH.pack(*numbers) + extra)


def receive(handle: int) -> Given | None:
    """The next batch, waited for; None when there will be none."""
    message = world.read(handle, _BATCH.size)
    if len(message) < _BATCH.size:
        return None
    serial, start, stop, attempt, fence, more = _BATCH.unpack(message)
    if not more:
        return Given(serial, start, stop, attempt, fence=fence)
    cores, gpus = json.loads(world.read(handle, more))
    return Given(serial, start, stop, attempt=attempt, cores=cores, gpus=tuple(gpus), fence=fence)
