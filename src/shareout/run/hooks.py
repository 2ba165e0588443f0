"""Commands of the user's that are told how a run goes: on_finish, on_failure, on_progress.

They get the summary in SHAREOUT_* variables (on_finish also as JSON, to read) and run beside the jobs, in the
background, each in a process group of its own; a hook that fails is told in the log and harms nothing. One that hangs
is ended with its group, and told: it must hold neither the run nor its lock.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from shareout.config import HookSettings
from shareout.environment import as_in_its_file, user_environment
from shareout.events import Counts, Running
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Attempt, State
from shareout.run.command.shell import Shells
from shareout.run.processes.children import Children, kill_group
from shareout.run.processes.signals import RESET
from shareout.run.request import RunRequest
from shareout.units import format_duration
from shareout.world import world

# So long the last hooks may take without a word about them.
PATIENCE_S = 1.0
LOOK_S = 0.02


def hooks_of(request: RunRequest, log: LogWriter, children: Children) -> Hooks:
    """Those of a run's settings."""
    settings, plan = request.settings, request.plan
    shells = Shells(settings.commands.shell, user_environment(), for_bash=False)
    facts = {"SHAREOUT_MACHINE": request.machine, "SHAREOUT_DIGEST": plan.hex, "SHAREOUT_FINGERPRINT": plan.fingerprint}
    folder = RunFolder.of(request.runs.absolute(), plan.origin, request.machine)
    return Hooks(
        settings.hooks, settings.limits.grace, shells, facts=facts, log=log.record, children=children, folder=folder
    )


class Reaped(Protocol):
    """Who may have waited for a hook before it is asked for."""

    statuses: dict[int, int | None]

    def watch(self, pid: int) -> None:
        """How it ends is to be kept."""


@dataclass(slots=True)
class _Hook:
    """One that was started, and when it must be over."""

    name: str
    command: str
    due: float
    ended_for: str = ""
    """Why it was asked to end, in words. When its time is up again, it is killed."""


class Hooks:
    """A Listener that spawns."""

    wants_every_attempt = False

    def __init__(
        self,
        settings: HookSettings,
        grace_s: float,
        shells: Shells,
        facts: Mapping[str, str],
        log: Callable[[str], None],
        children: Reaped,
        folder: RunFolder,
    ) -> None:
        self._settings = settings
        self._grace_s = grace_s
        self._shells = shells
        self._facts = facts
        self._log = log
        self._children = children
        self._folder = folder
        self._next_progress = 0.0
        self._running: dict[int, _Hook] = {}
        self._failed: Counter[tuple[str, str]] = Counter()
        """How they ended, in words, and their commands."""

    def began(self, counts: Counts) -> None:
        """Nothing is run; from here the first on_progress is counted."""
        self._next_progress = self._next_step(counts)

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """on_failure for each job that has failed for good, and on_progress when a step is reached."""
        if self._settings.on_failure:
            for attempt in attempts:
                if attempt.state is State.FAILED:
                    self._spawn("on_failure", self._settings.on_failure, counts, _told(attempt))
        self._tell_progress(counts)

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Ends hooks that took too long; on_progress by time."""
        self.end_overdue()
        if self._settings.progress_every.seconds is not None:
            self._tell_progress(counts)

    def said(self, line: str) -> None:
        """Nobody is told."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """Starts on_finish; `wait` sees its end."""
        if self._settings.on_finish:
            given = self._summary(counts, reason)
            self._spawn("on_finish", self._settings.on_finish, counts, {"SHAREOUT_REASON": reason}, given)

    def _summary(self, counts: Counts, reason: str) -> str:
        """The file that on_finish reads; where there is no room for one, it reads nothing."""
        facts = {name.removeprefix("SHAREOUT_").lower(): text for name, text in self._facts.items()}
        facts |= {"reason": reason, "path": str(self._folder.path)}
        numbers = {"done": counts.done, "failed": counts.failed, "skipped": counts.skipped, "todo": _todo(counts)}
        try:
            text = json.dumps({**facts, "jobs": counts.jobs, **numbers}).encode("ascii")
            replace_file(self._folder.ended, [text + b"\n"], sync=False)
        except OSError as error:
            self._log(f"what on_finish was to read could not be written: {error.strerror}")
            return os.devnull
        return str(self._folder.ended)

    def wait(self, said: Callable[[str], None], is_stopped: Callable[[], bool]) -> None:
        """The run is over; its last hooks are let finish, but for their limit, and for another Ctrl-C or TERM. Those
        that do not end soon, or ended badly, are named."""
        patience = world.monotonic() + PATIENCE_S
        while self._running:
            for pid in list(self._running):
                status = self._status(pid)
                if status is not None:
                    self._count(pid, status)
            if world.monotonic() >= patience:
                patience = float("inf")
                for hook in self._running.values():
                    said(f"waiting for the hook {hook.name} to end: {hook.command}")
            if is_stopped():
                self._end_now()
            self.end_overdue()
            # Asked again and again: the crew is over, and with it the selector that the end of a child would wake.
            world.sleep(LOOK_S if self._running else 0)
        for (how, command), times in self._failed.items():
            often = f", {times} times" if times > 1 else ""
            said(f"{how}{often}: {command}")

    def _status(self, pid: int) -> int | None:
        """None while it runs. Many are reaped with the jobs."""
        status = self._children.statuses.get(pid)
        if status is not None:
            return status
        try:
            # Looked at before it is reaped: while it is a zombie its number cannot be another's group.
            if world.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            if self._running[pid].ended_for:
                kill_group(pid, signal.SIGKILL)
            return world.waitpid(pid, 0)[1]
        except ChildProcessError:
            # Somebody else has waited for it, and how it ended is not known: nobody can be blamed.
            return 0

    def _count(self, pid: int, status: int) -> None:
        hook = self._running.pop(pid)
        self._children.statuses.pop(pid, None)
        if hook.ended_for:
            self._failed[f"the hook {hook.name} was ended, {hook.ended_for}", hook.command] += 1
        elif status:
            how = f"the hook {hook.name} ended with status {os.waitstatus_to_exitcode(status)}"
            self._failed[how, hook.command] += 1

    def end_overdue(self) -> None:
        """Asked first, with what stands still woken up for it; killed after the grace time."""
        now = world.monotonic()
        for pid, hook in list(self._running.items()):
            status = self._children.statuses.get(pid)
            if status is not None:
                self._count(pid, status)
            if status is not None or now < hook.due:
                continue
            if hook.ended_for:
                hook.due = now + self._grace_s
                kill_group(pid, signal.SIGKILL)
            else:
                self._end(pid, hook, f"for it took longer than [hooks] limit, {format_duration(self._settings.limit)}")

    def _end_now(self) -> None:
        for pid, hook in self._running.items():
            if not hook.ended_for:
                self._end(pid, hook, "as the run was told to end")

    def _end(self, pid: int, hook: _Hook, why: str) -> None:
        hook.ended_for, hook.due = why, world.monotonic() + self._grace_s
        self._log(f"the hook {hook.name} is ended, {why}: {hook.command}")
        kill_group(pid, signal.SIGTERM)
        kill_group(pid, signal.SIGCONT)

    def _tell_progress(self, counts: Counts) -> None:
        if self._settings.on_progress and self._place_of(counts) >= self._next_progress:
            self._next_progress = self._next_step(counts)
            self._spawn("on_progress", self._settings.on_progress, counts, {})

    def _next_step(self, counts: Counts) -> float:
        """The next whole multiple of the step; by time, that much later."""
        every = self._settings.progress_every
        if every.seconds is not None:
            return world.monotonic() + every.seconds
        step = every.count or max(1, (every.percent or 1) * counts.jobs)
        return float(step * (self._place_of(counts) // step + 1))

    def _place_of(self, counts: Counts) -> float:
        if self._settings.progress_every.seconds is not None:
            return world.monotonic()
        return counts.done + counts.failed + counts.skipped

    def _spawn(self, name: str, command: str, counts: Counts, more: Mapping[str, str], given: str = os.devnull) -> None:
        environment = {
            **user_environment(),
            **self._facts,
            "SHAREOUT_JOBS": str(counts.jobs),
            "SHAREOUT_DONE": str(counts.done),
            "SHAREOUT_FAILED": str(counts.failed),
            "SHAREOUT_TODO": str(_todo(counts)),
            **more,
        }
        try:
            shell = self._shells.of(command)
            # Not the terminal, which is for the run: a hook that read it from the background would stand still.
            # A group of its own: so it is ended whole, and a terminal's Ctrl-C, which is meant for the run, does not
            # reach it.
            pid = world.posix_spawn(
                shell, (shell, "-c", as_in_its_file(command)), environment,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, given, os.O_RDONLY, 0)],
                setpgroup=0, setsigdef=RESET, setsigmask=(),
            )  # fmt: skip
        except OSError as error:
            self._log(f"the hook {name} could not be started: {error.strerror}: {command}")
            return
        if pid in self._running:
            # Its number was given again: how it ended is counted now.
            self._count(pid, self._children.statuses.get(pid) or 0)
        self._running[pid] = _Hook(name, command, world.monotonic() + self._settings.limit)
        # Whoever reaps a job may reap this as well: then how it ended is kept for us.
        self._children.watch(pid)


def _todo(counts: Counts) -> int:
    return counts.jobs - counts.done - counts.failed - counts.skipped


def _told(attempt: Attempt) -> dict[str, str]:
    return {
        "SHAREOUT_JOB": str(attempt.job),
        "SHAREOUT_ATTEMPT": str(attempt.attempt),
        "SHAREOUT_EXIT": "" if attempt.exit is None else str(attempt.exit),
        "SHAREOUT_ERROR": attempt.error or "",
    }
