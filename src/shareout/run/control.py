"""What a worker and its parent share: a few numbers in memory, so that looking costs no message."""

from __future__ import annotations

import mmap
import struct


class Control:
    """One a worker. Integers and floats of eight bytes each; every one has a single writer.

    `started` is the position that was begun last (worker). `revoked` is the last batch that is not to be gone
    on with (parent). The worker publishes `started` before it looks at `revoked`; the parent writes
    `revoked`, waits a millisecond, and reads `started`: one of the two sees the other.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 48)
        view = memoryview(self._memory)
        self.integers = view[:24].cast("q")
        self.floats = view[24:].cast("d")
        self.integers[0] = -1
        self.floats[1] = -1.0

    @property
    def started(self) -> int:
        return self.integers[0]

    @property
    def revoked(self) -> int:
        return self.integers[1]

    @revoked.setter
    def revoked(self, serial: int) -> None:
        self.integers[1] = serial

    @property
    def since(self) -> float:
        """When the running job began; 0 when none runs."""
        return self.floats[0]

    @property
    def fraction(self) -> float | None:
        fraction = self.floats[1]
        return None if fraction < 0 else fraction


# A batch as it goes down the pipe: serial, first position, end, attempt.
BATCH = struct.Struct("<qqqq")
