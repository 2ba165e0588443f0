"""What a worker of commands does with a batch: one command after the other, each told by a journal line.

A spawn blocks until the new program is loaded; with a process for each slot no slot waits for another's. This
process adopts what its command leaves behind, and whatever it adopted when the command has ended is the
command's: it is killed before the job counts as ended. Its death is told by the parent, who adopts in turn.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from functools import partial

from shareout.fields import dataclass
from shareout.record.journal import attempt_line, imprinted, well_ended_line
from shareout.record.outcome import Cause
from shareout.run.command.ahead import Ahead
from shareout.run.command.spawn import Launch
from shareout.run.endings import ended_attempt, told_peak, unspawnable
from shareout.run.hands import far_side
from shareout.run.hands.far_side import Turns, WorkerSide
from shareout.run.hands.messages import send
from shareout.run.hands.printed import NOTHING, take_printed
from shareout.run.hands.shared import Given
from shareout.run.processes.children import end_children, kill_group
from shareout.world import world

# Told to a worker when its parent has died: a signal that nobody else sends.
ORPHANED = signal.SIGRTMIN + 7


@dataclass(slots=True)
class CommandWorker:
    """What a worker of commands was forked with."""

    post: WorkerSide
    launch: Launch
    ahead: Ahead
    share: Callable[[Given], Mapping[bytes, bytes]]
    """What a batch may use → its part of the environment."""
    environment: Mapping[bytes, bytes]
    leads: Callable[[int], None]
    """Tells the guardian who leads the running command."""
    leave_background: bool


def serve(bench: CommandWorker) -> None:
    """Until the pipe ends."""
    _outlive_parent(bench)
    far_side.serve(bench.post, bench.ahead.jobs_between, partial(_run_batch, bench))


def _outlive_parent(bench: CommandWorker) -> None:
    """For a moment: what descends from our command is ours to end, wherever it has gone: the guardian may be dead."""
    parent = world.getppid()

    def end(number: int, frame: object) -> None:
        kill_group(bench.post.control.leader, signal.SIGKILL)
        if not bench.leave_background:
            end_children()
        world.exit(1)

    world.signal(ORPHANED, end)
    # In place of the KILL that every worker is forked with: to end what descends from the command takes code that runs.
    world.die_with_parent(ORPHANED, parent)


def _run_batch(bench: CommandWorker, given: Given, turns: Turns) -> None:
    up, floats = bench.post.up, bench.post.control.floats
    bench.ahead.begin(given.attempt, {**bench.environment, **bench.share(given)})
    for job, position in turns:
        floats[0] = world.time()
        told = _run(bench, job, position, given.attempt)
        # Before its line is up: a parent that has it must not find the job running.
        floats[0] = 0.0
        send(up, told)


def _run(bench: CommandWorker, job: int, position: int, attempt: int) -> bytes:
    """One command from start to end: its line, after the message that brings its output, if there is any."""
    # The start is the wall's, for people; how long it took is the steady clock's: where the wall's is set meanwhile, no
    # job ends before it began.
    control, start, clock = bench.post.control, bench.post.control.since, world.monotonic()
    try:
        pid = bench.launch.start(bench.ahead.take())
    except (OSError, ValueError) as error:
        return b"!" + attempt_line(
            unspawnable(job, position, attempt, slot=bench.post.slot, start=start, end=world.time(), error=error)
        )
    control.leader = pid
    bench.leads(pid)
    if control.ended_by(position) is not Cause.NONE:
        # We were told before there was anybody to tell.
        kill_group(pid, signal.SIGTERM)
    # Looked at before it is reaped: while it is a zombie its number cannot be another's group.
    world.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    # Nor may the parent and the guardian know its number any more when it is waited for: they signal by it.
    if not bench.leave_background:
        kill_group(pid, signal.SIGKILL)
    control.leader = 0
    bench.leads(0)
    _, status, usage = world.wait4(pid, 0)
    _tidy(bench)
    end, told = start + (world.monotonic() - clock), control.ended_by(position)
    # Not before nobody is left who could print: the record has a hash of it.
    printed = take_printed(job, attempt, bench.post.outputs) if _has_printed() else NOTHING
    if status == 0 and attempt == 1 and told is Cause.NONE:
        return printed.brought + well_ended_line(
            job,
            position,
            start=start,
            end=end,
            slot=bench.post.slot,
            pid=pid,
            printed=imprinted(printed.out, printed.err),
            peak_memory=told_peak(usage),
        )
    how = (status, usage)
    ended = ended_attempt(
        job,
        position,
        attempt=attempt,
        slot=bench.post.slot,
        start=start,
        end=end,
        pid=pid,
        how=how,
        told=told,
        printed=printed,
    )
    return printed.brought + b"!" + attempt_line(ended)


def _has_printed() -> bool:
    """Whether anything stands in the slot's files."""
    # By where they end, which is told in less time than all that a file's status has. That this moves the offset, which
    # the next command shares, harms nobody: what is written there is appended.
    return bool(world.lseek(1, 0, os.SEEK_END) or world.lseek(2, 0, os.SEEK_END))


def _tidy(bench: CommandWorker) -> None:
    """What the command left behind goes with it; or is let live, and only waved off when it has ended."""
    try:
        while world.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None and bench.leave_background:
            world.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    if not bench.leave_background:
        end_children()
