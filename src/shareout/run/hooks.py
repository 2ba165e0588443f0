"""Commands of the user's that are told how a run goes: on_finish, on_failure, on_progress.

They get the summary in SHAREOUT_* variables and run beside the jobs, in the background; a hook that fails is
told in the log and harms nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from shareout.config import HookSettings
from shareout.environment import user_environment
from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.run.commands import RESET
from shareout.run.shells import Shells

TENTHS = 10


class Hooks:
    """A Listener that spawns."""

    wants_every_attempt = False

    def __init__(
        self,
        settings: HookSettings,
        shells: Shells,
        facts: Mapping[str, str],
        log: Callable[[str], None],
        started: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._shells = shells
        self._facts = facts
        self._log = log
        self._started = started
        self._tenth = -1
        self.pids: list[int] = []

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

    def wait(self) -> None:
        """The run is over; its last hooks are let finish."""
        for pid in self.pids:
            try:
                _, status = os.waitpid(pid, 0)
            except ChildProcessError:
                continue
            if status:
                self._log(f"a hook ended with status {os.waitstatus_to_exitcode(status)}")

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
            self._log(f"the hook {name} could not be started: {error}")
            return
        self.pids.append(pid)
        self._started(pid)


def _told(attempt: Attempt) -> dict[str, str]:
    return {
        "SHAREOUT_JOB": str(attempt.job),
        "SHAREOUT_ATTEMPT": str(attempt.attempt),
        "SHAREOUT_EXIT": "" if attempt.exit is None else str(attempt.exit),
        "SHAREOUT_ERROR": attempt.error or "",
    }
