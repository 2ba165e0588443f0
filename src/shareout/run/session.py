"""One machine's run on one page: the table of contents of this room.

Opens the run directory, takes its lock, reads what is done, builds hands and crew, runs them, and leaves
everything whole: whatever ends a run, the same call goes on with it.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from shareout.choices import Background
from shareout.environment import user_environment
from shareout.events import Counts, Listener
from shareout.fields import dataclass, replace
from shareout.numerics.machine import HostNumerics, numerics_of_this_machine
from shareout.plan.plan import Share
from shareout.record.folder import RunFolder
from shareout.record.lock import Lock
from shareout.record.logs.segments import LogWriter
from shareout.record.tallies.cache import TallyKeeper
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter, session_now
from shareout.run.command.once import perform_now, perform_once
from shareout.run.crew import Crew, Parts
from shareout.run.earlier import adopt, see_elsewhere, take_over_all
from shareout.run.hands.fences import Fences
from shareout.run.hooks import Hooks, hooks_of
from shareout.run.host.cores import granted_cores
from shareout.run.listeners import Listeners, tell_numerics
from shareout.run.make import Makings, make_duty, make_hands, make_packing, slots_of
from shareout.run.orders import Orders
from shareout.run.output.choose import sinks_of
from shareout.run.output.live_file import LiveFile
from shareout.run.output.sieve import Sieve
from shareout.run.output.slots import SlotOutputs
from shareout.run.policy import deadline_of, exit_code
from shareout.run.processes.children import Children
from shareout.run.processes.guardian import Guardian
from shareout.run.processes.mark import Mark, end_earlier
from shareout.run.python.hooks import HookFailed, call_hook
from shareout.run.request import (
    RunRequest,
    header_of,
    make_folder,
    recording,
    refuse_the_countless,
    refuse_to_part,
    refuse_too_many,
    requeue_failed,
    tell_damage,
    wanted_of,
)
from shareout.run.stops import Stops
from shareout.run.watch import Watch
from shareout.supply.left import costs_left
from shareout.supply.static import StaticSupply, stages_of
from shareout.units import counted
from shareout.world import world

if TYPE_CHECKING:
    from shareout.joining.joined import Joined
    from shareout.joining.supply import LedgerSupply


@dataclass(frozen=True, slots=True)
class RunResult:
    """How it ended."""

    exit_code: int
    reason: str
    counts: Counts
    lost: str = ""
    """Why not all that jobs printed got through to where it was asked for, in words."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run holds open: its directory with lock, journal and log, and the signals that stop it."""

    folder: RunFolder
    lock: Lock
    stops: Stops
    writer: JournalWriter
    tally: Tally
    log: LogWriter
    numerics: HostNumerics
    fences: Fences
    joined: Joined | None
    """Its part in a ledger, where it has one."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run works with."""

    crew: Crew
    makings: Makings
    supply: StaticSupply | LedgerSupply
    hooks: Hooks
    keeper: TallyKeeper


def run_share(request: RunRequest, views: Sequence[Listener]) -> RunResult:
    """Run a share from where its journal stands."""
    share = request.plan.share(request.machine)
    refuse_the_countless(share)
    with recording(request.runs), ExitStack() as stack:
        opened = _open(request, share, views, stack)
        tell_damage(opened.tally, views)
        if request.retry_failed:
            requeue_failed(opened.tally, opened.writer, request.plan, request.groups)
        heard = [*views, opened.joined.luck] if opened.joined else views
        return _go(request, opened, _make(request, share, opened, heard, stack))


def _joined(request: RunRequest, fences: Fences, stack: ExitStack) -> Joined | None:
    """Before anything else is made: its liaison is forked from a process that holds nothing."""
    if request.join is None:
        return None
    from shareout.joining.joined import Joined

    joined = Joined(request.join, request.plan, request.machine, fences, runs=request.runs)
    stack.callback(joined.liaison.close)
    return joined


def _open(request: RunRequest, share: Share, views: Sequence[Listener], stack: ExitStack) -> Opened:
    """The lock comes before all that is written or believed; then ends what an earlier run left alive."""
    fences = Fences()
    joined = _joined(request, fences, stack)
    folder = make_folder(request)
    stops = Stops()
    stack.callback(stops.close)
    lock = Lock(folder)
    stack.callback(lock.release)
    if joined:
        joined.arrive(folder, _to_all(views))
    request.keep_call(folder)
    if joined is None and not request.is_alone:
        refuse_to_part(folder)
    end_earlier(folder, _to_all(views))
    header, over = header_of(request, share), None
    if joined:
        # What it runs is what it claims, which may be anything.
        nothing = tuple((start, start) for start, _ in share.ranges)
        header, over = replace(header, ranges=nothing, audit=(), claims=True), [(0, request.plan.jobs)]
    tally = tally_of(folder, header, request.plan.ids_of(request.plan.origin_hex), over)
    log = LogWriter(folder, request.machine, request.settings.logging.segment)
    stack.callback(log.close)
    said = _to_all(views, log)
    if joined is None and (elsewhere := see_elsewhere(request.plan, share, folder, tally, said)):
        is_or_are = "is" if elsewhere == 1 else "are"
        already = f"{counted(elsewhere, 'job')} of this share {is_or_are} done already"
        said(f"{already}: journals of other machines that are here say so")
    take_over_all(request, folder, header, tally, log)
    adopt(request, folder, header, tally, log=log, said=said)
    numerics = numerics_of_this_machine(user_environment(), is_portable=request.settings.run.is_portable)
    about = {"boot": world.boot_id(), **numerics.facts()}
    writer = JournalWriter(folder, replace(header, start=session_now("start", about=about)))
    stack.callback(writer.close)
    return Opened(folder, lock, stops, writer, tally=tally, log=log, numerics=numerics, fences=fences, joined=joined)


def _make(request: RunRequest, share: Share, opened: Opened, views: Sequence[Listener], stack: ExitStack) -> Made:
    """Builds everything that a run works with, from what jobs print up to the crew; then what is to be done once."""
    settings, folder, tally = request.settings, opened.folder, opened.tally
    writer, log, stops, joined = opened.writer, opened.log, opened.stops, opened.joined
    sieve = Sieve(settings.commands.keep_lines, _to_all(views, log))
    sinks, looking = sinks_of(request, folder, tally, log, sieve)
    outputs = SlotOutputs(folder, log, settings, sieve, sinks)
    stack.callback(outputs.close)
    slots = slots_of(request.plan, settings, share.cores or granted_cores(), tally.todo)
    refuse_too_many(slots)
    leaves = settings.commands.background is Background.LEAVE
    mark = Mark.new(folder, keep=not leaves)
    children = Children(leave_background=leaves)
    guardian = Guardian(slots, mark, children, leave_background=leaves)
    selector = stack.enter_context(world.selector())
    selector.register(stops.fileno(), selectors.EVENT_READ)
    makings = Makings(
        request.plan,
        settings,
        machine=request.machine,
        folder=folder,
        entry=request.entry,
        outputs=outputs,
        log=log,
        children=children,
        guardian=guardian,
        selector=selector,
        mark=mark,
        slots=slots,
        private=(writer.fileno(), log.fileno(), opened.lock.fileno(), stops.fileno()),
        fences=opened.fences,
        joined=joined,
    )
    hooks = hooks_of(request, log, children)
    audience = Listeners([*views, *looking, hooks, LiveFile(folder.live, outputs.activity, opened.lock.hold)], log)
    packing = make_packing(makings, share)
    duty = make_duty(makings)
    _prepare(request, makings)
    stops.attend()
    supply = _supply(request, share, opened, makings)
    hands = make_hands(makings, duty, packed=packing is not None)
    keeper = TallyKeeper(folder, writer, tally)
    parts = Parts(
        Orders(supply, packing, tally, slots, settings.limits),
        hands,
        writer=writer,
        tally=tally,
        listener=audience,
        children=children,
        guardian=guardian,
        stops=stops,
        selector=selector,
        limits=settings.limits,
        watch=Watch(settings.limits),
        background=_background(outputs, log, keeper, joined, audience),
        costs=supply.costs,
        others=joined,
    )
    crew = Crew(parts, slots, len(tally.states), deadline_of(settings.limits.until, world.time()))
    return Made(crew, makings, supply, hooks, keeper)


def _go(request: RunRequest, opened: Opened, made: Made) -> RunResult:
    """From the first job to the last word."""
    crew, parts, stops = made.crew, made.crew.parts, opened.stops
    jobs = f"{len(opened.tally.states)} jobs, {opened.tally.todo} to do, {crew.slots} slots"
    _begin(opened, made.keeper, f"a run begins: {jobs}{request.told_groups}")
    tell_numerics(opened.numerics, opened.log, parts.listener)
    parts.listener.began(crew.counts())
    try:
        reason = crew.run()
    finally:
        parts.hands.close()
        parts.children.end_all()
    stops.leave()
    heard = stops.heard
    result = _finish(request, made, _reason(request, made.supply, parts.listener, reason))
    made.hooks.wait(parts.listener.said, lambda: stops.heed() > 0 and stops.heard > heard)
    parts.guardian.dismiss()
    opened.folder.mark.unlink(missing_ok=True)
    made.makings.outputs.close()
    return replace(result, lost=made.makings.outputs.lost)


def _reason(request: RunRequest, supply: StaticSupply | LedgerSupply, listener: Listener, reason: str) -> str:
    """Why it is over: the crew knows only that there was nothing more to do."""
    if supply.refusal:
        listener.said(f"stopped: {supply.refusal}")
        return "barrier"
    return "limited" if reason == "finished" and request.most is not None and supply.left() else reason


def _finish(request: RunRequest, made: Made, reason: str) -> RunResult:
    """First what is recorded, then the user's own code, then whoever looks."""
    crew, writer, listener = made.crew, made.crew.parts.writer, made.crew.parts.listener
    counts = crew.counts()
    writer.end(reason)
    writer.sync()
    joined = made.makings.joined
    made.makings.log.flush()
    is_told = joined is None or _leave(joined, listener)
    if joined is None and reason == "finished":
        writer.discard_if_it_adds_nothing()
    made.keeper.save()
    stopped_by = crew.parts.stops.number if crew.at_once else None
    code = exit_code(reason, counts, stopped_by, limited=request.is_limited, is_told=is_told)
    sentence, failures, counts_against = _tidy_up(request, made.makings)
    if sentence:
        listener.said(f"{sentence}; the log tells where. Run the same command to try it again")
    for failure in failures:
        listener.said(failure)
    if sentence or counts_against:
        code = code or HookFailed.exit_code
    # The user's own code is over, and the exit code is known: from here on a signal ends hooks, and nothing else. Hooks
    # may send one as soon as they are started.
    crew.parts.stops.gives_way = False
    listener.ended(counts, reason)
    return RunResult(code, reason, counts)


def _leave(joined: Joined, listener: Listener) -> bool:
    """Whether others know of it."""
    if joined.leave():
        return True
    listener.said(f"{joined.place} does not answer: what was recorded here lies here, and is shipped by the next run")
    # Then at most a log misses its end.
    return joined.supply.member.host.is_over()


def _begin(opened: Opened, keeper: TallyKeeper, sentence: str) -> None:
    # What is there may be of lines that a power cut took: it would speak against the journal.
    keeper.save()
    opened.log.record(sentence)
    opened.log.flush()


def _prepare(request: RunRequest, makings: Makings) -> None:
    """What is to be done once before the first job. A Ctrl-C ends it at once: no job runs yet."""
    perform_once(makings, "START")
    setup = request.entry.setup if request.entry else None
    if sentence := call_hook("setup", setup, request.settings.parser, makings.log):
        way_out = "No job was started. The log tells where it failed; mend it, and run again."
        raise HookFailed(sentence, way_out=way_out)


def _tidy_up(request: RunRequest, makings: Makings) -> tuple[str, list[str], bool]:
    """What is to be done once after the last job; all is recorded already, and a Ctrl-C ends it at once. How the
    teardown failed, how STOP commands did, and whether theirs is ours to mind."""
    teardown = request.entry.teardown if request.entry else None
    sentence = call_hook("teardown", teardown, request.settings.parser, makings.log)
    failures, counts = perform_once(makings, "STOP")
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


def _supply(request: RunRequest, share: Share, opened: Opened, makings: Makings) -> StaticSupply | LedgerSupply:
    plan, tally, slots = request.plan, opened.tally, makings.slots
    if opened.joined:
        opened.joined.watch(makings.selector, makings.children.add)
        return opened.joined.take_part(
            opened.folder,
            opened.writer,
            tally,
            slots,
            wishes=request.wishes(opened.joined.files, opened.log),
            start=lambda them: perform_now(makings, "START", them),
        )
    is_known = plan.costs and not request.in_place
    costs = costs_left(plan, share.ranges, tally, slots) if is_known else None
    return StaticSupply(stages_of(plan, share), tally, request.most, wanted_of(plan, request.groups), costs)


def _background(
    outputs: SlotOutputs, log: LogWriter, keeper: TallyKeeper, joined: Joined | None, audience: Listener
) -> Callable[[], bool]:
    def step() -> bool:
        log.flush_if_due()
        keeper.save_if_due()
        is_new = joined is not None and joined.supply.turn()
        for sentence in joined.news() if joined else ():
            audience.said(sentence)
        return outputs.step() or is_new

    return step
