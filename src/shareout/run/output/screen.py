"""`--tee`: what jobs print, on our own standard output and standard error as well, each line after a prefix; and
`--keep-order`.

In order, what a job printed waits until all before it have ended. It waits in a file; of each job that waits eight
bytes are held. A reader that goes away (`| head`) ends the printing, and nothing else.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from shareout.plan.plan import Plan
from shareout.record.outcome import Stream
from shareout.record.tallies.standing import NEW
from shareout.record.tallies.tally import Tally
from shareout.run.output.sieve import Sieve
from shareout.safe import safe_bytes
from shareout.supply.static import Wanted
from shareout.world import world

_LINK = struct.Struct("<QQB")
"""Before each piece in the file: where the one before it of the same job is (+1; 0: nowhere), its length, and the
descriptor that it is for."""
_TITLES = {Stream.OUT: "standard output", Stream.ERR: "standard error"}
# To take away the front of an array moves all of the rest, so it is done for many at once.
COMPACT_AT = 1 << 16

Prefix = Callable[[int], bytes]


class Screen:
    """Prints as it comes, what the sieve keeps of it."""

    def __init__(self, prefix: Prefix, sieve: Sieve, said: Callable[[str], None]) -> None:
        self._prefix = prefix
        self._sieve = sieve
        self._said = said
        self.lost = ""
        self._terminals = [stream for stream in Stream if os.isatty(stream.number)]

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """What the sieve keeps, each line after the job's prefix."""
        if data := self._sieve.kept(data):
            prefix = self._prefix(job)
            self.show(job, prefix + data.removesuffix(b"\n").replace(b"\n", b"\n" + prefix) + b"\n", stream)

    def show(self, job: int, text: bytes, stream: Stream) -> None:
        """Print these whole lines of a job."""
        view = memoryview(safe_bytes(text) if stream in self._terminals else text)
        try:
            while view and not self.lost:
                view = view[world.write(stream.number, view) :]
        except OSError as error:
            self.lost = f"{_TITLES[stream]} is gone ({error.strerror})"
            self._said(f"{self.lost}: the run goes on without --tee")

    def has_turn(self, job: int) -> bool:
        """Whether what it prints would be shown at once."""
        return True

    def step(self, unfinished: Collection[int]) -> None:
        """Nothing waits."""
        return

    def close(self) -> None:
        """Nothing waits; our own streams are not ours to close."""
        return


class OrderedScreen(Screen):
    """Prints in the order of positions."""

    def __init__(
        self,
        prefix: Prefix,
        sieve: Sieve,
        said: Callable[[str], None],
        folder: Path,
        tally: Tally,
        plan: Plan,
        wanted: Wanted | None,
    ) -> None:
        super().__init__(prefix, sieve, said)
        self._tally = tally
        self._plan = plan
        self._wanted = wanted
        self._folder = folder
        # In the run's own folder, where there is room for what jobs print; /tmp may be memory.
        from tempfile import TemporaryFile

        self._file: BinaryIO = TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0
        # The last piece of each job that waits, from `_first` on; the next one to print is `_next`.
        self._waiting = array("Q")
        self._first = self._next = self._next_expected(0)

    def show(self, job: int, text: bytes, stream: Stream) -> None:
        """Printed at once when its turn has come or is past, else kept in the file."""
        index = self._tally.index(self._plan.position_of(job))
        at = index - self._first
        if index <= self._next:
            # What an earlier try of it printed before its turn came stands there still.
            if index == self._next and at < len(self._waiting) and self._waiting[at]:
                self._print(index)
                self._waiting[at] = 0
            super().show(job, text, stream)
            return
        if at >= len(self._waiting):
            self._waiting.extend([0] * (at + 1 - len(self._waiting)))
        try:
            self._file.seek(self._end)
            # Linked backwards: of a job that waits one number is held in memory, however often it prints.
            self._file.write(_LINK.pack(self._waiting[at], len(text), stream.number) + text)
        except OSError as error:
            # It has no name of its own, and whose disk is full decides how the run ends.
            error.filename = str(self._folder)
            raise
        self._waiting[at] = self._end + 1
        self._end += _LINK.size + len(text)

    def has_turn(self, job: int) -> bool:
        """All before it have ended."""
        return self._tally.index(self._plan.position_of(job)) <= self._next

    def step(self, unfinished: Collection[int]) -> None:
        """Print all that nothing before it holds up any more."""
        stop = self._first + len(self._waiting)
        while self._next < stop and not self._is_expected(self._next):
            if unfinished and self._plan.job_at(self._tally.position(self._next)) in unfinished:
                return
            self._print(self._next)
            self._next += 1
        if self._next == stop:
            if unfinished:
                return
            # Nothing waits: what comes next is the first job from here on that has not ended.
            self._next = self._first = self._next_expected(self._next)
            del self._waiting[:]
            # Whenever nothing waits: the file would otherwise grow to all that the run prints.
            if self._end:
                self._end = 0
                self._file.truncate(0)
        elif self._next - self._first > COMPACT_AT:
            del self._waiting[: self._next - self._first]
            self._first = self._next

    def close(self) -> None:
        """The run is over: what waits for jobs that will not end now is printed, still in order."""
        for index in range(self._next, self._first + len(self._waiting)):
            self._print(index)
        self._file.close()

    def _is_expected(self, index: int) -> bool:
        """Whether its job is still to end in this run."""
        if self._tally.states[index] != NEW:
            return False
        position = self._tally.position(index)
        return self._wanted is None or self._wanted(position, position + 1) == b"\1"

    def _next_expected(self, index: int) -> int:
        """The first that has not ended, from an index on."""
        while (found := self._tally.states.find(NEW, index)) >= 0 and not self._is_expected(found):
            index = found + 1
        return found if found >= 0 else len(self._tally.states)

    def _print(self, index: int) -> None:
        pieces: list[tuple[int, int, Stream]] = []
        link = self._waiting[index - self._first]
        while link:
            self._file.seek(link - 1)
            before, length, number = _LINK.unpack(self._file.read(_LINK.size))
            pieces.append((link - 1 + _LINK.size, length, Stream.OUT if number == 1 else Stream.ERR))
            link = before
        for at, length, stream in reversed(pieces):
            self._file.seek(at)
            super().show(0, self._file.read(length), stream)
