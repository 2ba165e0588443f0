"""The hooks of whoever serves a run: what `[hooks]` says here is about the run of all hosts. Those of a host's own
settings are about what it runs itself, and guests have none."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shareout.cli.inputs.run_folders import tell
from shareout.config import Settings
from shareout.environment import user_environment
from shareout.events import Counts
from shareout.ledger.store import Away
from shareout.linux import host_name
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, State
from shareout.run.command.shell import Shells
from shareout.run.hooks import Hooks
from shareout.serving.results import Results

if TYPE_CHECKING:
    from shareout.serving.service import Standing
    from shareout.stores.nats.store import NatsStore


class _Children:
    """Hooks alone: nobody else here waits for all that end."""

    def __init__(self) -> None:
        self.statuses: dict[int, int | None] = {}

    def watch(self, pid: int) -> None:
        """How it ends is to be kept."""
        self.statuses[pid] = None

    def reap(self) -> None:
        """Those that have ended."""
        for pid, status in self.statuses.items():
            if status is None:
                with suppress(ChildProcessError):
                    ended, status = os.waitpid(pid, os.WNOHANG)
                    if ended:
                        self.statuses[pid] = status


class ServedHooks:
    """Of one call."""

    def __init__(self, settings: Settings, plan: Plan, net: NatsStore, folder: RunFolder) -> None:
        self._children = _Children()
        facts = {"MACHINE": host_name(), "DIGEST": plan.hex, "FINGERPRINT": plan.fingerprint}
        self._hooks = Hooks(
            settings.hooks,
            settings.limits.grace,
            Shells(settings.commands.shell, user_environment(), for_bash=False),
            facts={f"SHAREOUT_{name}": text for name, text in facts.items()},
            log=tell,
            children=self._children,
            folder=folder,
        )
        # What failed before this call was told by the one before it.
        self._results = Results(net, from_now=True) if settings.hooks.on_failure else None
        self._has_begun = self._has_told_end = False

    def hear(self, standing: Standing) -> None:
        """At every look. Of what is over that is told once, also by who stays."""
        counts = _counts(standing)
        self._children.reap()
        if not self._has_begun:
            self._has_begun = True
            self._hooks.began(counts)
        failed = self._failed()
        if not standing.is_over:
            self._has_told_end = False
            self._hooks.finished(failed, counts)
            self._hooks.tick(counts, [])
            return
        if not self._has_told_end:
            self._has_told_end = True
            self._hooks.finished(failed, counts)
            self._hooks.ended(counts, "finished")
        self._hooks.end_overdue()

    def finish(self, standing: Standing) -> None:
        """All that run are waited for; a Ctrl-C ends them."""
        self.hear(standing)
        if not self._has_told_end:
            self._hooks.ended(_counts(standing), "stopped")
        try:
            self._hooks.wait(tell, lambda: False)
        except KeyboardInterrupt:
            self._hooks.wait(tell, lambda: True)
            raise

    def _failed(self) -> list[Attempt]:
        """For good, since the last look; what another tool told of is nobody's news."""
        with suppress(Away):
            found = self._results.looked_up() if self._results else ()
            return [one for _, one in found if one.state is State.FAILED and not one.origin]
        return []


def _counts(standing: Standing) -> Counts:
    done = standing.seen - standing.failed
    return Counts(standing.jobs, done, standing.failed, skipped=0, running=0, finished_here=standing.seen)
