"""The hooks of whoever serves a run: what `[hooks]` says here is about the run of all hosts. Those of a host's own
settings are about what it runs itself, and guests have none."""

from __future__ import annotations

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
from shareout.record.outcome import State
from shareout.run.command.shell import Shells
from shareout.run.hooks import Hooks
from shareout.serving.results import Results

if TYPE_CHECKING:
    from shareout.serving.service import Standing
    from shareout.stores.nats.store import NatsStore


class _Waited:
    """Children that nobody reaps but who waits for them."""

    def __init__(self) -> None:
        self.statuses: dict[int, int | None] = {}

    def watch(self, pid: int) -> None:
        """It is asked for by its number."""


class ServedHooks:
    """Of one call."""

    def __init__(self, settings: Settings, plan: Plan, net: NatsStore, folder: RunFolder) -> None:
        facts = {"MACHINE": host_name(), "DIGEST": plan.hex, "FINGERPRINT": plan.fingerprint}
        self._hooks = Hooks(
            settings.hooks,
            settings.limits.grace,
            Shells(settings.commands.shell, user_environment(), for_bash=False),
            facts={f"SHAREOUT_{name}": text for name, text in facts.items()},
            log=tell,
            children=_Waited(),
            folder=folder,
        )
        # What failed before this call was told by the one before it.
        self._results = Results(net, from_now=True) if settings.hooks.on_failure else None
        self._has_begun = False

    def hear(self, standing: Standing) -> None:
        """At every look."""
        counts = _counts(standing)
        if not self._has_begun:
            self._has_begun = True
            self._hooks.began(counts)
        failed = []
        if self._results:
            with suppress(Away):
                failed += [one for _, one in self._results.looked_up() if one.state is State.FAILED]
        self._hooks.finished(failed, counts)
        self._hooks.tick(counts, [])

    def finish(self, standing: Standing) -> None:
        """on_finish; and all that run are waited for. A Ctrl-C ends them."""
        self.hear(standing)
        self._hooks.ended(_counts(standing), "finished" if standing.is_over else "stopped")
        try:
            self._hooks.wait(tell, lambda: False)
        except KeyboardInterrupt:
            self._hooks.wait(tell, lambda: True)
            raise


def _counts(standing: Standing) -> Counts:
    done = standing.seen - standing.failed
    return Counts(standing.jobs, done, standing.failed, skipped=0, running=0, finished_here=standing.seen)
