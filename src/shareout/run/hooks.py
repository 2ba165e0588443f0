"""Commands of the user's that are told how a run goes: on_finish, on_failure, on_progress.

They get the summary in SHAREOUT_* variables and run beside the jobs, in the background; a hook that fails is
told in the log and harms nothing.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from shareout.config import HookSettings
from shareout.environment import user_environment
from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.run.commands import RESET
from shareout.run.orphans import Children
from shareout.run.shells import Shells

TENTHS = 10
# So long the last hooks may take without a word about them.
PATIENCE_S = 1.0
LOOK_S = 0.02


class Hooks:
    """A Listener that spawns."""

    wants_every_attempt = False

    def __init__(
        self,
        settings: HookSettings,
        shells: Shells,
        facts: Mapping[str, str],
        log: Callable[[str], None],
        children: Children,
    ) -> None:
        self._settings = settings
        self._shells = shells
        self._facts = facts
        self._log = log
        self._children = children
        self._tenth = -1
        self._running: dict[int, tuple[str, str]] = {}
        """Name and command of each that was started."""
        self._failed: Counter[tuple[str, str, int]] = Counter()

    def began(self, counts: Counts) -> None:
        self._tenth = self._tenth_of(counts)

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        if self._settings.on_failure:
            for attempt in attempts:
                if attempt.state is State.FAILED:
                    self._spawn("on_failure", self._settings.on_failure, counts, _told(attempt))
        tenth = self._tenth_of(counts)
        if self._settings.on_progress and tenth > self._tenth:
            self._tenth = tenth
            self._spawn("on_progress", self._settings.on_progress, counts, {})

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        return

    def said(self, line: str) -> None:
        return

    def ended(self, counts: Counts, reason: str) -> None:
        if self._settings.on_finish:
            self._spawn("on_finish", self._settings.on_finish, counts, {"SHAREOUT_REASON": reason})

    def wait(self, said: Callable[[str], None]) -> None:
        """The run is over; its last hooks are let finish. Those that do not end soon, or ended badly, are named."""
        deadline = time.monotonic() + PATIENCE_S
        for pid, (name, command) in list(self._running.items()):
            while (status := self._status(pid, os.WNOHANG)) is None and time.monotonic() < deadline:
                time.sleep(LOOK_S)
            if status is None:
                said(f"waiting for the hook {name} to end: {command}")
                status = self._status(pid, 0)
            self._count(pid, status or 0)
        for (name, command, code), times in self._failed.items():
            often = f", {times} times" if times > 1 else ""
            said(f"the hook {name} ended with status {code}{often}: {command}")

    def _status(self, pid: int, options: int) -> int | None:
        """None while it runs. Many are reaped with the jobs."""
        status = self._children.statuses.get(pid)
        if status is not None:
            return status
        try:
            found, status = os.waitpid(pid, options)
        except ChildProcessError:
            return 0
        return status if found else None

    def _count(self, pid: int, status: int) -> None:
        name, command = self._running.pop(pid)
        if status:
            self._failed[name, command, os.waitstatus_to_exitcode(status)] += 1

    def _tenth_of(self, counts: Counts) -> int:
        return TENTHS * (counts.done + counts.failed + counts.skipped) // max(1, counts.jobs)

    def _spawn(self, name: str, command: str, counts: Counts, more: Mapping[str, str]) -> None:
        environment = {
            **user_environment(),
            **self._facts,
            "SHAREOUT_JOBS": str(counts.jobs),
            "SHAREOUT_DONE": str(counts.done),
            "SHAREOUT_FAILED": str(counts.failed),
            "SHAREOUT_TODO": str(counts.jobs - counts.done - counts.failed - counts.skipped),
            **more,
        }
        try:
            shell = self._shells.of(command)
            pid = os.posix_spawn(shell, [shell, "-c", command], environment, setsigdef=RESET, setsigmask=())
        except OSError as error:
            self._log(f"the hook {name} could not be started: {error.strerror}: {command}")
            return
        if pid in self._running:
            # Its number was given again: how it ended is counted now.
            self._count(pid, self._children.statuses.get(pid) or 0)
        self._running[pid] = (name, command)
        self._children.watch(pid)


def _told(attempt: Attempt) -> dict[str, str]:
    return {
        "SHAREOUT_JOB": str(attempt.job),
        "SHAREOUT_ATTEMPT": str(attempt.attempt),
        "SHAREOUT_EXIT": "" if attempt.exit is None else str(attempt.exit),
        "SHAREOUT_ERROR": attempt.error or "",
    }
