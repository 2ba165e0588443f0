"""Forks workers: what a worker keeps of its parent, and what it must let go of before it takes up its duty."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial

from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.run.endings import trace_of
from shareout.run.hands.bystander import stand_by
from shareout.run.hands.far_side import WorkerSide
from shareout.run.hands.fences import Fences
from shareout.run.hands.messages import refuse, send
from shareout.run.hands.printed import open_outputs
from shareout.run.hands.ring import Ring, RingWriter
from shareout.run.hands.seat import Seat
from shareout.run.hands.shared import Control
from shareout.world import world

# Above what programs close when they "close everything": a job that does so still reports its end.
HIGH_HANDLE = 900


WorkerMain = Callable[[WorkerSide], None]
"""What a worker does, until its pipe ends."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Everything that all workers of a run have in common."""

    duty: WorkerMain
    runs_commands: bool
    folder: RunFolder
    mark: str
    nice: int
    private: Callable[[int], list[int]]
    """The parent's descriptors that the worker of a slot may not keep: the journal, the lock, the others' pipes."""
    fences: Fences | None = None

    def spawn(self, slot: int) -> Seat:
        """Fork one worker and its pipes."""
        # Before the fork: memory is shared with those alone that are forked later.
        control = Control()
        ring = None if self.runs_commands else Ring(control)
        down_reader, down = world.pipe()
        up, up_writer = world.pipe()
        # Forked, not started anew: what `setup` has loaded is there in every worker, in pages that all share, and
        # neither the job nor what it is given has to be pickled.
        parent, others = world.getpid(), [down, up, *self.private(slot)]
        # What still stands in Python's buffers would be copied, and written once more by each worker.
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # From 3.12 on a fork beside threads is warned of. Ours are numeric libraries' idle pools, at most;
            # the child runs only Python code that was imported before, and the user's job.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = world.fork(
                partial(
                    self._be_worker, slot, control, ring, down=down_reader, up=up_writer, others=others, parent=parent
                )
            )
        world.close(down_reader)
        world.close(up_writer)
        return Seat(
            slot,
            pid,
            down=down,
            up=up,
            control=control,
            mark=self._mark_of(pid),
            runs_commands=self.runs_commands,
            outputs=self.folder.slot_outputs(slot),
            ring=ring,
        )

    def _mark_of(self, pid: int) -> str:
        """Of this worker alone, not of the slot: what a dead one left behind must not pass for its successor's."""
        return f"{self.mark}:w{pid}:"

    def _be_worker(
        self, slot: int, control: Control, ring: Ring | None, *, down: int, up: int, others: list[int], parent: int
    ) -> int:
        post = self._take_post(slot, control, ring, down=down, up=up, others=others, parent=parent)
        if post is not None:
            try:
                self.duty(post)
            except KeyboardInterrupt:
                # Between two jobs nobody is there to take it: it ends the worker, as any signal does.
                world.signal(signal.SIGINT, signal.SIG_DFL)
                world.kill(world.getpid(), signal.SIGINT)
        return 0

    def _take_post(
        self, slot: int, control: Control, ring: Ring | None, *, down: int, up: int, others: list[int], parent: int
    ) -> WorkerSide | None:
        """Everything before the duty. What the world refuses here is told to the parent: the terminal is not ours."""
        try:
            stand_by(control, runs_commands=self.runs_commands)
            # A session of its own: neither Ctrl-C nor a hang-up of the terminal reaches it, and it can be ended with
            # its group.
            world.setsid()
            # Here and not in the parent: one that stood back as well would leave slots empty while other jobs compute.
            world.nice(self.nice)
            world.die_with_parent(signal.SIGKILL, parent)
            # A fork does not hand this on, so each worker asks for itself. Orphans then come to the worker of the job
            # that they are of; with the parent alone to adopt them, whose each one is would have to be found out.
            world.adopt_orphans()
            self._forget(others)
            # Jobs beside each other at one terminal would take each other's lines.
            nothing = world.open(os.devnull, os.O_RDONLY)
            world.dup2(nothing, 0)
            world.close(nothing)
            outputs = self.folder.slot_outputs(slot)
            open_outputs(outputs)
            if not self.runs_commands:
                # A command has none of ours to close, and for each the kernel would copy a table with room for so many.
                up, down = _high(up), _high(down)
            mark, writer = self._mark_of(world.getpid()), RingWriter(ring, up) if ring else None
            return WorkerSide(slot, control, down, up=up, outputs=outputs, mark=mark, fences=self.fences, ring=writer)
        except OSError as error:
            refuse(partial(send, up), down, f"no worker can be started: {error}", trace_of(error))
            return None

    def _forget(self, others: list[int]) -> None:
        # A reader that has gone is told by an error, as Python does; its death is the crew's to see.
        world.signal(signal.SIGPIPE, signal.SIG_IGN)
        for handle in others:
            try:
                world.close(handle)
            except OSError:
                continue
        # The parent's handlers write to its terminal and into its files.
        if "logging" in sys.modules:
            sys.modules["logging"].root.handlers.clear()


def _high(handle: int) -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    moved = world.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, min(HIGH_HANDLE, max(3, limit - 64)))
    world.close(handle)
    return moved
