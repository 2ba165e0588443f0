"""`skip ID…`: jobs that are never to be run; the merge counts them as skipped, and is complete without them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from shareout.cli.explain import position_of
from shareout.cli.inputs.run_folders import folders_here, inputs_for, tell
from shareout.cli.inputs.shared_work import refuse_to_change
from shareout.cli.list import job_ranges
from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, shared_place
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.names import ALL
from shareout.number_set import NumberSet
from shareout.plan.plan import Plan
from shareout.ranges import is_in
from shareout.record.amend import Places, refuse_busy, skip
from shareout.record.folder import RunFolder
from shareout.run.request import RunRequest, header_of, make_folder
from shareout.titles import named_columns

if TYPE_CHECKING:
    from shareout.cli.place.ledger import Place

LOT = 10_000
"""Ids that are written at once."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which jobs, and whose run is told."""
    parser.epilog = "example:\n  skip 314 2718"
    parser.add_argument("ids", nargs="+", metavar="ID", help="jobs, or ranges of them as 0-2")
    parser.add_argument("--machine", metavar="NAME", help="say it to this machine's run (default: the jobs' owners)")
    add_ledger(parser)
    add_common(parser)


def _of_all_hosts(place: Place, arguments: argparse.Namespace, common: Common, entry: Entry | None) -> int:
    from shareout.cli.asking import skip_shared

    if arguments.machine:
        raise UsageError(
            "--machine is about one machine's share, and these hosts share all of them",
            way_out="Leave it out: whoever comes to the job heeds it.",
        )
    return skip_shared(place, arguments.ids, common, entry)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; 1 when one of the jobs has ended already. A run directory that is not there yet is made: a job may be given
    up before anything has run."""
    common = Common.of(arguments)
    if (place := shared_place(arguments.ledger, (), common)) is not None:
        return _of_all_hosts(place, arguments, common, entry)
    plan, settings = inputs_for(common, entry, folders_here(common))
    by_machine: dict[str, Places] = {}
    named, runs = NumberSet(), _Runs(common, plan)
    for job in chain.from_iterable(job_ranges(arguments.ids, plan.total)):
        position = position_of(plan, job)
        # Said to the owner's run, and recorded as any verdict: a list of skipped ids in the inputs would be another
        # digest, and another plan.
        machine = arguments.machine or runs.of(plan.owner_at(position))
        if named.add(job):
            by_machine.setdefault(machine, Places()).add(job, position)
    # All is refused before anything is written: half of the ids skipped would be nobody's wish.
    for machine, jobs in by_machine.items():
        _refuse_foreign(plan, machine, jobs)
    refuse_to_change([RunFolder.of(common.runs, plan.origin, machine) for machine in by_machine])
    refuse_busy([RunFolder.of(common.runs, plan.origin, machine) for machine in by_machine])
    skipped = NumberSet()
    for machine, jobs in by_machine.items():
        request = RunRequest(
            plan, settings, machine, common.runs, entry, columns=named_columns(common.configs, settings)
        )
        skipped.update(
            skip(make_folder(request), header_of(request, plan.share(machine)), jobs, plan.ids_of(plan.origin_hex))
        )
    ended = [job for job in named if job not in skipped]
    _tell(skipped, ended, common)
    return 1 if ended else 0


def _tell(skipped: NumberSet, ended: Sequence[int], common: Common) -> None:
    for job in ended:
        tell(f"job {job} has ended already, and stays as it is")
    if common.json:
        # In pieces: of a large pool all may be named.
        sys.stdout.write(f'{{"count": {len(skipped)}, "skipped": [')
        ids, between = iter(skipped), ""
        while lot := ", ".join(map(str, islice(ids, LOT))):
            sys.stdout.write(between + lot)
            between = ", "
        sys.stdout.write(f'], "ended": {json.dumps(ended)}}}\n')
    elif not common.quiet:
        print(f"{len(skipped):,} skipped; `requeue` takes that back")


def _refuse_foreign(plan: Plan, machine: str, jobs: Places) -> None:
    ranges = plan.share(machine).ranges
    for job, at in jobs:
        if not is_in(at, ranges):
            raise UsageError(f"job {job} is not {machine}'s", way_out=f"It is {plan.owner(job)}'s.")


class _Runs:
    """Whose run is told of a job."""

    def __init__(self, common: Common, plan: Plan) -> None:
        self._common, self._plan = common, plan
        self._known: dict[str, str] = {}

    def of(self, owner: str) -> str:
        """Its owner's; or that of all of them, when this host runs for all."""
        if owner not in self._known:
            alone, own = (RunFolder.of(self._common.runs, self._plan.origin, name) for name in (ALL, owner))
            self._known[owner] = ALL if alone.journals() and not own.journals() else owner
        return self._known[owner]
