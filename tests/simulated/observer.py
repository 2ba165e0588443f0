"""Looks at a host, and says when a law is broken: in the moment in which it happens, where that can be seen."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.run.make import slots_of
from simulated.laws import (
    CLOSE_S,
    SAFE_S,
    Broken,
    Execution,
    Journal,
    check_code,
    check_numbers,
    check_printed,
    check_verdict,
    meets,
)
from simulated.system.kernel import Process

if TYPE_CHECKING:
    from simulated.host import Host

ORPHAN_S = 2.0
JOBS = ("command", "escaped")
LEFT_S = 1.0
"""So long may live what a job has left behind, of which its worker has not told."""
ENDING = ("stopping now", "running jobs are ended")
DAMAGED = "are damaged"
HALTED_S = 0.05
JUST_S = 0.001
"""So long after its start a command may be known to nobody but its worker."""
"""So soon is a halt rule heeded."""


class Witness:
    """A Listener that knows what must be so when it is told."""

    wants_every_attempt = False

    def __init__(self, host: Host) -> None:
        self._host = host

    def began(self, counts: Counts) -> None:
        self._host.comes_to("running")

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Append, then tell."""
        host = self._host
        host.observer.look()
        done = sum(state is State.DONE for state in host.observer.journal.states.values())
        if counts.done > done + len(host.proven):
            raise Broken(f"{counts.done} jobs were told to be done, and the journal has {done}")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        return

    def said(self, line: str) -> None:
        self._host.said.append(line)
        if line.startswith(ENDING):
            self._host.comes_to("ending its jobs")
        elif line.startswith("stopping"):
            self._host.comes_to("letting its jobs finish")
        if DAMAGED in line and self._host.boots == 1 and self._host.observer.is_whole:
            raise Broken(f"only a broken disk damages what stands in the middle: {line}")

    def ended(self, counts: Counts, reason: str) -> None:
        self._host.reasons[reason] += 1
        self._host.comes_to(f"over ({reason})")
        if reason == "halt" and not self._host.observer.is_halted():
            raise Broken("halted, and the rule is not met by what this start has recorded")
        self._host.seen[f"crew ended: {reason}"] += 1


class Observer:
    """Of one machine, through all its starts."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.journal = Journal()
        self.executions: list[Execution] = []
        self.running: dict[Process, Execution] = {}
        self.last: dict[int, str] = {}
        self.broken: BaseException | None = None
        self.ended_at: dict[str, float] = {}
        self.check_from = 0
        self.is_whole = True
        """Nothing was taken from the journal."""
        self.run_from = 0
        """Where in the journal the present start began."""
        self.halted_at: float | None = None
        self.all_stopped: dict[str, int] = {}
        """Starts of which all processes were sent a signal that stops them, and which."""
        self.is_packed = any(need is not None for need in host.plan.pool._needs)  # type: ignore[attr-defined]
        self.retries = host.case.settings.limits.retries
        self.slots = 0
        self.phases: list[set[int]] = []
        """What is the machine's own in each."""

    def breaks(self, what: str) -> None:
        """A law; the first one counts."""
        self.broken = self.broken or Broken(what)
        self.host.kernel.end()

    def look(self) -> None:
        """At what is new in the journal."""
        self.journal.look(self.host.journals(), self.host.kernel.now, self.host.tree)
        if self.host.case.has_halt and self.halted_at is None and self.is_halted():
            self.halted_at = self.host.kernel.now

    def begins(self) -> None:
        """Another start of the program."""
        self.look()
        host = self.host
        self.slots = slots_of(host.plan, host.case.settings, host.share.cores, len(host.jobs) or 1)
        self.phases = [{job for job in host.own if one.start <= job < one.stop} for one in host.plan.pool.phases]
        self.run_from, self.halted_at = len(self.journal.attempts), None

    def begins_anew(self) -> None:
        """What the journal has is another now: what was recorded is not looked at again, and may be missing."""
        self.look()
        self.check_from, self.is_whole = len(self.journal.attempts), False

    def is_halted(self) -> bool:
        """Whether what the present start has recorded meets the halt rule."""
        halt = self.host.case.settings.limits.halt
        states = [one.state for one in self.journal.attempts[self.run_from :]]
        done, failed = states.count(State.DONE), states.count(State.FAILED)
        return halt is not None and meets(halt, done, failed, len(self.host.jobs))

    def started(self, one: Execution, process: Process) -> None:
        """A job: to do still, of this share, on a free slot, behind its barrier, and nowhere else."""
        if self.journal.is_done(one.job):
            self.breaks(f"job {one.job} is started again, and is done")
        if one.job in self.host.proven & self.host.own:
            self.breaks(f"job {one.job} is started, and another machine has done it")
        running = [other for other in self.running.values() if not self.may_outlive(other.tree, other.began)]
        twin = next((other for other in running if other.job == one.job), None)
        if twin is not None:
            self.breaks(f"job {one.job} runs twice at once: {twin} and {one}")
        if one.job not in self.host.jobs:
            self.breaks(f"job {one.job} is not of this share")
        if len(running) >= self.slots and not self.is_packed:
            self.breaks(f"{len(running) + 1} jobs run on {self.slots} slots: {[*running, one]}")
        living = self.host.kernel.living()
        earlier = [other for other in living if other.role in JOBS and other.tree not in ("", one.tree)]
        if earlier and not self.host.case.leaves:
            self.breaks(f"job {one.job} is started, and of earlier starts these live: {earlier}")
        self._too_soon(one)
        for number, phase in enumerate(self.host.case.plan.pool.phases):
            if one.job in self.phases[number] and number:
                self._barrier(one.job, set().union(*self.phases[:number]), check=phase.check, number=number)

    def may_outlive(self, tree: str, began: float) -> bool:
        """What the next start must leave alone: what commands leave behind, and a command that nobody knew of."""
        return self.host.case.leaves and self.was_unknown(tree, began)

    def was_unknown(self, tree: str, began: float) -> bool:
        """The one exception: all of ours were killed at once, before the kernel was told of a command that was just
        started."""
        return began >= self.host.unguarded.get(tree, inf) - JUST_S

    def _too_soon(self, one: Execution) -> None:
        """Not before the delay between tries, and not when the run is to halt."""
        now, host = self.host.kernel.now, self.host
        limits = host.case.settings.limits
        if one.attempt > 1:
            before = [other for other in self.executions if (other.job, other.tree) == (one.job, one.tree)]
            ended = max((other.ended for other in before if other.ended is not None), default=None)
            is_retry = any(other.attempt == one.attempt - 1 for other in before)
            if ended is not None and is_retry and now < ended + limits.retry_delay - CLOSE_S:
                self.breaks(f"job {one.job} is tried again {now - ended:.3f} s after it ended")
        heeds = not host.is_last(one.tree) and one.tree == host.tree and one.tree not in host.held
        if heeds and self.halted_at is not None and now > self.halted_at + HALTED_S:
            self.breaks(f"job {one.job} is started {now - self.halted_at:.3f} s after the halt rule was met")

    def bore(self, parent: Process, child: Process) -> None:
        """A job's process that may outlive it."""
        one = self.running.get(parent)
        if one is not None:
            one.children.append(child)

    def left(self, one: Execution) -> None:
        """Nothing is, when the job has ended a while ago."""
        host = self.host
        living = [child for child in one.children if not child.is_dead and not child.is_stopped]
        if living and not host.case.leaves and one.tree not in host.held and not host.mains[one.tree].is_dead:
            self.breaks(f"job {one.job} has ended, and has left {living} behind")

    def ended(self, one: Execution) -> None:
        now = one.ended = self.host.kernel.now
        if one.children:
            self.host.kernel.at(now + LEFT_S + 2.5 * self.host.slow, self.left, one)

    def _barrier(self, job: int, before: set[int], *, check: bool, number: int) -> None:
        self.look()
        states = self.journal.states
        early = [other for other in sorted(before - self.host.proven) if other not in states]
        if early:
            self.breaks(f"job {job} is started before the barrier, for which {early} are not over")
        failed = [other for other in self.phases[number - 1] if states.get(other) is State.FAILED]
        if check and failed:
            self.breaks(f"job {job} is started behind a barrier with CHECK, and {failed} failed before it")

    def died(self, process: Process) -> None:
        """Whoever ended it: of a run's main process, what is left of the run has two seconds."""
        one = self.running.pop(process, None)
        if one is not None:
            one.status = process.status
            self.ended(one)
            if process.killers and process.status != one.natural:
                number, sender = process.killers[-1]
                is_stop = self.all_stopped.get(one.tree) == number and one.tree not in self.host.held
                one.hit = "us" if sender is None or sender.tree else "stop" if is_stop else "fault"
        if process is self.host.mains.get(process.tree):
            self.host.comes_to("over")
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
        if self.host.case.leaves or tree in self.host.unguarded:
            # The next start ends them.
            left = [one for one in left if one.role != "escaped" and not self.was_unknown(tree, one.started)]
        if left:
            self.breaks(f"{ORPHAN_S} s after the end of the start {tree} these still live: {left}")

    def code(self, tree: str, code: int) -> None:
        """The exit code is what was promised."""
        self.look()
        states = self.journal.states
        todo = [job for job in self.host.jobs - (self.host.own & self.host.proven) if job not in states]
        failed = [job for job in self.host.jobs if states.get(job) is State.FAILED]
        told = f"{self.host.said[-2:]}"
        has_reason = "halt" in self.host.reasons or "barrier" in self.host.reasons
        check_code(code, len(todo), len(failed), self.host.stops[tree], has_reason=has_reason)
        others = [one for one in self.host.kernel.living() if one.tree and one.tree != tree]
        if code == 4 and not others and tree not in self.host.is_disturbed:
            raise Broken(f"exit 4, and nobody else is there: {told}")
        if tree not in self.host.is_disturbed and code not in (0, 1, 4) and not self.host.case.has_halt:
            raise Broken(f"exit {code} of a start that nothing disturbed: {told}")

    def verdicts(self) -> None:
        """Every verdict is the job's own."""
        self.look()
        limit = self.host.case.settings.limits.timeout
        # Where a worker was held, its job took longer than its process.
        timeout = None if limit is None else 0.0 if self.host.held else limit.seconds or 0.0
        if self.host.boots == 1 and self.is_whole:
            # A power cut may take one of two.
            check_numbers(self.journal.attempts)
        for record in self.journal.attempts[self.check_from :]:
            check_verdict(record, self.executions, self.retries, timeout)
            # What a broken disk does not let be read has no hash.
            if "eio" not in self.host.case.words():
                check_printed(record, self.host.case.scripts[record.job])
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
