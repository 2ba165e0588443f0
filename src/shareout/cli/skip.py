"""`skip ID…`: jobs that are never to be run; the merge counts them as skipped, and is complete without them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from shareout.cli.explain import position_of
from shareout.cli.inputs.run_folders import folders_here, inputs_for, tell
from shareout.cli.inputs.shared_work import refuse_to_change
from shareout.cli.list import job_ids
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.ranges import is_in
from shareout.record.amend import refuse_busy, skip
from shareout.record.folder import RunFolder
from shareout.run.request import RunRequest, header_of, make_folder
from shareout.titles import named_columns


def configure(parser: argparse.ArgumentParser) -> None:
    """Which jobs, and whose run is told."""
    parser.epilog = "example:\n  skip 314 2718"
    parser.add_argument("ids", nargs="+", metavar="ID", help="jobs, or ranges of them as 0-2")
    parser.add_argument("--machine", metavar="NAME", help="say it to this machine's run (default: the jobs' owners)")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; 1 when one of the jobs has ended already. A run directory that is not there yet is made: a job may be given
    up before anything has run."""
    common = Common.of(arguments)
    plan, settings = inputs_for(common, entry, folders_here(common))
    by_machine: dict[str, list[tuple[int, int]]] = {}
    for job in job_ids(arguments.ids, plan.total):
        position = position_of(plan, job)
        # Said to the owner's run, and recorded as any verdict: a list of skipped ids in the inputs would be another
        # digest, and another plan.
        machine = arguments.machine or _machine(common, plan, job)
        by_machine.setdefault(machine, []).append((job, position))
    # All is refused before anything is written: half of the ids skipped would be nobody's wish.
    for machine, jobs in by_machine.items():
        _refuse_foreign(plan, machine, jobs)
    refuse_to_change([RunFolder.of(common.runs, plan.origin, machine) for machine in by_machine])
    refuse_busy([RunFolder.of(common.runs, plan.origin, machine) for machine in by_machine])
    skipped: list[int] = []
    for machine, jobs in by_machine.items():
        request = RunRequest(
            plan, settings, machine, common.runs, entry, columns=named_columns(common.configs, settings)
        )
        skipped += skip(
            make_folder(request), header_of(request, plan.share(machine)), jobs, plan.ids_of(plan.origin_hex)
        )
    ended = sorted({job for jobs in by_machine.values() for job, _ in jobs} - set(skipped))
    _tell(skipped, ended, common)
    return 1 if ended else 0


def _tell(skipped: Sequence[int], ended: Sequence[int], common: Common) -> None:
    for job in ended:
        tell(f"job {job} has ended already, and stays as it is")
    if common.json:
        print(json.dumps({"count": len(skipped), "skipped": sorted(skipped), "ended": list(ended)}))
    elif not common.quiet:
        print(f"{len(skipped):,} skipped; `requeue` takes that back")


def _refuse_foreign(plan: Plan, machine: str, jobs: Sequence[tuple[int, int]]) -> None:
    ranges = plan.share(machine).ranges
    for job, at in jobs:
        if not is_in(at, ranges):
            raise UsageError(f"job {job} is not {machine}'s", way_out=f"It is {plan.owner(job)}'s.")


def _machine(common: Common, plan: Plan, job: int) -> str:
    """Its owner; or all of them, when this host runs for all."""
    alone, owner = (RunFolder.of(common.runs, plan.origin, name) for name in (ALL, plan.owner(job)))
    return ALL if alone.journals() and not owner.journals() else plan.owner(job)
