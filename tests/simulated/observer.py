"""Looks at a host, and says when a law is broken: in the moment in which it happens, where that can be seen."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shareout.events import Counts, Running
from shareout.plan.plan import Share
from shareout.record.outcome import Attempt, State
from shareout.run.make import slots_of
from simulated.laws import SAFE_S, Broken, Execution, Journal, check_verdict
from simulated.system.kernel import Process

if TYPE_CHECKING:
    from simulated.host import Host

ORPHAN_S = 2.0


class Witness:
    """A Listener that knows what must be so when it is told."""

    wants_every_attempt = False

    def __init__(self, host: Host) -> None:
        self._host = host

    def began(self, counts: Counts) -> None:
        return

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Append, then tell."""
        host = self._host
        host.observer.look()
        done = sum(state is State.DONE for state in host.observer.journal.states.values())
        if counts.done > done:
            raise Broken(f"{counts.done} jobs were told to be done, and the journal has {done}")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        return

    def said(self, line: str) -> None:
        self._host.said.append(line)

    def ended(self, counts: Counts, reason: str) -> None:
        self._host.reasons[reason] += 1
        self._host.seen[f"crew ended: {reason}"] += 1


class Observer:
    """Of one machine, through all its starts."""

    def __init__(self, host: Host, share: Share) -> None:
        plan = host.case.plan
        self.host = host
        self.journal = Journal()
        self.executions: list[Execution] = []
        self.running: dict[Process, Execution] = {}
        self.last: dict[int, str] = {}
        self.broken: BaseException | None = None
        self.ended_at: dict[str, float] = {}
        self.check_from = 0
        self.slots = slots_of(plan, host.case.settings, share.cores, len(host.jobs) or 1)
        self.is_packed = any(need is not None for need in plan.pool._needs)  # type: ignore[attr-defined]
        self.retries = host.case.settings.limits.retries
        audited = {plan.job_at(at) for start, stop in share.audit for at in range(start, stop)}
        self.phases = [
            {job for job in host.jobs if phase.start <= job < phase.stop} - audited for phase in plan.pool.phases
        ]

    def breaks(self, what: str) -> None:
        """A law; the first one counts."""
        self.broken = self.broken or Broken(what)
        self.host.kernel.end()

    def look(self) -> None:
        """At what is new in the journal."""
        self.journal.look(self.host.disk.files.get(self.host.path), self.host.kernel.now, self.host.tree)

    def started(self, one: Execution, process: Process) -> None:
        """A job: to do still, of this share, on a free slot, behind its barrier, and nowhere else."""
        if self.journal.is_done(one.job):
            self.breaks(f"job {one.job} is started again, and is done")
        twin = next((other for other in self.running.values() if other.job == one.job), None)
        if twin is not None:
            self.breaks(f"job {one.job} runs twice at once: {twin} and {one}")
        if one.job not in self.host.jobs:
            self.breaks(f"job {one.job} is not of this share")
        if len(self.running) >= self.slots and not self.is_packed:
            self.breaks(f"{len(self.running) + 1} jobs run on {self.slots} slots")
        for number, phase in enumerate(self.host.case.plan.pool.phases):
            if one.job in self.phases[number] and number:
                self._barrier(one.job, set().union(*self.phases[:number]), check=phase.check, number=number)

    def _barrier(self, job: int, before: set[int], *, check: bool, number: int) -> None:
        self.look()
        states = self.journal.states
        early = [other for other in sorted(before) if other not in states]
        if early:
            self.breaks(f"job {job} is started before the barrier, for which {early} are not over")
        failed = [other for other in self.phases[number - 1] if states.get(other) is State.FAILED]
        if check and failed:
            self.breaks(f"job {job} is started behind a barrier with CHECK, and {failed} failed before it")

    def died(self, process: Process) -> None:
        """Whoever ended it: of a run's main process, what is left of the run has two seconds."""
        one = self.running.pop(process, None)
        if one is not None:
            one.ended, one.status = self.host.kernel.now, process.status
            if process.killers and process.status != one.natural:
                sender = process.killers[-1][1]
                one.hit = "fault" if sender is not None and not sender.tree else "us"
        if process is self.host.mains.get(process.tree):
            if all(one.is_dead for one in self.host.mains.values()):
                self.host.kernel.end()
            self.ended_at[process.tree] = self.host.kernel.now
            self.host.kernel.at(self.host.kernel.now + ORPHAN_S, self.orphans, process.tree)

    def signalled(self, target: Process, number: int, sender: Process | None) -> None:
        """Nobody of ours hits a stranger, whatever number that has."""
        if sender is not None and sender.tree and not target.tree:
            self.breaks(f"{sender} sends {signal.Signals(number).name} to {target}, which is none of ours")

    def orphans(self, tree: str) -> None:
        """None are left by now."""
        left = [one for one in self.host.kernel.living() if one.tree == tree and not one.is_stopped]
        if self.host.case.leaves:
            left = [one for one in left if one.role != "escaped"]
        if left:
            self.breaks(f"{ORPHAN_S} s after the end of the start {tree} these still live: {left}")

    def code(self, tree: str, code: int) -> None:
        """The exit code is what was promised."""
        self.look()
        states = self.journal.states
        todo = [job for job in self.host.jobs if job not in states]
        failed = [job for job in self.host.jobs if states.get(job) is State.FAILED]
        told = f"{self.host.said[-2:]}"
        if code == 0 and (todo or failed):
            raise Broken(f"exit 0, and {len(todo)} are to do, {len(failed)} failed: {told}")
        if code == 1 and not failed and "halt" not in self.host.reasons and "barrier" not in self.host.reasons:
            raise Broken(f"exit 1, and none failed: {told}")
        if code in (130, 143) and not self.host.stops[tree]:
            raise Broken(f"exit {code}, and nobody stopped it: {told}")
        others = [one for one in self.host.kernel.living() if one.tree and one.tree != tree]
        if code == 4 and not others and tree not in self.host.is_disturbed:
            raise Broken(f"exit 4, and nobody else is there: {told}")
        if tree not in self.host.is_disturbed and code not in (0, 1, 4) and not self.host.case.has_halt:
            raise Broken(f"exit {code} of a start that nothing disturbed: {told}")

    def verdicts(self) -> None:
        """Every verdict is the job's own."""
        self.look()
        has_timeout = self.host.case.settings.limits.timeout is not None
        for record in self.journal.attempts[self.check_from :]:
            check_verdict(record, self.executions, self.retries, has_timeout=has_timeout)
            told = record.state.value + (f" ({record.cause.value})" if record.cause.value else "")
            self.host.seen[f"job {self.last.get(record.job, 'new')} -> {told}"] += 1
            self.last[record.job] = record.state.value
        self.check_from = len(self.journal.attempts)

    def promised(self, now: float) -> list[int]:
        """Jobs whose line was there for more than a second while its run went on, or whose run came to its end."""
        found = []
        for (job, _), (when, tree) in self.journal.written.items():
            until = min(now, self.ended_at.get(tree, now))
            is_late = until - when > SAFE_S + 2.5 * self.host.slow and tree not in self.host.held
            if self.journal.is_done(job) and (is_late or self.host.codes.get(tree) in (0, 1)):
                found.append(job)
        return found
