"""`--line-buffer`: what running jobs print is shown line by line as it comes, and at a job's end only the rest of it.

Nobody tells us that a job has printed: its slot's files are read at each tick. What was read is shown at the next one,
if the same attempt runs still: then it ran all the while, and the lines are its own. The file of a slot whose job has
just ended may be the next one's already.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from shareout.events import Counts, Running
from shareout.fields import dataclass, field
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, Stream
from shareout.run.output.screen import Screen
from shareout.world import world

MOST_AT_ONCE = 1 << 18
"""Of one stream, between two ticks: what prints faster is shown at its end."""


@dataclass(slots=True)
class Peek:
    """What was read of an attempt and is not shown yet."""

    whose: Running
    read: dict[Stream, bytes] = field(default_factory=dict)

    def is_of(self, one: Running) -> bool:
        """Whether it is the same attempt, which is then the only one that has run there since."""
        return (self.whose.job, self.whose.attempt, self.whose.started) == (one.job, one.attempt, one.started)


class AsItComes:
    """An OutputSink, and a Listener for its ticks."""

    wants_every_attempt = False

    def __init__(self, screen: Screen, folder: RunFolder) -> None:
        self._screen = screen
        self._folder = folder
        self._peeks: dict[int, Peek] = {}
        self._shown: dict[tuple[int, int, Stream], int] = {}
        """How much of what an attempt has printed stands on the screen; until it comes here as a whole."""

    @property
    def lost(self) -> str:
        """As the screen tells it."""
        return self._screen.lost

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """Only what is not shown yet."""
        if shown := self._shown.pop((job, attempt, stream), 0):
            if shown > len(data):
                self._shown[job, attempt, stream] = shown - len(data)
            data = data[shown:]
        if data:
            self._screen.add(data, job, attempt, stream=stream, first=first)

    def step(self, unfinished: Collection[int]) -> None:
        """The screen's."""
        self._screen.step(unfinished)

    def close(self) -> None:
        """The screen's."""
        self._screen.close()

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """What was read at the last tick is shown, more is read."""
        before, self._peeks = self._peeks, {}
        for one in running:
            peek = before.get(one.slot)
            if peek is not None and peek.is_of(one):
                self._show(one, peek.read)
            if self._screen.has_turn(one.job):
                self._peeks[one.slot] = Peek(one, self._read(one))

    def _show(self, one: Running, read: Mapping[Stream, bytes]) -> None:
        for stream, data in read.items():
            self._shown[one.job, one.attempt, stream] = self._shown.get((one.job, one.attempt, stream), 0) + len(data)
            self._screen.add(data, one.job, one.attempt, stream=stream, first=False)

    def _read(self, one: Running) -> dict[Stream, bytes]:
        found = {}
        for stream, path in self._folder.slot_outputs(one.slot).items():
            data = _read_from(path, self._shown.get((one.job, one.attempt, stream), 0))
            # Whole lines: of two jobs that print at once no line is torn.
            if lines := data[: data.rfind(b"\n") + 1]:
                found[stream] = lines
        return found

    def began(self, counts: Counts) -> None:
        """Nothing runs yet."""
        return

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """What it printed comes here, or is here."""
        return

    def said(self, line: str) -> None:
        """It is for others."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """All that was printed comes here before `close`."""
        return


def _read_from(path: Path, at: int) -> bytes:
    try:
        handle = world.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # It is not made yet, or was removed: what is wrong with it is told by whoever takes it up.
        return b""
    try:
        return world.pread(handle, MOST_AT_ONCE, at)
    finally:
        world.close(handle)
