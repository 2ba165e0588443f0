"""A worker that a signal reaches which is to stop the run: a time limit, `scancel` and `systemctl stop` signal all
processes of a run, in any order. It is the parent that stops it; a worker notes that it was hit, and stays.

A worker of commands does no more. In a worker of Python jobs the signal may be meant for the job, as `kill PID` in a
run that goes on, or what a job sends itself: it holds still until the parent says that the run is being stopped, and
then the job goes on; if nothing is said the signal does what it does to any program. A handler and never SIG_IGN: what
is ignored is so in every program that a job starts, and disarms the TERM that ends it.
"""

from __future__ import annotations

import signal

from shareout.record.outcome import Cause
from shareout.run.hands.shared import Control
from shareout.run.stops import ATTENDED, STOPPING
from shareout.world import world

VERDICT_S = 1.5
"""So long after a job was hit it may become known that the run is being stopped."""
LOOK_S = 0.01


def stand_by(control: Control, *, runs_commands: bool) -> None:
    """Called right after a worker was forked."""
    bystander = _Bystander(control)
    # It came along with the fork: a signal to this worker would wake the selector of its parent.
    world.set_wakeup_fd(-1)
    for number in STOPPING:
        _handle(number, bystander.note if runs_commands else bystander.wait)
    for number in ATTENDED:
        _handle(number, signal.SIG_DFL)


class _Bystander:
    def __init__(self, control: Control) -> None:
        self._control = control
        self._pid = world.getpid()

    def note(self, number: int, frame: object) -> None:
        """A worker of commands has nothing to do but to tell its parent."""
        self._control.hit = world.time()

    def wait(self, number: int, frame: object) -> None:
        """Hold still for the parent's word, and without one do as the signal says."""
        # Not in a process that a job has forked: it is none of ours.
        if world.getpid() == self._pid:
            self.note(number, frame)
            end = world.monotonic() + VERDICT_S
            while not self._is_told_to_end() and world.monotonic() < end:
                if self._control.is_stopping:
                    return
                # Asked again and again: nothing wakes a process by a number in shared memory, and a pipe for it the job
                # could close.
                world.sleep(LOOK_S)
        _obey(number)

    def _is_told_to_end(self) -> bool:
        return self._control.ended_by(self._control.started) is not Cause.NONE


def _handle(number: int, handler: object) -> None:
    if world.getsignal(number) != signal.SIG_IGN:
        world.signal(number, handler)


def _obey(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    # By the signal itself and not by an exit, so that whoever waits for us sees what any program would show.
    world.signal(number, signal.SIG_DFL)
    world.kill(world.getpid(), number)
