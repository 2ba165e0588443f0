"""What runs in the simulated world besides the program itself: commands that are jobs, and bystanders."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shareout.record.outcome import Stream
from simulated.system.kernel import Kernel, Process

KEEPS_OUT = "escaped"


@dataclass(frozen=True, slots=True)
class Script:
    """What a job does, whenever it is run: the verdict on it must be this and nothing else."""

    seconds: float
    fails: int = 0
    """How many of its first tries do not end well."""
    how: int = 1
    """With which status then; negative: by that signal."""
    prints: int = 0
    child: str = ""
    """`plain`: a process in its group; `session`: one that has left it; `orphan`: the same, its parent dead."""
    child_s: float = 0.0
    term: str = "dies"
    """At TERM it `dies`, `ignores` it, or `exits` with 0 after a while."""


class Command:
    """A passive process: its life is a timer."""

    def __init__(
        self, kernel: Kernel, process: Process, script: Script, attempt: int, bore: Callable[[Process, Process], None]
    ) -> None:
        self.kernel = kernel
        self.process = process
        self.script = script
        self.attempt = attempt
        self.bore = bore
        self.natural = self._natural()
        self.held: list[tuple[Any, ...]] = []
        if script.term == "ignores":
            process.handlers[signal.SIGTERM] = signal.SIG_IGN
        elif script.term == "exits":
            process.handlers[signal.SIGTERM] = self._asked
        kernel.at(kernel.now + script.seconds, self._ended, self.natural)
        if script.child:
            kernel.at(kernel.now + script.seconds * 0.3, self._bear)

    def _natural(self) -> int:
        """The status that wait4 tells when nobody interferes."""
        if self.attempt > self.script.fails:
            return 0
        return -self.script.how if self.script.how < 0 else self.script.how << 8

    def went_on(self, kernel: Kernel, process: Process) -> None:
        held, self.held = self.held, []
        for action, *arguments in held:
            action(*arguments)

    def _ended(self, status: int) -> None:
        if self.process.is_dead:
            return
        if self.process.is_stopped:
            self.held.append((self._ended, status))
            return
        self.kernel.die(self.process, status)

    def _asked(self, process: Process, number: int) -> None:
        self.kernel.at(self.kernel.now + 0.05, self._ended, 0)

    def _bear(self) -> None:
        if self.process.is_dead:
            return
        if self.process.is_stopped:
            self.held.append((self._bear,))
            return
        kernel, script = self.kernel, self.script
        parent = self.process
        if script.child == "orphan":
            parent = kernel.new(parent, KEEPS_OUT)
        child = kernel.new(parent, KEEPS_OUT)
        child.handlers[signal.SIGTERM] = signal.SIG_IGN
        self.bore(self.process, child)
        if script.child != "plain":
            child.session = child.group = child.pid
        kernel.at(kernel.now + script.child_s, kernel.die, child, 0)
        if parent is not self.process:
            kernel.die(parent, 0)


class Refused:
    """What no journal can hold."""


def prints_on(job: int) -> Stream:
    """One half of the jobs here, one there."""
    return Stream.ERR if job % 2 else Stream.OUT


def printed(script: Script, job: int) -> bytes:
    """What a job prints, by which it is known."""
    return b"%d " % job * (script.prints // 4)


def call(calls: Any, script: Script, attempt: int, job: int) -> object:
    """The same job as a Python function: it works, prints, and ends as its script has it."""
    if script.prints:
        text = printed(script, job)
        while text:
            text = text[calls.write(prints_on(job).number, text) :]
    if script.child:
        calls.posix_spawn("/child", [str(script.child_s)], {})
    calls.sleep(script.seconds)
    if attempt > script.fails:
        return job
    if script.how < 0:
        calls.kill(calls.getpid(), -script.how)
    if script.how == 2:
        calls.exit(2)
    if script.how == 127:
        return Refused()
    raise ValueError(f"job {job} is not to be done")


def bystander(kernel: Kernel, seconds: float) -> Process:
    """Somebody else's process: nobody of ours has any business with it."""
    process = kernel.new(kernel.init, "bystander")
    process.tree = ""
    process.environ = {}
    process.limit = -1
    process.handlers = {}
    process.session = process.group = process.pid
    kernel.at(kernel.now + seconds, kernel.die, process, 0)
    return process
