"""A kernel for a handful of processes, deterministic from a seed: who runs next, signals, children, the clock.

A process of ours is a greenlet: it may be taken off the processor at each of its calls, and dies there as `kill -9`
has it (no `finally` of a dead process has an effect: all its calls raise `Killed`). What runs as a command is passive:
a program is a few timers. Time goes on by a few microseconds a call, and jumps to the next timer where nobody can run.
What is promised about signals, groups, zombies and orphans is Linux's; `test_kernel` holds some of it against Linux.
"""

from __future__ import annotations

import heapq
import signal
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from greenlet import greenlet

Handler = Any
IGNORED_BY_DEFAULT = frozenset((signal.SIGCHLD, signal.SIGWINCH, signal.SIGCONT, signal.SIGURG))
STOPPING_BY_DEFAULT = frozenset((signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))
CALL_S = 2e-6
REUSE_S = 0.01
"""Numbers come round again no sooner than that: thousands of processes begin between."""


PLAIN = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)


def _unseen(number: int, frame: object) -> None:
    return


class Killed(BaseException):
    """Raised in all calls of a process that is dead."""


class Stuck(Exception):
    """The world goes on and on, or stands still, where it should have come to an end."""


class Process:
    """One of them. `role` says in words what it is, for faults and for people."""

    __slots__ = (
        "blocked", "children", "death_signal", "environ", "greenlet", "group", "handlers", "handles", "is_dead",
        "is_stopped", "is_woken", "killers", "limit", "parent", "peak", "pending", "pid", "program", "role", "session",
        "started", "status", "subreaper", "token", "tree", "umask", "waits", "wakeup",
    )  # fmt: skip

    def __init__(self, pid: int, parent: Process | None, role: str) -> None:
        self.pid = pid
        self.parent = parent
        self.role = role
        self.tree = ""
        """Which start of the program it descends from; bystanders have none."""
        self.group = parent.group if parent else pid
        self.session = parent.session if parent else pid
        self.environ: dict[bytes, bytes] = {}
        self.handles: dict[int, Any] = {}
        self.handlers: dict[int, Handler] = {}
        self.pending: list[int] = []
        self.children: dict[int, Process] = {}
        self.wakeup = -1
        self.death_signal = 0
        self.limit = -1
        self.subreaper = False
        self.is_dead = self.is_stopped = self.is_woken = False
        self.status: int | None = None
        self.greenlet: greenlet | None = None
        self.program: Any = None
        self.token = 0
        self.killers: list[tuple[int, Process | None]] = []
        self.peak = 5 << 10
        self.started = 0.0

    def __repr__(self) -> str:
        return f"{self.role}({self.pid})"


class Kernel:
    """One boot of one host."""

    def __init__(self, random: Random, *, start: float = 100.0, wall: float = 1.8e9, turn: int = 8) -> None:
        self.random = random
        self.now = start
        self.wall = wall - start
        """What is added to `now` to have the time of day."""
        self.steps = 0
        self.is_over = False
        self.turn = turn
        self.turn_at = 0
        self.due = float("inf")
        self.stop_at = 1 << 60
        """The step at which the next fault is due."""
        self.faults: list[tuple[int, int, Callable[[], None]]] = []
        self.timers: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.serial = count(1)
        self.reuse = 0.0
        self.next_pid = 100
        self.freed: list[tuple[int, float]] = []
        self.hub = greenlet.getcurrent()  # type: ignore[attr-defined]
        self.init = Process(1, None, "init")
        self.processes: dict[int, Process] = {1: self.init}
        self.ready: list[Process] = []
        self.dying: list[Process] = []
        self.current: Process = self.init
        self.on_death: Callable[[Process], None] = lambda process: None
        self.on_reap: Callable[[Process], None] = lambda process: None
        self.on_signal: Callable[[Process, int, Process | None], None] = lambda process, number, sender: None

    # -- who runs

    def step(self) -> Process:
        """Every call of a process begins with this: it may lose the processor, or its life, here."""
        process = self.current
        if process.is_dead:
            raise Killed
        self.now += CALL_S
        self.steps += 1
        if self.steps >= self.turn_at or self.now >= self.due:
            if not self.ready and not self.dying and self.now < self.due and self.steps < self.stop_at:
                # Nobody else wants to run.
                self.turn_at = min(self.steps + self.turn, self.stop_at)
                return process
            self.ready.append(process)
            self.hub.switch()
            if process.is_dead:
                raise Killed
            if process.pending:
                self.handle(process)
        return process

    def block(self, process: Process, until: float | None = None) -> None:
        """Off the processor until somebody wakes it, or a time. It looks again then: it may have been for nothing."""
        process.token = token = next(self.serial)
        if until is not None:
            self.at(until, self._wake_if, process, token)
        self.hub.switch()
        if process.is_dead:
            raise Killed
        if process.pending:
            self.handle(process)

    def wake(self, process: Process) -> None:
        if process.token:
            process.token = 0
            self.ready.append(process)

    def _wake_if(self, process: Process, token: int) -> None:
        if process.token == token:
            self.wake(process)

    def at(self, when: float, action: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self.timers, (when, next(self.serial), action, arguments))
        self.due = self.timers[0][0]

    def fault_at(self, step: int, action: Callable[[], None]) -> None:
        heapq.heappush(self.faults, (step, next(self.serial), action))
        self.stop_at = self.faults[0][0]

    def end(self) -> None:
        self.is_over = True

    def run(self, *, latest: float, most_steps: int) -> None:
        """Until somebody says that it is over. `Stuck` where that is not before that time or so many steps."""
        most_steps += self.steps
        self.is_over = False
        random, ready = self.random.random, self.ready
        while True:
            while self.dying:
                self._unwind(self.dying.pop())
            if self.is_over:
                return
            if self.steps >= self.stop_at:
                _, _, fault = heapq.heappop(self.faults)
                self.stop_at = self.faults[0][0] if self.faults else 1 << 60
                fault()
                continue
            if self.now >= self.due:
                _, _, action, arguments = heapq.heappop(self.timers)
                self.due = self.timers[0][0] if self.timers else float("inf")
                action(*arguments)
                continue
            if self.steps > most_steps or self.now > latest:
                raise Stuck(f"not over after {self.steps} steps, at {self.now:.3f} s: {self.living()}")
            if ready:
                process = ready.pop(int(random() * len(ready)))
                if process.is_dead:
                    continue
                if process.is_stopped:
                    process.is_woken = True
                    continue
                self.turn_at = self.steps + 1 + int(random() * self.turn)
                if self.turn_at > self.stop_at:
                    self.turn_at = self.stop_at
                self.current = process
                process.greenlet.switch()  # type: ignore[union-attr]
                self.current = self.init
            elif self.timers:
                self.now = max(self.now, self.due)
            else:
                raise Stuck(f"all wait for ever, at {self.now:.3f} s: {self.living()}")

    def living(self) -> list[Process]:
        return [one for one in self.processes.values() if not one.is_dead and one is not self.init]

    def _unwind(self, process: Process) -> None:
        """A dead one's stack: what it still does has no effect."""
        if process.greenlet:
            self.current = process
            process.greenlet.throw(Killed)
            self.current = self.init

    # -- processes

    def new(self, parent: Process, role: str) -> Process:
        """A child of it, as a fork leaves it, but without anything to run."""
        pid = self._free_pid()
        child = self.processes[pid] = parent.children[pid] = Process(pid, parent, role)
        child.environ = parent.environ
        child.tree = parent.tree
        child.limit = parent.limit
        # A handler of the parent's acts on the child's copy of the parent's memory: nobody sees it.
        child.handlers = {
            number: handler if handler in PLAIN else _unseen for number, handler in parent.handlers.items()
        }
        child.wakeup = parent.wakeup
        child.started = self.now
        for handle, opened in parent.handles.items():
            child.handles[handle] = opened
            opened.refs += 1
        return child

    def begin(self, process: Process, body: Callable[[], int]) -> None:
        """Let it run; it ends with what `body` gives back."""

        def life() -> None:
            try:
                code = body()
            except Killed:
                return
            self.die(process, code << 8)

        process.greenlet = greenlet(life, self.hub)
        self.ready.append(process)

    def _free_pid(self) -> int:
        if self.freed and self.random.random() < self.reuse:
            for at in range(len(self.freed) - 1, -1, -1):
                pid, since = self.freed[at]
                if self.now - since > REUSE_S and all(
                    pid not in (one.pid, one.group, one.session) for one in self.processes.values()
                ):
                    del self.freed[at]
                    return pid
        self.next_pid += 1
        return self.next_pid

    def die(self, process: Process, status: int) -> None:
        """Its handles are closed, its children are somebody else's, its parent is told."""
        if process.is_dead:
            return
        process.is_dead, process.status, process.token = True, status, 0
        handles, process.handles = process.handles, {}
        # The highest first, as Linux does.
        for handle in sorted(handles, reverse=True):
            handles[handle].release(self)
        heir = self._heir(process)
        for child in list(process.children.values()):
            child.parent = heir
            heir.children[child.pid] = child
            if child.is_dead:
                self._tell_parent(child)
            elif child.death_signal:
                self.send(None, child, child.death_signal)
        process.children.clear()
        if process.greenlet is not None:
            self.dying.append(process)
        self.on_death(process)
        self._tell_parent(process)

    def _heir(self, process: Process) -> Process:
        one = process.parent
        while one is not None and (one.is_dead or not one.subreaper):
            one = one.parent
        return one or self.init

    def _tell_parent(self, process: Process) -> None:
        parent = process.parent
        assert parent is not None
        if parent is self.init:
            self.reap(process)
            return
        self.send(None, parent, signal.SIGCHLD)
        self.wake(parent)

    def reap(self, process: Process) -> None:
        if process.parent is not None:
            process.parent.children.pop(process.pid, None)
        if self.processes.get(process.pid) is process:
            del self.processes[process.pid]
            self.freed.append((process.pid, self.now))
            self.on_reap(process)

    # -- signals

    def send(self, sender: Process | None, target: Process, number: int) -> None:
        if target.is_dead or target is self.init or not number:
            return
        if number != signal.SIGCHLD:
            self.on_signal(target, number, sender)
        if number == signal.SIGKILL:
            target.killers.append((number, sender))
            self.die(target, number)
            return
        if number == signal.SIGCONT:
            self._continue(target)
        if number == signal.SIGSTOP:
            target.is_stopped = True
            return
        handler = target.handlers.get(number, signal.SIG_DFL)
        if handler == signal.SIG_IGN:
            return
        if handler == signal.SIG_DFL:
            if number in STOPPING_BY_DEFAULT:
                target.is_stopped = True
            elif number not in IGNORED_BY_DEFAULT:
                target.killers.append((number, sender))
                self.die(target, number)
            return
        if target.greenlet is None:
            target.killers.append((number, sender))
            handler(target, number)
            return
        if number not in target.pending:
            target.pending.append(number)
            if target.wakeup >= 0 and target.wakeup in target.handles:
                target.handles[target.wakeup].put(self, bytes([number]))
        self.wake(target)

    def handle(self, process: Process) -> None:
        """What Python does between two of its instructions."""
        while process.pending:
            number = process.pending.pop(0)
            handler = process.handlers.get(number, signal.SIG_DFL)
            if callable(handler):
                handler(number, None)

    def _continue(self, process: Process) -> None:
        if process.is_stopped:
            process.is_stopped = False
            if process.program is not None:
                process.program.went_on(self, process)
            if process.is_woken:
                process.is_woken = False
                self.ready.append(process)
            else:
                self.wake(process)

    def group(self, number: int) -> list[Process]:
        """All of it, the dead that nobody has waited for among them."""
        return [one for one in self.processes.values() if one.group == number and one is not self.init]
