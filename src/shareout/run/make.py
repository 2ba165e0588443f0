"""Builds the hands that a run's jobs need: workers that spawn commands, or that call a Python function."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from shareout.config import Settings
from shareout.entry import Entry, runs_commands
from shareout.errors import InputError
from shareout.fields import dataclass
from shareout.plan.fitting import Demand, Host, demand_of, is_packed, least_cores, refuse_unfit
from shareout.plan.plan import Plan, Share
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Stream
from shareout.run.duties import command_duty, python_duty
from shareout.run.hands import Hands
from shareout.run.hands.fences import Fences, free
from shareout.run.hands.fork import Fork, WorkerMain
from shareout.run.hands.workers import Workers
from shareout.run.host.capacity import Capacity
from shareout.run.host.cgroups import memory_granted
from shareout.run.host.cores import counted_gpus, granted_cores, granted_memory, seen_gpus
from shareout.run.host.gate import Gate
from shareout.run.host.packing import Packing
from shareout.run.output.slots import SlotOutputs
from shareout.run.processes.children import Children
from shareout.run.processes.guardian import Guardian
from shareout.run.processes.mark import Mark
from shareout.settings_values import MOST_SLOTS
from shareout.world import world

if TYPE_CHECKING:
    from shareout.joining.joined import Joined


@dataclass(frozen=True, slots=True)
class Makings:
    """What everything in a run is made from."""

    plan: Plan
    settings: Settings
    machine: str
    folder: RunFolder
    entry: Entry | None
    outputs: SlotOutputs
    log: LogWriter
    children: Children
    guardian: Guardian
    selector: selectors.BaseSelector
    mark: Mark
    slots: int
    private: tuple[int, ...]
    fences: Fences | None = None
    joined: Joined | None = None


def slots_of(plan: Plan, settings: Settings, cores: int, todo: int) -> int:
    """Places where jobs run here and now: as many as the smallest jobs find room, and no more than there are jobs."""
    slots = settings.run.slots_on(cores)
    if settings.run.slots is None and is_packed(plan, settings):
        slots = max(slots, min(MOST_SLOTS, int(cores // least_cores(plan, settings))))
    # A worker without a job would be a fork, and its memory, for nothing.
    return min(slots, max(1, todo))


def make_duty(makings: Makings) -> WorkerMain:
    """The one place that knows both kinds."""
    if makings.entry is None or makings.entry.job is None:
        return command_duty(makings.plan, makings.settings, makings.machine, makings.guardian.leads)
    return python_duty(
        makings.plan,
        makings.settings,
        makings.machine,
        folder=makings.folder,
        entry=makings.entry,
        job=makings.entry.job,
        leads=makings.guardian.leads,
    )


def make_hands(makings: Makings, duty: WorkerMain, *, packed: bool) -> Hands:
    """Forks the workers. `packed`: each job is told by itself what it may use."""
    is_command = runs_commands(makings.entry)
    # What waits for leave to start waits here. With a rule of when to stop, no command is begun before the last one is
    # judged.
    limits = makings.settings.limits
    single = packed or Gate.of(limits) is not None or (is_command and limits.halt is not None)
    return _make_workers(makings, duty, runs_commands=is_command, nice=makings.settings.run.nice, single=single)


def make_packing(makings: Makings, share: Share) -> Packing | None:
    """Only when jobs differ in what they take, or take more than cores. Refuses those that could never run here."""
    plan, settings = makings.plan, makings.settings
    if not is_packed(plan, settings):
        return None
    host, gpus = host_of(plan, settings, share)

    def demand(position: int, factor: Fraction) -> Demand:
        job = plan.job_at(position)
        made = demand_of(settings.run, plan.pool.need(job, settings.run.needs))
        if much := host.too_much(made):
            raise InputError(f"job {job} takes {much}", way_out="It could never run here. Lower its need.")
        return made.with_memory(factor)

    capacity = Capacity(host.cores, gpus, host.memory or 0)
    return Packing(capacity, demand, settings.limits.retry_memory_factor, makings.slots)


def check_jobs(plan: Plan, settings: Settings, share: Share) -> Demand:
    """Refuses jobs that could never run here: before anything is made or started. The most that any takes of each."""
    return refuse_unfit(plan, settings, [host_of(plan, settings, share)[0]])


def host_of(plan: Plan, settings: Settings, share: Share) -> tuple[Host, tuple[str, ...]]:
    """What this machine has, and the names of its GPUs."""
    machine = next((one for one in plan.machines if one.name == share.machine), None)
    there = share.cores or granted_cores()
    cores = Fraction(max(there, settings.run.slots.of(there) if settings.run.slots else 0))
    variable, seen = seen_gpus()
    said = machine.gpus if machine else None
    has = counted_gpus() if said is None and seen is None else said or 0
    # What the environment shows outranks machines.json: of a host with eight an allocation may have two.
    gpus = tuple(map(str, range(has))) if seen is None else seen
    most = machine and machine.memory
    # machines.json may leave a part of the host to others. More than the control group grants it cannot give: what
    # takes more is killed by the kernel.
    memory = min(most, memory_granted() or most) if most else granted_memory()
    hidden_by = variable if seen == () and variable in os.environ else ""
    return Host(share.machine, cores, len(gpus), memory, hidden_by), gpus


def _make_workers(makings: Makings, duty: WorkerMain, *, runs_commands: bool, nice: int, single: bool) -> Hands:
    made: list[Workers] = []
    plan, joined = makings.plan, makings.joined
    # Before the fork: what this makes lies in pages that all workers share; after it, each would make its own.
    plan.prepare()

    # Asked at each fork, for workers come and go. One that kept our end of another's pipe would keep that other from
    # ever seeing its pipe end.
    def private(slot: int) -> list[int]:
        ours = joined.liaison.handles() if joined else []
        return [*makings.private, *ours, *makings.guardian.foreign(slot), *(made[0].handles() if made else [])]

    def name(position: int) -> tuple[int, str]:
        job = plan.job_at(position)
        return job, plan.pool.command(job) if runs_commands else plan.pool.row(job).text

    workshop = Fork(
        duty,
        runs_commands,
        makings.folder,
        mark=makings.mark.text,
        nice=nice,
        private=private,
        fences=makings.fences,
    )
    workers = Workers(
        makings.slots,
        workshop.spawn,
        name=name,
        heard=_hearer(makings),
        children=makings.children,
        runs=makings.guardian.runs,
        selector=makings.selector,
        grace=makings.settings.limits.grace,
        single=single,
        fence=joined.fence if joined else free,
    )
    made.append(workers)
    return workers


def _hearer(makings: Makings) -> Callable[[str, Mapping[str, object]], None]:
    log, outputs = makings.log, makings.outputs

    def heard(kind: str, facts: Mapping[str, object]) -> None:
        number, attempt = int(str(facts["job"])), int(str(facts["try"]))
        job = number if number >= 0 else None
        if kind in "LAI":
            text, level = str(facts.get("text") or facts.get("trace")), str(facts.get("level") or "ERROR")
            log.record(text, level=level, job=job, attempt=attempt)
            if job is not None:
                outputs.note(text, job, level)
        elif kind == "O":
            texts = [(stream, str(facts[stream])) for stream in Stream if stream in facts]
            for place, (stream, text) in enumerate(texts):
                data = text.encode("utf-8", "surrogateescape")
                outputs.add(data, number, attempt, stream=stream, first=place == 0)
        elif kind == "F":
            outputs.adopt(world.path(str(facts[stream])) for stream in Stream if stream in facts)

    return heard
