"""One job again, by itself, as it ran: the same arguments, seed, variables and attempt. Nothing is recorded.

The job runs in a process of its own, so that whatever it does to its process is told and not suffered; what it
leaves behind ends with it. Its output goes where ours goes. No limit holds: who replays a job wants to see it.
"""

from __future__ import annotations

import logging
import os
import select
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from blake3 import blake3

from shareout.config import Settings
from shareout.entry import Entry
from shareout.environment import encoded, user_environment
from shareout.fields import dataclass
from shareout.linux import adopt_orphans, die_with_parent
from shareout.numerics.pins import job_environment
from shareout.numerics.threads import LoadedThreads
from shareout.plan.fitting import demand_of
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, attempt_line, parse
from shareout.record.outcome import Attempt, Cause, Imprint, State, Stream, imprint_on
from shareout.record.values import NotJson, encode
from shareout.replay.trace import traced
from shareout.run.command.shell import Shells
from shareout.run.command.spawn import Launch
from shareout.run.command.variables import describer, variables_of_all
from shareout.run.endings import LONGEST_ERROR, ended_attempt, lost_words, one_line, trace_of, unspawnable
from shareout.run.hands.printed import NOTHING, kept_hash
from shareout.run.processes.children import end_children
from shareout.run.python.binding import Binding, CannotConvert
from shareout.run.python.context import Givers

LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Replay:
    """Which job, and who it was when it ran. `trace`: show its steps."""

    job: int
    position: int
    machine: str
    slot: int
    attempt: int
    trace: bool = False


class Sink:
    """Where a job's output goes while it runs: on to our own descriptors. What it was is known by its hashes."""

    def __init__(self, out: int, *, watches: bool) -> None:
        """`out` is where standard output goes. `watches`: it goes through our hands. What a Python job logs went into
        the log, and is printed here, and steps that are shown are printed too: that is like nothing that is recorded.
        """
        self.to = {Stream.OUT: out, Stream.ERR: 2}
        self.watches = watches
        self._hashes = {stream: blake3() for stream in Stream}
        self._sizes = dict.fromkeys(Stream, 0)

    def take(self, stream: Stream, data: bytes) -> None:
        """Waits for a slow reader, as the job itself would."""
        self._hashes[stream].update(data)
        self._sizes[stream] += len(data)
        while data:
            data = data[os.write(self.to[stream], data) :]

    def is_like(self, recorded: Attempt) -> bool | None:
        """Whether the same was printed; None where that is not known."""
        told = {stream: imprint_on(recorded, stream) for stream in Stream}
        if (
            not self.watches
            or recorded.cause is Cause.LOST_WORKER
            or any(one and not one.hash for one in told.values())
        ):
            return None
        return all(self._imprint(stream) == one for stream, one in told.items())

    def _imprint(self, stream: Stream) -> Imprint | None:
        size = self._sizes[stream]
        return Imprint(size, kept_hash(self._hashes[stream])) if size else None


def replay_command(plan: Plan, settings: Settings, asked: Replay, sink: Sink) -> Attempt:
    """A command line; with `trace` by a shell that shows what it does (`sh -x`)."""
    users = user_environment()
    cores = int(demand_of(settings.run, plan.pool.need(asked.job, settings.run.needs)).cores)
    line, own = describer(plan, settings, asked.slot)(asked.job, asked.attempt)
    environment = {
        **encoded(job_environment(users, cores, is_portable=settings.run.is_portable)),
        **variables_of_all(plan, settings, asked.machine, asked.slot),
        **own,
    }
    shells = Shells(settings.commands.shell, users, for_bash=plan.pool.for_bash)
    launch = Launch(shells, users.get("PATH", os.defpath))

    def work() -> Attempt:
        start = time.time()
        facts = asked.job, asked.position, asked.attempt, asked.slot, start
        try:
            shown = shlex.join([shells.of(line), "-x", "-c", line]) if asked.trace else line
            pid = launch.start(launch.call(shown, environment))
        except (OSError, ValueError) as error:
            return unspawnable(*facts, time.time(), error)
        _, status, usage = os.wait4(pid, 0)
        return ended_attempt(*facts, time.time(), pid, (status, usage), Cause.NONE, NOTHING)

    return _apart(work, asked, sink)


def replay_python(plan: Plan, settings: Settings, asked: Replay, entry: Entry, scratch: Path, sink: Sink) -> Attempt:
    """A Python job, after the entry's `setup` and `init_worker`. `scratch` takes the place of the run directory."""
    job = entry.job
    assert job is not None
    binding = Binding(job, plan.pool)
    binding.check()
    cores = int(demand_of(settings.run, plan.pool.need(asked.job, settings.run.needs)).cores)
    users = user_environment()
    environment = job_environment(users, cores, is_portable=settings.run.is_portable)
    givers = Givers(
        binding.given,
        RunFolder(scratch),
        asked.machine,
        slot=asked.slot,
        pool_digest=plan.pool_digest,
        config=settings.parser,
        show=lambda part: None,
    )

    def call() -> Attempt:
        start = time.time()
        try:
            args, named = binding.arguments(asked.job)
            if binding.given:
                named = {**named, **givers.given(asked.job, asked.position, asked.attempt)}
            result = traced(job, args, named) if asked.trace else job(*args, **named)
            # Only to be refused here as in a run.
            encode(result)
        except BaseException as error:  # noqa: BLE001
            return _failed(asked, start, error)
        return Attempt(
            asked.job,
            asked.position,
            asked.attempt,
            state=State.DONE,
            start=start,
            end=time.time(),
            slot=asked.slot,
            result=result,
        )

    def work() -> Attempt:
        os.environ.clear()
        os.environ.update(environment)
        LoadedThreads(users).keep_to(cores)
        logging.basicConfig(level=settings.logging.level, format="%(levelname)s %(message)s", force=True)
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        for begin in (entry.setup, entry.init_worker):
            if begin is not None:
                begin(settings.parser)
        outcome = call()
        if entry.teardown is not None:
            entry.teardown(settings.parser)
        return outcome

    return _apart(work, asked, sink)


def _failed(asked: Replay, start: float, error: BaseException) -> Attempt:
    """The failure as a run records it; the traceback is shown."""
    is_ours = isinstance(error, NotJson | CannotConvert)
    said = str(error) if is_ours else one_line(error)
    print(said if is_ours else trace_of(error), file=sys.stderr)
    cause = Cause.BAD_RESULT if isinstance(error, NotJson) else Cause.EXCEPTION
    return Attempt(
        asked.job,
        asked.position,
        asked.attempt,
        state=State.FAILED,
        start=start,
        end=time.time(),
        slot=asked.slot,
        cause=cause,
        error=said[:LONGEST_ERROR],
    )


def _apart(work: Callable[[], Attempt], asked: Replay, sink: Sink) -> Attempt:
    """Do it in a process of its own; what became of it, also when it took that process with it."""
    # What the job leaves behind when its process has ended becomes ours, and not init's: so it can be ended.
    adopt_orphans()
    told, tell = os.pipe()
    pipes = {stream: os.pipe() for stream in Stream}
    start, parent = time.time(), os.getpid()
    # Else both would print what these hold.
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be_apart(
            work, parent, tell, {stream: pipes[stream][1] if sink.watches else sink.to[stream] for stream in Stream}
        )
    os.close(tell)
    for _, writer in pipes.values():
        os.close(writer)
    outputs = {reader: stream for stream, (reader, _) in pipes.items()}
    try:
        said = _heard(pid, told, outputs, sink)
        _, status = os.waitpid(pid, 0)
    finally:
        end_children()
        for reader in (told, *outputs):
            os.close(reader)
    try:
        found = parse(said.removesuffix(b"\n"))
    except BadLine:
        found = None
    return found if isinstance(found, Attempt) else _lost(asked, start, os.waitstatus_to_exitcode(status))


def _be_apart(work: Callable[[], Attempt], parent: int, tell: int, outputs: Mapping[Stream, int]) -> None:
    """Never returns. The job finds what it finds in a run: no input, a session of its own."""
    code = 1
    try:
        os.setsid()
        # Who ends a replay by `kill -9` wants no job that goes on without it, and there is no guardian here.
        die_with_parent(signal.SIGKILL, parent)
        adopt_orphans()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(outputs[Stream.ERR], 2)
        os.dup2(outputs[Stream.OUT], 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        line = attempt_line(work())
        sys.stdout.flush()
        sys.stderr.flush()
        while line:
            line = line[os.write(tell, line) :]
        code = 0
    except BaseException as error:  # noqa: BLE001
        # From setup, init_worker or teardown: theirs, and shown as such.
        print(trace_of(error), file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _heard(pid: int, told: int, outputs: Mapping[int, Stream], sink: Sink) -> bytes:
    """Pass on what the job prints until its process has said what became of it, or is gone. Who else still holds
    the pipes, as a background process does, is not waited for."""
    said = b""
    open_ends = [told, *outputs]
    while not said.endswith(b"\n"):
        ready = select.select(open_ends, [], [], LOOK_S)[0]
        for handle in ready:
            data = os.read(handle, 1 << 16)
            # Not taken for the end of the job: it may close its output and go on.
            if not data:
                open_ends.remove(handle)
            elif handle == told:
                said += data
            else:
                sink.take(outputs[handle], data)
        # WNOWAIT: it stays a zombie, so that its number is nobody else's until all was heard.
        if not ready and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
    for output, stream in outputs.items():
        while output in open_ends and select.select([output], [], [], 0)[0] and (data := os.read(output, 1 << 16)):
            sink.take(stream, data)
    return said


def _lost(asked: Replay, start: float, code: int) -> Attempt:
    name, error = lost_words(code)
    return Attempt(
        asked.job,
        asked.position,
        attempt=asked.attempt,
        state=State.FAILED,
        start=start,
        end=time.time(),
        slot=asked.slot,
        exit=128 - code if code < 0 else code,
        signal=name,
        cause=Cause.SIGNAL if name else Cause.LOST_WORKER,
        error=error,
    )


def is_same(recorded: Attempt, here: Attempt) -> bool:
    """Whether the recorded outcome has come out again: the result, or the same failure."""
    if recorded.state is not here.state:
        return False
    if recorded.state is State.DONE:
        # As they are written and not by `==`: NaN is the same result as NaN, and 1, 1.0 and true are three.
        return recorded.exit == here.exit and encode(recorded.result) == encode(here.result)
    return (recorded.cause, recorded.exit, recorded.signal, recorded.error) == (
        here.cause, here.exit, here.signal, here.error,
    )  # fmt: skip
