"""What a command is given: its line, and the variables that tell it who it is (ours, and disBatch's by their names)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from shareout.config import Settings
from shareout.environment import told_folder
from shareout.names import ANYBODY
from shareout.plan.plan import Plan
from shareout.plan.seeds import job_seed
from shareout.pool import STREAM
from shareout.pool.templates import SLOT
from shareout.run.host.cores import granted_cores

Described = Callable[[int, int], tuple[str, Mapping[bytes, bytes]]]
"""job id, attempt → its command line and its own part of the environment."""


def variables_of_all(plan: Plan, settings: Settings, machine: str, slot: int) -> Mapping[bytes, bytes]:
    """What all commands of a slot are told."""
    pool_file = plan.pool.inputs[0].path
    cores = plan.share(machine).cores or granted_cores()
    return {
        # As a shell would set it: a program that is started without one must not find less.
        b"PWD": os.fsencode(told_folder()),
        b"SHAREOUT_MACHINE": machine.encode("utf-8", "surrogateescape"),
        b"SHAREOUT_SLOT": b"%d" % slot,
        b"SHAREOUT_POOL": str(pool_file).encode("utf-8", "surrogateescape"),
        b"DISBATCH_NAMETASKS": pool_file.name.encode("utf-8", "surrogateescape"),
        b"DISBATCH_JOBID": plan.short_hex.encode(),
        b"DISBATCH_ENGINE_RANK": b"%d" % engine_rank(plan, machine),
        b"DISBATCH_CYLINDER_RANK": b"%d" % slot,
        b"DISBATCH_CORES_PER_TASK": b"%d" % (cores // settings.run.slots_on(cores)),
    }


def describer(plan: Plan, settings: Settings, slot: int) -> Described:
    """Looks up one job after the other, for a slot."""
    pool = plan.pool
    is_text = pool.kind in ("text", STREAM)
    is_plain = is_text and not settings.commands.template and getattr(pool, "gives_lines", True)
    tells_slot = not is_plain and (SLOT in settings.commands.template or pool.kind == "groups")

    def describe(job: int, attempt: int) -> tuple[str, Mapping[bytes, bytes]]:
        line, repeat, task = job + 1, -1, job
        if is_text:
            row = pool.row(job)
            line, repeat, task = row.line, -1 if row.repeat is None else row.repeat, row.task
        text = row.text if is_plain else pool.command(job)
        # Only here is a slot known: the pool has one text of a job, whichever slot runs it.
        if tells_slot:
            text = text.replace(SLOT, str(slot + 1))
        own = {b"SHAREOUT_ATTEMPT": b"%d" % attempt, b"SHAREOUT_SEED": b"%d" % job_seed(plan.pool_digest, job)}
        for ours, theirs, value in (
            (b"SHAREOUT_LINE", b"DISBATCH_STREAM_INDEX", line),
            (b"SHAREOUT_REPEAT_INDEX", b"DISBATCH_REPEAT_INDEX", repeat),
        ):
            plain, padded = b"%d" % value, b"%06d" % value
            own[ours] = own[theirs] = plain
            own[ours + b"_ZP"] = own[theirs + b"_ZP"] = padded
        own[b"SHAREOUT_JOB"], own[b"SHAREOUT_JOB_ZP"] = b"%d" % job, b"%06d" % job
        own[b"DISBATCH_TASKID"], own[b"DISBATCH_TASKID_ZP"] = b"%d" % task, b"%06d" % task
        return text, own

    return describe


def engine_rank(plan: Plan, machine: str) -> int:
    """The machine's number among the plan's, from 0, and behind them that of a guest; 0 also when this host runs
    all."""
    names = [one.name for one in plan.machines if one.name != ANYBODY]
    if machine in plan.guests:
        return len(names) + max(0, plan.guests[machine] - 1)
    return names.index(machine) if machine in names else 0
