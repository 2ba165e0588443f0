"""One machine's run on one page: the table of contents of this room.

Opens the run directory, takes its lock, reads what is done, builds hands and crew, runs them, and leaves
everything whole: whatever ends a run, the same call goes on with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain

from shareout.code_hash import code_hash
from shareout.environment import user_environment
from shareout.events import Counts, Listener
from shareout.plan.plan import Plan, Share
from shareout.record.folder import RunFolder
from shareout.record.journal import Session
from shareout.record.keeper import TallyKeeper
from shareout.record.lock import Lock
from shareout.record.log import LogWriter
from shareout.record.reader import read_header
from shareout.record.tally import Tally, tally_of
from shareout.record.writer import JournalWriter
from shareout.run.audience import Audience
from shareout.run.calling import HookFailed, call_hook
from shareout.run.cores import granted_cores
from shareout.run.crew import Crew, Parts
from shareout.run.engine import perform
from shareout.run.guardian import Guardian
from shareout.run.hearing import hearers_of, wanted_of
from shareout.run.hooks import Hooks
from shareout.run.limits import Watch
from shareout.run.livefile import LiveFile
from shareout.run.making import Makings, make_duty, make_hands, make_packing, slots_of
from shareout.run.mark import Mark, end_earlier
from shareout.run.opening import (
    RunRequest,
    header_of,
    make_folder,
    refuse_the_countless,
    refuse_too_many,
    requeue_failed,
    tell_damage,
)
from shareout.run.orphans import Children
from shareout.run.output import SlotOutputs
from shareout.run.policy import deadline_of
from shareout.run.shells import Shells
from shareout.run.sieve import Sieve
from shareout.run.signals import Stops
from shareout.run.takeover import of_pool, of_status_files, take_over
from shareout.supply.static import Stage, StaticSupply


@dataclass(frozen=True, slots=True)
class RunResult:
    """How it ended."""

    exit_code: int
    reason: str
    counts: Counts
    lost: str = ""
    """Why not all that jobs printed got through to where it was asked for, in words."""


def run_share(request: RunRequest, views: Sequence[Listener]) -> RunResult:
    """Run a share from where its journal stands."""
    share = request.plan.share(request.machine)
    refuse_the_countless(share)
    folder = make_folder(request)
    with ExitStack() as stack:
        stops = Stops()
        stack.callback(stops.close)
        lock = Lock(folder)
        stack.callback(lock.release)
        header = header_of(request, share)
        end_earlier(folder, _to_all(views))
        writer = JournalWriter(folder, header)
        stack.callback(writer.close)
        ids_at = request.plan.ids_of(request.plan.hex)
        tally = tally_of(folder.journal, folder.tally, read_header(folder.journal), ids_at)
        writer.follows(tally)
        log = LogWriter(folder, request.machine, request.settings.logging.segment)
        stack.callback(log.close)
        tell_damage(tally, folder, views)
        _take_over(request, tally, writer, log)
        if request.retry_failed:
            requeue_failed(tally, writer, request.plan, request.groups)
        return _run(request, share, folder, writer, tally, log, lock, stops, views, stack)


def _take_over(request: RunRequest, tally: Tally, writer: JournalWriter, log: LogWriter) -> None:
    """What ended elsewhere, as a session of its own: it says nothing about how long this run takes."""
    plan = request.plan
    earlier = [of_pool(plan)]
    if request.resume_from:
        earlier.append(
            of_status_files(request.resume_from, plan, failed_too=not request.retry_failed, force=request.force_resume)
        )
    for told in earlier:
        first = next(told, None)
        if first is None or not tally.todo:
            continue
        writer.append(_session("start").line())
        count = take_over(chain([first], told), plan, tally, writer, log)
        writer.append(_session("end", "taken over").line())
        log.record(f"taken over from {first.origin}: {count} jobs of this share that had ended before")


def _run(
    request: RunRequest,
    share: Share,
    folder: RunFolder,
    writer: JournalWriter,
    tally: Tally,
    log: LogWriter,
    lock: Lock,
    stops: Stops,
    views: Sequence[Listener],
    stack: ExitStack,
) -> RunResult:
    settings = request.settings
    sieve = Sieve(settings.commands.keep_lines, _to_all(views, log))
    outputs = SlotOutputs(folder, log, settings, sieve, hearers_of(request, folder, tally, log, sieve))
    stack.callback(outputs.close)
    slots = slots_of(request.plan, settings, share.cores or granted_cores(), tally.todo)
    refuse_too_many(slots)
    leaves = settings.commands.background == "leave"
    mark = Mark.new(folder, keep=not leaves)
    children = Children(leave_background=leaves)
    guardian = Guardian(slots, mark, children, leave_background=leaves)
    selector = stack.enter_context(selectors.DefaultSelector())
    selector.register(stops.fileno(), selectors.EVENT_READ)
    makings = Makings(
        request.plan, settings, request.machine, folder, request.entry, outputs, log, children,
        guardian, selector, mark, slots, (writer.fileno(), log.fileno(), lock.fileno(), stops.fileno()),
    )  # fmt: skip
    shells = Shells(settings.commands.shell, user_environment(), for_bash=False)
    hooks = Hooks(settings.hooks, settings.limits.grace, shells, _facts(request), log.record, children)
    audience = Audience([*views, hooks, LiveFile(folder.live, outputs.activity)], log)
    packing = make_packing(makings, share)
    duty = make_duty(makings)
    _prepare(request, makings)
    stops.attend()
    supply = _supply(request, share, tally)
    hands = make_hands(makings, duty, packed=packing is not None)
    keeper = TallyKeeper(folder, writer, tally)
    parts = Parts(
        supply, hands, writer, tally, audience, children, guardian, stops, selector, settings.limits,
        packing, Watch(settings.limits), _background(outputs, log, keeper),
    )  # fmt: skip
    crew = Crew(parts, slots, len(tally.states), deadline_of(settings.limits.until, time.time()))
    begins = f"a run begins: {len(tally.states)} jobs, {tally.todo} to do, {slots} slots{_asked(request)}"
    _begin(writer, keeper, log, begins)
    audience.began(crew.counts())
    try:
        reason = crew.run()
    finally:
        hands.close()
        children.end_all()
    stops.leave()
    heard = stops.heard
    result = _finish(request, makings, crew, keeper, _reason(request, supply, audience, reason))
    stops.gives_way = False
    hooks.wait(audience.said, lambda: stops.heed() > 0 and stops.heard > heard)
    guardian.dismiss()
    folder.mark.unlink(missing_ok=True)
    outputs.close()
    return replace(result, lost=outputs.lost)


def _reason(request: RunRequest, supply: StaticSupply, listener: Listener, reason: str) -> str:
    """Why it is over: the crew knows only that there was nothing more to do."""
    if supply.refusal:
        listener.said(f"stopped: {supply.refusal}")
        return "barrier"
    return "limited" if reason == "finished" and request.most is not None and supply.left() else reason


def _finish(request: RunRequest, makings: Makings, crew: Crew, keeper: TallyKeeper, reason: str) -> RunResult:
    """First what is recorded, then the user's own code, then whoever looks."""
    writer, listener, stops = crew.parts.writer, crew.parts.listener, crew.parts.stops
    counts = crew.counts()
    writer.append(_session("end", reason).line())
    writer.sync()
    keeper.save()
    code = _exit_code(reason, counts, at_once=crew.at_once, number=stops.number, limited=request.is_limited)
    sentence, failures, counts_against = _tidy_up(request, makings)
    if sentence:
        listener.said(f"{sentence}; the log tells where. Run the same command to try it again")
    for failure in failures:
        listener.said(failure)
    if sentence or counts_against:
        code = code or HookFailed.exit_code
    listener.ended(counts, reason)
    return RunResult(code, reason, counts)


def _begin(writer: JournalWriter, keeper: TallyKeeper, log: LogWriter, sentence: str) -> None:
    # The tally that is there may be of lines that a power cut took: it would speak against the journal.
    keeper.save()
    writer.append(_session("start").line())
    log.record(sentence)
    log.flush()


def _prepare(request: RunRequest, makings: Makings) -> None:
    """What is to be done once before the first job. A Ctrl-C ends it at once: no job runs yet."""
    perform(request.plan.pool.start_commands, makings, "START")
    setup = request.entry.setup if request.entry else None
    if sentence := call_hook("setup", setup, request.settings.parser, makings.log):
        way_out = "No job was started. The log tells where it failed; mend it, and run again."
        raise HookFailed(sentence, way_out=way_out)


def _tidy_up(request: RunRequest, makings: Makings) -> tuple[str, list[str], bool]:
    """What is to be done once after the last job; all is recorded already, and a Ctrl-C ends it at once. How the
    teardown failed, how STOP commands did, and whether theirs is ours to mind."""
    teardown = request.entry.teardown if request.entry else None
    sentence = call_hook("teardown", teardown, request.settings.parser, makings.log)
    failures, counts = perform(request.plan.pool.stop_commands, makings, "STOP")
    makings.children.spared = ""
    makings.children.end_all()
    return sentence, failures, counts


def _to_all(views: Sequence[Listener], log: LogWriter | None = None) -> Callable[[str], None]:
    def said(line: str) -> None:
        if log is not None:
            log.record(line, level="WARNING")
        for view in views:
            view.said(line)

    return said


def _session(event: str, reason: str = "") -> Session:
    return Session(event, time.time(), os.getpid(), socket.gethostname(), code_hash(), reason)


def _stages(plan: Plan, share: Share) -> list[Stage]:
    """The phases in order, then what is run again as an audit."""
    phases = [
        Stage(start, stop, phase.check) for (start, stop), phase in zip(share.ranges, plan.pool.phases, strict=True)
    ]
    return [*phases, *(Stage(start, stop, waits=False) for start, stop in share.audit)]


def _supply(request: RunRequest, share: Share, tally: Tally) -> StaticSupply:
    return StaticSupply(_stages(request.plan, share), tally, request.most, wanted_of(request.plan, request.groups))


def _asked(request: RunRequest) -> str:
    return f", only of {', '.join(request.groups)}" if request.groups else ""


def _facts(request: RunRequest) -> dict[str, str]:
    plan = request.plan
    return {"SHAREOUT_MACHINE": request.machine, "SHAREOUT_DIGEST": plan.hex, "SHAREOUT_FINGERPRINT": plan.fingerprint}


def _background(outputs: SlotOutputs, log: LogWriter, keeper: TallyKeeper) -> Callable[[], bool]:
    def step() -> bool:
        log.flush_if_due()
        keeper.save_if_due()
        return outputs.step()

    return step


def _exit_code(reason: str, counts: Counts, *, at_once: bool, number: int, limited: bool) -> int:
    todo = counts.jobs - counts.done - counts.failed - counts.skipped
    if reason in ("stopped", "deadline", "refused", "full"):
        if at_once:
            return 143 if number == signal.SIGTERM else 130
        return 3 if todo else int(counts.failed > 0)
    if reason == "halt":
        return 1 if counts.failed else 3 if todo else 0
    if counts.failed or reason == "barrier":
        return 1
    return 3 if todo and not limited else 0
