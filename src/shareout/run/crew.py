"""Keep the slots busy: ask the supply, start what fits, wait, and record what ended.

The order is the program's main promise, and stands once, in `_settle`: append to the journal, then tell the
listener, then hand back to the supply. A job counts as done when its line is in the file, never before.
"""

from __future__ import annotations

import selectors
import signal
from collections.abc import Callable, Sequence

from shareout.config import LimitSettings
from shareout.events import Counts, Listener, Others, Running
from shareout.fields import dataclass, replace
from shareout.record.journal import attempt_line
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.run.hands import Finished, Hands
from shareout.run.listeners import told_of
from shareout.run.orders import Orders
from shareout.run.policy import halts, judge, may_start
from shareout.run.processes.children import Children
from shareout.run.processes.guardian import Guardian
from shareout.run.stops import Stops
from shareout.run.verdicts import Verdicts
from shareout.run.watch import Watch
from shareout.supply.left import CostsLeft
from shareout.world import world

TICK_S = 0.25
# To take work back costs a millisecond. Behind a job that runs for less than this it is not worth that: its turn comes
# by itself.
LONG_JOB_S = 0.02
LET_FINISH = "stopping: nothing new is started, running jobs are let finish (again: stop them now)"


@dataclass(slots=True)
class Parts:
    """What a crew works with; `background` does small things between turns and tells whether it wants more turns."""

    orders: Orders
    hands: Hands
    writer: JournalWriter
    tally: Tally
    listener: Listener
    children: Children
    guardian: Guardian
    stops: Stops
    selector: selectors.BaseSelector
    limits: LimitSettings
    watch: Watch
    background: Callable[[], bool]
    costs: CostsLeft | None = None
    """Where it is known how long jobs take."""
    others: Others | None = None
    """Who works on the same jobs."""


class Crew:
    """One run of one machine's share."""

    def __init__(self, parts: Parts, slots: int, jobs: int, deadline: float | None) -> None:
        self.parts = parts
        self.slots = slots
        self.jobs = jobs
        self.deadline = deadline
        self.reason = ""
        self.at_once = False
        self._verdicts = Verdicts(parts.hands, parts.writer.is_full)
        self._is_hungry = False
        self._finished_here = 0
        self._next_tick = 0.0
        self._failed_before = parts.tally.failed
        self._done_before = parts.tally.done

    def run(self) -> str:
        """Until nothing is left or a reason stops it; the reason, or `finished`."""
        parts = self.parts
        # One thread and one selector. A thread for each slot would want locks around tally, journal and supply, and a
        # fork beside threads may copy a lock that somebody holds.
        while True:
            self._heed_stops()
            if self.reason:
                self._wind_down()
            else:
                self._fill()
            if self._is_over():
                return self.reason or "finished"
            self._wait()
            finished = self._take_up()
            if (why := parts.hands.refusal or parts.orders.lost) and not self.reason:
                self._stop("refused", f"{why}; mend it, and run the same command to go on")
            if finished:
                if self._is_smooth(finished):
                    # The slots are refilled first: the bookkeeping then costs no slot any time.
                    self._fill()
                self._settle(finished)
            self._between_turns()

    def _take_up(self) -> list[Finished]:
        """What has ended since the last turn, and is certain; what it was given is free for others at once."""
        parts = self.parts
        ended = parts.children.reap()
        parts.guardian.replace(ended)
        collected = parts.hands.collect(ended)
        # Before the verdicts: what has ended takes no cores, GPUs or memory any more, and a verdict may wait for 1.5 s.
        for work in (work for one in collected for work in one.work):
            parts.orders.free(work)
        finished = self._verdicts.known(collected, is_stopping=parts.stops.level > 0)
        # After `collect`, which has put others in the place of dead workers: the mark of a dead one spares nothing now.
        parts.children.sweep(parts.hands.marks())
        return finished

    def counts(self) -> Counts:
        """Of all, earlier runs included."""
        tally = self.parts.tally
        running = self.parts.hands.count_running()
        counts = Counts(
            self.jobs,
            tally.done,
            tally.failed,
            skipped=tally.skipped,
            running=running,
            finished_here=self._finished_here,
        )
        return self.parts.others.whole(counts) if self.parts.others else counts

    def _is_smooth(self, finished: Sequence[Finished]) -> bool:
        """Nothing ended badly and nobody asked to stop: what was learned changes nothing about what comes next."""
        if self.reason or self.parts.stops.level or self.parts.limits.halt is not None:
            return False
        states = (attempt.state for one in finished for attempt in one.attempts)
        return self.parts.orders.are_alike and all(state is State.DONE for state in states)

    def _settle(self, finished: Sequence[Finished]) -> None:
        """Append, then tell, then hand back."""
        parts = self.parts
        judged = [[self._judged(attempt) for attempt in one.attempts] for one in finished]
        lines = b"".join(one.lines for one in finished)
        lines += b"".join(attempt_line(attempt) for attempts in judged for attempt in attempts)
        parts.writer.append(lines, sum(one.count + len(one.attempts) for one in finished))

        for one, attempts in zip(finished, judged, strict=True):
            self._sum_up(one, attempts)
        parts.listener.finished(told_of(finished, judged, parts.listener.wants_every_attempt), self.counts())

        for one, attempts in zip(finished, judged, strict=True):
            self._hand_back(one, attempts)
        if self._verdicts.were_full and not self.reason:
            self._stop("full", f"stopping: the disk of {parts.writer.path.parent} is full; make room, and run again")
        self._heed_halt()

    def _judged(self, attempt: Attempt) -> Attempt:
        if attempt.state is not State.FAILED:
            return attempt
        why = self.parts.watch.why(attempt)
        if why and attempt.cause in (Cause.TIMEOUT, Cause.MEMORY):
            attempt = replace(attempt, error=f"{attempt.error} ({why})")
        return replace(attempt, state=judge(attempt, self.parts.limits))

    def _sum_up(self, one: Finished, attempts: Sequence[Attempt]) -> None:
        tally = self.parts.tally
        if one.count:
            tally.took(one.lines, one.count)
            apart = {attempt.position for attempt in attempts}
            for work in one.work:
                for part in work.without(apart):
                    tally.did(part.start, part.stop)
        for attempt in attempts:
            tally.apply(attempt)
        final = sum(attempt.state in (State.DONE, State.FAILED) for attempt in attempts)
        self._finished_here += one.count + final

    def _hand_back(self, one: Finished, attempts: Sequence[Attempt]) -> None:
        """What is tried again is not finished: a barrier waits for it."""
        orders = self.parts.orders
        again = {attempt.position for attempt in attempts if self._runs_again(attempt)}
        for work in one.work:
            for part in work.without(again):
                orders.finished(part)
        for attempt in attempts:
            orders.learn(attempt)
            if attempt.position in again:
                orders.repeat(attempt)

    def _runs_again(self, attempt: Attempt) -> bool:
        """Here, in this run."""
        return attempt.state is State.RETRY or (attempt.state is State.STOPPED and not self.reason)

    def _fill(self) -> None:
        """Start what may be started, wherever a slot is free for it."""
        parts = self.parts
        self._is_hungry = False
        # What waits for its verdict is counted as failed, but only to see whether that would meet the rule. To wait for
        # each verdict would leave slots empty; not to wait would begin what the rule forbids.
        if self._verdicts and self._meets_halt(self._verdicts.failures()):
            self._take_back()
            return
        if not may_start(world.time(), self.deadline, parts.tally.durations):
            self._stop("deadline", "no job would end before the deadline: nothing new is started")
            return
        if parts.others and parts.others.rests():
            self._take_back()
            return
        for slot in range(self.slots):
            appetite = parts.hands.appetite(slot)
            if not appetite:
                continue
            order = parts.orders.next(appetite)
            if order is None:
                self._is_hungry = True
                # What waits behind a long job goes to whoever is free.
                self._take_back(LONG_JOB_S)
                return
            parts.hands.start(slot, order)
        if parts.others:
            # No slot here is free for what waits behind a long job: one of another host's may be.
            self._take_back(LONG_JOB_S)

    def _take_back(self, behind_s: float = 0.0) -> None:
        for work in self.parts.hands.take_back(behind_s):
            self.parts.orders.give_back(work)

    def _wind_down(self) -> None:
        """What workers say only now that they have not begun comes back; what slipped in as all was ended, ends."""
        self._take_back()
        if self.at_once:
            self._end_running()

    def _is_over(self) -> bool:
        if self._verdicts or not self.parts.hands.is_idle():
            return False
        return bool(self.reason) or self.parts.orders.is_exhausted()

    def _wait(self) -> None:
        timeout = max(0.0, self._next_tick - world.monotonic())
        due = self.parts.orders.next_due()
        if due is not None and self._is_hungry and not self.reason:
            # Where no slot is free, what is due waits for one: a turn that waits for nothing would only be busy.
            timeout = min(timeout, max(0.0, due - world.monotonic()))
        parts = self.parts
        patience = parts.watch.patience(parts.tally.durations), parts.hands.patience(), self._verdicts.patience()
        timeout = min(timeout, *patience)
        # Large outputs are moved a step a turn: while there is one to move, no turn rests.
        if self.parts.background():
            timeout = 0.0
        if self.parts.selector.select(timeout):
            self.parts.stops.drain()

    def _between_turns(self) -> None:
        parts = self.parts
        now = world.monotonic()
        parts.writer.sync_if_due()
        if now >= self._next_tick or parts.stops.redraw:
            self._next_tick = now + TICK_S
            parts.stops.redraw = False
            running = parts.hands.running()
            parts.listener.tick(replace(self.counts(), eta_s=self._eta_s(running)), running)
        for one, cause in parts.watch.overdue(parts.hands, parts.tally.durations):
            parts.hands.end(one, cause)

    def _eta_s(self, running: Sequence[Running]) -> float | None:
        return self.parts.costs.eta_s(world.time(), running) if self.parts.costs else None

    def _pause(self) -> None:
        """Ctrl-Z: the jobs hold still with us, and the time until CONT counts for none of their limits."""
        parts = self.parts
        parts.stops.pause = False
        parts.listener.said("paused, with all running jobs, until it is continued (fg, bg, kill -CONT)")
        # One by one, for jobs are in sessions of their own, which a terminal's Ctrl-Z does not reach. We ourselves by
        # STOP: the TSTP that asked for it is handled here, and would only ask again.
        go_on = parts.hands.hold()
        began = world.monotonic()
        world.kill(world.getpid(), signal.SIGSTOP)
        parts.watch.rested(world.monotonic() - began)
        go_on()

    def _heed_stops(self) -> None:
        if self.parts.stops.pause:
            self._pause()
        self._heed_others()
        level = self.parts.stops.heed()
        if level >= 1:
            self.parts.hands.tell_stopping()
        if level == 1 and not self.reason:
            self._stop("stopped", LET_FINISH)
        if level >= 2 and not self.at_once:
            if not self.reason:
                self._stop("stopped")
            self._stop_now("stopping now: running jobs are ended")

    def _heed_others(self) -> None:
        told = self.parts.others.asked() if self.parts.others else None
        if told and not self.reason:
            self._stop(told.reason, told.sentence)
        if told and told.at_once and not self.at_once:
            self._stop_now("running jobs are ended")

    def _meets_halt(self, more: int = 0) -> bool:
        """Whether the halt rule is met, or would be with so many more."""
        tally = self.parts.tally
        done, failed = tally.done - self._done_before, tally.failed - self._failed_before
        return halts(self.parts.limits.halt, done, failed + more, self.jobs)

    def _heed_halt(self) -> None:
        halt, tally = self.parts.limits.halt, self.parts.tally
        # A rule that the last job meets stops nothing: all has run, and that is what is told.
        if halt is not None and self._meets_halt() and not self.reason and not self._is_over():
            done, failed = tally.done - self._done_before, tally.failed - self._failed_before
            self._stop("halt", f"stopping by the halt rule: {failed} failed, {done} done")
            if self.parts.others:
                self.parts.others.halt(f"{failed} failed, {done} done", at_once=halt.when == "now")
            if halt.when == "now":
                self._stop_now("running jobs are ended")

    def _stop(self, reason: str, sentence: str = "") -> None:
        self.reason = reason
        self._take_back()
        if sentence:
            self.parts.listener.said(sentence)

    def _stop_now(self, sentence: str) -> None:
        self.at_once = True
        self.parts.listener.said(sentence)
        self._end_running()

    def _end_running(self) -> None:
        for one in self.parts.hands.running():
            self.parts.hands.end(one, Cause.STOPPED)
