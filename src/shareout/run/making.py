"""Builds the hands that a run's jobs need: spawned commands, or workers for a Python function."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from shareout.config import Settings
from shareout.entry import Entry
from shareout.environment import user_environment, with_threads
from shareout.errors import InputError, Place
from shareout.plan.plan import Plan, Share
from shareout.plan.seeds import job_seed
from shareout.pool import Need
from shareout.record.folder import RunFolder
from shareout.record.log import LogWriter
from shareout.run import Hands, Order
from shareout.run.cores import granted_cores, granted_memory, visible_gpus
from shareout.run.guardian import Guardian
from shareout.run.needs import Packing
from shareout.run.orphans import Children
from shareout.run.output import SlotOutputs
from shareout.run.slots import Capacity, Demand, demand_of

CHECKED_NEEDS = 100_000


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
    mark: str
    slots: int
    private: tuple[int, ...]


def slots_of(settings: Settings, cores: int) -> int:
    """Places where jobs run: cores // cores per job, unless it is said."""
    return settings.run.slots or max(1, int(cores // settings.run.cores_per_job))


def make_hands(makings: Makings) -> Hands:
    """The one place that knows both kinds."""
    if makings.entry is not None:
        return _make_callables(makings, makings.entry)
    from shareout.run.commands import Commands

    settings = makings.settings
    environment = with_threads(user_environment(), int(settings.run.cores_per_job))
    return Commands(
        makings.slots, settings, environment, _describer(makings), makings.outputs, makings.children,
        makings.guardian.runs, makings.mark,
    )  # fmt: skip


def make_packing(makings: Makings, share: Share) -> Packing | None:
    """Only when jobs differ in what they take, or take more than cores."""
    settings, pool = makings.settings.run, makings.plan.pool
    varied = bool(settings.needs) or any(pool.need(job) for job in range(min(len(pool), CHECKED_NEEDS)))
    if not varied and not settings.gpus_per_job and settings.memory_per_job is None:
        return None
    capacity = _capacity(makings, share)

    def demand(position: int, factor: Fraction) -> Demand:
        return demand_of(settings, need_of(makings, makings.plan.job_at(position)), factor)

    _refuse_the_impossible(makings, capacity)
    return Packing(capacity, demand, makings.settings.limits.retry_memory_factor)


def need_of(makings: Makings, job: int) -> Need | None:
    """From a directive, or from the fields that `[run] needs` names."""
    names = makings.settings.run.needs
    pool = makings.plan.pool
    if not names:
        return pool.need(job)
    from shareout.units import parse_filesize

    named = pool.row(job).named
    memory = str(named["memory"]) if "memory" in names and named.get("memory") not in (None, "") else None
    return Need(
        str(named["cores"]) if "cores" in names and named.get("cores") not in (None, "") else None,
        str(named["gpus"]) if "gpus" in names and named.get("gpus") not in (None, "") else None,
        parse_filesize(memory) if memory else None,
    )


def _capacity(makings: Makings, share: Share) -> Capacity:
    machine = next((one for one in makings.plan.machines if one.name == makings.machine), None)
    cores = Fraction(share.cores or granted_cores())
    gpus = visible_gpus() or tuple(str(number) for number in range((machine and machine.gpus) or 0))
    memory = (machine and machine.memory) or granted_memory()
    return Capacity(max(cores, Fraction(makings.settings.run.slots or 0)), gpus, memory)


def _refuse_the_impossible(makings: Makings, capacity: Capacity) -> None:
    pool = makings.plan.pool
    mistakes = []
    for job in range(min(len(pool), CHECKED_NEEDS)):
        try:
            much = capacity.can_ever(demand_of(makings.settings.run, need_of(makings, job)))
        except ValueError as error:
            much = str(error)
        if much:
            mistakes.append(f"job {job} takes {much}")
            if len(mistakes) == 5:
                break
    if mistakes:
        raise InputError(
            "; ".join(mistakes),
            where=Place(str(pool.inputs[0].path)),
            way_out="It could never run here. Lower its need.",
        )


def _describer(makings: Makings) -> Callable[[int, int, Order], tuple[int, str, Mapping[bytes, bytes]]]:
    """position, slot, order → id, command line, and the job's own variables."""
    plan, pool = makings.plan, makings.plan.pool
    pool_file = pool.inputs[0].path
    every = {
        b"SHAREOUT_MACHINE": makings.machine.encode("utf-8", "surrogateescape"),
        b"SHAREOUT_POOL": str(pool_file).encode("utf-8", "surrogateescape"),
        b"DISBATCH_NAMETASKS": pool_file.name.encode("utf-8", "surrogateescape"),
        b"DISBATCH_JOBID": plan.short_hex.encode(),
        b"DISBATCH_ENGINE_RANK": str(engine_rank(makings)).encode(),
    }
    is_text = pool.kind == "text"
    is_plain = is_text and not makings.settings.commands.template

    def describe(position: int, slot: int, order: Order) -> tuple[int, str, Mapping[bytes, bytes]]:
        job = plan.job_at(position)
        line, repeat = (job + 1, -1)
        if is_text:
            row = pool.row(job)
            line, repeat = row.line, -1 if row.repeat is None else row.repeat
        text = row.text if is_plain else pool.command(job)
        own = {
            **every,
            b"SHAREOUT_SLOT": b"%d" % slot,
            b"SHAREOUT_ATTEMPT": b"%d" % order.attempt,
            b"SHAREOUT_SEED": b"%d" % job_seed(plan.pool_digest, job),
        }
        for ours, theirs, value in (
            (b"SHAREOUT_JOB", b"DISBATCH_TASKID", job),
            (b"SHAREOUT_LINE", b"DISBATCH_STREAM_INDEX", line),
            (b"SHAREOUT_REPEAT_INDEX", b"DISBATCH_REPEAT_INDEX", repeat),
        ):
            plain, padded = b"%d" % value, b"%06d" % value
            own[ours] = own[theirs] = plain
            own[ours + b"_ZP"] = own[theirs + b"_ZP"] = padded
        if order.gpus:
            own[b"CUDA_VISIBLE_DEVICES"] = ",".join(order.gpus).encode()
        return job, text, own

    return describe


def engine_rank(makings: Makings) -> int:
    names = [one.name for one in makings.plan.machines]
    return names.index(makings.machine) if makings.machine in names else 0


def _make_callables(makings: Makings, entry: Entry) -> Hands:
    from shareout.run.binding import Binding
    from shareout.run.callables import Callables
    from shareout.run.workshop import Workshop

    plan, settings = makings.plan, makings.settings
    binding = Binding(entry.job, plan.pool)
    binding.check()
    plan.prepare()
    hands: list[Callables] = []

    def private() -> list[int]:
        return [*makings.private, *makings.guardian.handles(), *(hands[0].handles() if hands else [])]

    def name(position: int) -> tuple[int, str]:
        job = plan.job_at(position)
        return job, plan.pool.row(job).text

    workshop = Workshop(
        entry, plan, binding, makings.folder, makings.machine, settings.parser, settings.logging.level,
        makings.mark, max(1, int(settings.run.cores_per_job)), settings.run.nice, user_environment(), private,
    )  # fmt: skip
    single = bool(settings.run.needs or settings.run.gpus_per_job or settings.run.memory_per_job is not None)
    made = Callables(
        makings.slots, workshop.spawn, name, _hearer(makings), makings.children, makings.guardian.runs,
        makings.selector, settings.limits.grace, single=single,
    )  # fmt: skip
    hands.append(made)
    return made


def _hearer(makings: Makings) -> Callable[[str, Mapping[str, object]], None]:
    from pathlib import Path

    log, outputs = makings.log, makings.outputs

    def heard(kind: str, facts: Mapping[str, object]) -> None:
        job, attempt = int(str(facts["job"])), int(str(facts["try"]))
        if kind == "L":
            log.record(str(facts["text"]), level=str(facts["level"]), job=job if job >= 0 else None, attempt=attempt)
        elif kind == "A":
            log.record(str(facts["trace"]), level="ERROR", job=job, attempt=attempt)
        elif kind == "O":
            outputs.add(str(facts["text"]).encode("utf-8", "surrogateescape"), job, attempt)
        elif kind == "F":
            outputs.adopt(Path(str(facts["path"])), job, attempt)

    return heard
