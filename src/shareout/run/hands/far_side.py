"""The far side of a worker's pipes: it takes one batch after the other, and begins a position only while it may.

What is run is handed in: commands (`command/worker.py`) and Python jobs (`python/worker.py`) differ in nothing else. It
is handed a whole batch and takes the turns itself, for a call for each job would cost a short Python job a fiftieth of
its time, and names that are bound once for all jobs of a batch would have to be looked up for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from shareout.fields import dataclass
from shareout.record.outcome import Stream
from shareout.run.hands.fences import Fences
from shareout.run.hands.messages import not_begun, send
from shareout.run.hands.ring import RingWriter
from shareout.run.hands.shared import Control, Given, held_before, receive


@dataclass(frozen=True, slots=True)
class WorkerSide:
    """Where a worker finds itself after its fork."""

    slot: int
    control: Control
    down: int
    up: int
    outputs: Mapping[Stream, Path]
    mark: str
    """What the environment of its children carries."""
    fences: Fences | None = None
    ring: RingWriter | None = None
    """How lines come up, where it is not by the pipe."""

    def send(self, data: bytes) -> None:
        """Whole lines, to the parent, who looks at them at once. BrokenPipeError when it is gone."""
        if self.ring is None:
            send(self.up, data)
        else:
            self.ring.send(data)


JobsBetween = Callable[[int, int], Iterable[int]]
"""Positions start … stop-1 → the ids of their jobs, in that order."""


class Turns:
    """The jobs of one batch with their positions, in order, until all had their turn, the batch is taken back, or its
    fence is past.

    A position is begun when it is yielded: whoever runs it sets the time in `control.floats`, before anything that may
    take long, and has sent what became of it when it asks for the next one.
    """

    def __init__(self, control: Control, given: Given, jobs_between: JobsBetween, fences: Fences | None = None) -> None:
        self._control = control
        self._fences = fences if given.fence else None
        self._given = given
        self._jobs_between = jobs_between
        self.next = given.start
        """The first position that had no turn, told when there are no more turns."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        control, given = self._control, self._given
        # By places and not by the properties of `Control`: each of those is a call, and a short job costs 4 µs in all.
        integers, serial, position, fences = control.integers, given.serial, given.start, self._fences
        control.serial = serial
        # Of a batch that was taken back before it was come to, no job is looked up.
        for job in self._jobs_between(position, given.stop if control.revoked < serial else position):
            # In this order, for `Control` has told the parent so.
            integers[0] = position
            if integers[1] >= serial or (fences and fences.is_past(given.fence)):
                integers[0] = held_before(position)
                break
            yield job, position
            position += 1
        control.floats[0] = 0.0
        self.next = position


def serve(post: WorkerSide, jobs_between: JobsBetween, run: Callable[[Given, Turns], None]) -> None:
    """Batch by batch, until the pipe ends. `run` takes all turns that there are."""
    while (given := receive(post.down)) is not None:
        turns = Turns(post.control, given, jobs_between, post.fences)
        run(given, turns)
        if turns.next < given.stop:
            # Whatever the parent made of the moment: from here on nothing was begun.
            post.send(not_begun(given.serial, turns.next))
