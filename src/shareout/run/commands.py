"""Command lines as jobs: spawned straight from the parent, each in a session of its own, output to its slot's file.

`posix_spawn` shares the parent's memory until the new program starts, so a parent of any size spawns fast.
A line without shell syntax is spawned without a shell; when that fails (unknown program, a script without a
`#!`), the shell gets it after all, so that message and exit code are the shell's own.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shareout.config import Settings
from shareout.environment import encoded
from shareout.events import Running
from shareout.record.outcome import Attempt, Cause, State
from shareout.run import Ended, Finished, Order
from shareout.run.orphans import MARK, Children, kill_group
from shareout.run.output import SlotOutputs
from shareout.run.words import words_of
from shareout.supply import Work

# Signals that this process handles or ignores must not stay so in a command.
RESET = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGPIPE, signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH, signal.SIGXFSZ,
)  # fmt: skip

# The kernel's peak of a spawned command includes the moment before its program was loaded, in our own memory:
# what is not above this says nothing about the command.
OWN_PEAK = 64 << 20

Described = Callable[[int, int, Order], tuple[int, str, Mapping[bytes, bytes]]]
"""position, slot, order → the job's id, its command line, and its own part of the environment."""


@dataclass(slots=True)
class _Job:
    job: int
    position: int
    attempt: int
    pid: int
    text: str
    start: float
    clock: float
    mark: str
    cause: Cause = Cause.NONE
    ending_since: float | None = None


class Commands:
    """Hands that run one command a slot."""

    def __init__(
        self,
        slots: int,
        settings: Settings,
        environment: Mapping[str, str],
        describe: Described,
        outputs: SlotOutputs,
        children: Children,
        runs: Callable[[int, int], None],
        mark: str,
    ) -> None:
        self._shell = settings.commands.shell
        self._nice = settings.run.nice
        self._grace = settings.limits.grace
        self._environment = encoded(environment)
        self._search_path = environment.get("PATH", os.defpath)
        self._programs: dict[str, str | None] = {}
        self._describe = describe
        self._outputs = outputs
        self._children = children
        self._runs = runs
        self._mark = mark
        self._serial = 0
        self._slots: list[_Job | None] = [None] * slots
        self._by_pid: dict[int, int] = {}
        self._unspawned: list[Finished] = []
        self._nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def appetite(self, slot: int) -> int:
        return 1 if self._slots[slot] is None else 0

    def start(self, slot: int, order: Order) -> None:
        position = order.work.start
        job, line, own = self._describe(position, slot, order)
        self._serial += 1
        mark = f"{self._mark}:{self._serial}:"
        environment = {**self._environment, **own, MARK.encode(): mark.encode()}
        start, clock = time.time(), time.monotonic()
        try:
            pid = self._spawn(line, environment, self._outputs.handle(slot))
        except (OSError, ValueError) as error:
            self._unspawned.append(_unspawnable(job, position, slot, order, start, error))
            return
        self._children.add(pid)
        self._runs(slot, pid)
        if self._nice:
            # Only the jobs stand back: a parent that did would leave slots empty while other jobs compute.
            stand_back(pid, self._nice)
        self._slots[slot] = _Job(job, position, order.attempt, pid, line, start, clock, mark)
        self._by_pid[pid] = slot

    def collect(self, ended: Mapping[int, Ended]) -> Sequence[Finished]:
        finished, self._unspawned = self._unspawned, []
        for pid, how in ended.items():
            slot = self._by_pid.pop(pid, None)
            if slot is None:
                continue
            job = self._slots[slot]
            assert job is not None
            self._slots[slot] = None
            self._runs(slot, 0)
            size = self._outputs.collect(slot, job.job, job.attempt)
            attempt = _attempt(job, slot, how, size)
            finished.append(Finished(slot, b"", 0, [attempt], [Work(job.position, job.position + 1)]))
        self._press()
        return finished

    def running(self) -> Sequence[Running]:
        return [
            Running(job.job, slot, job.attempt, job.start, None, job.text)
            for slot, job in enumerate(self._slots)
            if job is not None
        ]

    def count_running(self) -> int:
        return len(self._by_pid)

    def marks(self) -> Mapping[int, str]:
        """leader → mark, of what runs now."""
        return {job.pid: job.mark for job in self._slots if job is not None}

    def pids(self) -> Mapping[int, int]:
        return {slot: job.pid for slot, job in enumerate(self._slots) if job is not None}

    def take_back(self, behind_s: float = 0.0) -> Sequence[Work]:
        return ()

    def end(self, slot: int, cause: Cause) -> None:
        job = self._slots[slot]
        if job is None or job.ending_since is not None:
            return
        job.cause = cause
        job.ending_since = time.monotonic()
        kill_group(job.pid, signal.SIGTERM)
        kill_group(job.pid, signal.SIGCONT)

    def is_idle(self) -> bool:
        return not self._by_pid and not self._unspawned

    def next_press(self) -> float | None:
        """When a job that was asked to end must be looked at again (monotonic)."""
        waits = [job.ending_since + self._grace for job in self._slots if job and job.ending_since is not None]
        return min(waits, default=None)

    def close(self) -> None:
        for job in self._slots:
            if job is not None:
                kill_group(job.pid, signal.SIGKILL)
        os.close(self._nothing)

    def _press(self) -> None:
        """Kill what was asked to end and has had its grace."""
        now = time.monotonic()
        for job in self._slots:
            if job is not None and job.ending_since is not None and now - job.ending_since >= self._grace:
                kill_group(job.pid, signal.SIGKILL)

    def _spawn(self, line: str, environment: dict[bytes, bytes], output: int) -> int:
        actions = [
            (os.POSIX_SPAWN_DUP2, self._nothing, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ]
        words = words_of(line)
        program = self._program(words[0]) if words else None
        if words and program:
            try:
                return os.posix_spawn(
                    program, words, environment, file_actions=actions, setsid=True, setsigdef=RESET, setsigmask=()
                )
            except OSError:
                self._programs.pop(words[0], None)
        # A blank first: a line that begins with `-` is a command, not an option of the shell's.
        script = os.fsencode(f" {line}" if line.startswith("-") else line)
        return os.posix_spawn(
            self._shell, [os.fsencode(self._shell), b"-c", script], environment,
            file_actions=actions, setsid=True, setsigdef=RESET, setsigmask=(),
        )  # fmt: skip

    def _program(self, word: str) -> str | None:
        if "/" in word:
            return word
        if word not in self._programs:
            self._programs[word] = shutil.which(word, path=self._search_path)
        return self._programs[word]


def _attempt(job: _Job, slot: int, how: Ended, size: int) -> Attempt:
    end = job.start + (time.monotonic() - job.clock)
    code = os.waitstatus_to_exitcode(how.status)
    number = -code if code < 0 else code - 128 if 128 < code <= 128 + signal.NSIG else 0
    name = _signal_name(number)
    exit_code = 128 + number if code < 0 else code
    cause, error = job.cause, None
    if cause is Cause.TIMEOUT:
        error = f"ended after {end - job.start:.1f} s: its time was up"
    elif cause is Cause.MEMORY:
        error = "ended: it took more memory than it may"
    elif cause is Cause.STOPPED:
        error = "ended with the run"
    elif name:
        cause = Cause.SIGNAL
        error = f"killed by {name}" + (" (out of memory, perhaps)" if name == "SIGKILL" else "")
    elif exit_code:
        cause = Cause.EXIT
        error = {126: "cannot be executed", 127: "command not found"}.get(exit_code, f"exit status {exit_code}")
    state = State.DONE if cause is Cause.NONE else State.FAILED
    return Attempt(
        job.job, job.position, job.attempt, state, job.start, end, slot,
        exit_code, name, cause, error, None, job.pid, size, how.peak_memory if how.peak_memory > OWN_PEAK else None,
    )  # fmt: skip


def stand_back(pid: int, by: int) -> None:
    """Lower a process's priority, from where this one is."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + by))
    except (ProcessLookupError, PermissionError):
        return


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name if number else None
    except ValueError:
        return None


def _unspawnable(job: int, position: int, slot: int, order: Order, start: float, error: Exception) -> Finished:
    reason = getattr(error, "strerror", None) or str(error)
    attempt = Attempt(
        job, position, order.attempt, State.FAILED, start, time.time(), slot,
        126, None, Cause.UNSPAWNABLE, f"could not be started: {reason}",
    )  # fmt: skip
    return Finished(slot, b"", 0, [attempt], [Work(position, position + 1)])
