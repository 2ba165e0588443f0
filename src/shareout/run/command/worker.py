"""The loop inside a worker process of commands: positions in, one command after the other, journal lines out.

A spawn blocks until the new program is loaded; with a process for each slot no slot waits for another's. This
process adopts what its command leaves behind, and whatever it adopted when the command has ended is the
command's: it is killed before the job counts as ended. Its death is told by the parent, who adopts in turn.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shareout.record.journal import attempt_line, well_ended_line
from shareout.record.outcome import Cause
from shareout.run.command.spawn import Launch
from shareout.run.command.variables import Described
from shareout.run.endings import ended_attempt, told_peak, unspawnable
from shareout.run.hands.messages import not_begun, output_message, send
from shareout.run.hands.shared import Control, Given, held_before, receive
from shareout.run.processes.children import end_children, kill_group
from shareout.world import world

# Told to a worker when its parent has died: a signal that nobody else sends.
ORPHANED = signal.SIGRTMIN + 7


@dataclass(slots=True)
class CommandWorker:
    """What a worker of commands was forked with."""

    launch: Launch
    describe: Described
    share: Callable[[Given], Mapping[bytes, bytes]]
    """What a batch may use → its part of the environment."""
    jobs_between: Callable[[int, int], Iterable[int]]
    environment: Mapping[bytes, bytes]
    control: Control
    leads: Callable[[int], None]
    """Tells the guardian who leads the running command."""
    slot: int
    down: int
    up: int
    output: Path
    leave_background: bool


def serve(bench: CommandWorker) -> None:
    """Until the pipe ends."""
    _outlive_parent(bench)
    while (given := receive(bench.down)) is not None:
        _batch(bench, given)


def _outlive_parent(bench: CommandWorker) -> None:
    """For a moment: what descends from our command is ours to end, wherever it has gone: the guardian may be dead."""
    parent = world.getppid()

    def end(number: int, frame: object) -> None:
        kill_group(bench.control.leader, signal.SIGKILL)
        if not bench.leave_background:
            end_children()
        world.exit(1)

    world.signal(ORPHANED, end)
    world.die_with_parent(ORPHANED, parent)


def _batch(bench: CommandWorker, given: Given) -> None:
    control, serial = bench.control, given.serial
    integers, floats = control.integers, control.floats
    base = {**bench.environment, **bench.share(given)}
    control.serial = serial
    position = given.start
    for job in bench.jobs_between(given.start, given.stop if control.revoked < serial else given.start):
        integers[0] = position
        if integers[1] >= serial:
            integers[0] = held_before(position)
            break
        floats[0] = world.time()
        told = _run(bench, job, position, given.attempt, base)
        floats[0] = 0.0
        send(bench.up, told)
        position += 1
    floats[0] = 0.0
    if position < given.stop:
        send(bench.up, not_begun(serial, position))


def _run(bench: CommandWorker, job: int, position: int, attempt: int, base: Mapping[bytes, bytes]) -> bytes:
    """One command from start to end: its line, after the message that brings its output, if there is any."""
    control, start, clock = bench.control, bench.control.since, world.monotonic()
    try:
        line, own = bench.describe(job, attempt)
        pid = bench.launch.spawn(line, {**base, **own})
    except (OSError, ValueError) as error:
        return b"!" + attempt_line(
            unspawnable(job, position, attempt, slot=bench.slot, start=start, end=world.time(), error=error)
        )
    control.leader = pid
    bench.leads(pid)
    if control.ended_by(position) is not Cause.NONE:
        # We were told before there was anybody to tell.
        kill_group(pid, signal.SIGTERM)
    # Looked at before it is reaped: while it is a zombie its number cannot be another's group.
    world.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if not bench.leave_background:
        kill_group(pid, signal.SIGKILL)
    control.leader = 0
    bench.leads(0)
    _, status, usage = world.wait4(pid, 0)
    _tidy(bench)
    size = world.fstat(1).st_size
    end, told = start + (world.monotonic() - clock), control.ended_by(position)
    brought = output_message(job, attempt, size, bench.output) if size else b""
    if status == 0 and attempt == 1 and told is Cause.NONE:
        return brought + well_ended_line(
            job,
            position,
            start=start,
            end=end,
            slot=bench.slot,
            pid=pid,
            output_bytes=size,
            peak_memory=told_peak(usage),
        )
    how = (status, usage)
    ended = ended_attempt(
        job,
        position,
        attempt=attempt,
        slot=bench.slot,
        start=start,
        end=end,
        pid=pid,
        how=how,
        told=told,
        output_bytes=size,
    )
    return brought + b"!" + attempt_line(ended)


def _tidy(bench: CommandWorker) -> None:
    """What the command left behind goes with it; or is let live, and only waved off when it has ended."""
    try:
        while world.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None and bench.leave_background:
            world.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    if not bench.leave_background:
        end_children()
