"""`requeue`: what has ended is to do again, by name, all that failed, or everything."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from shareout.cli.inputs.run_folders import folders_of, of_one_plan, places_among, plan_at_hand, tell
from shareout.cli.list import job_ids
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.merge.partition import as_ranges
from shareout.merge.proof.complete import ranges_of
from shareout.plan.ids import ids_as_told
from shareout.record.amend import FINAL, refuse_busy, requeue
from shareout.record.reader import read_header
from shareout.record.tallies.tally import FAILED


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "examples:\n  requeue --failed\n  requeue 314 2718"
    parser.add_argument("ids", nargs="*", metavar="ID", help="jobs that have ended, or ranges as 0-2")
    parser.add_argument("--failed", action="store_true", help="all that failed")
    parser.add_argument("--all", action="store_true", help="all that ended: everything is run again")
    add_changed(parser)
    add_common(parser)


def _told(count: int, *, failed: bool) -> str:
    if not count:
        return f"nothing is to do again: no job {'has failed' if failed else 'has ended'} here"
    return f"{count:,} to do again; `run` runs {'it' if count == 1 else 'them'}"


def add_changed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--in", dest="sources", action="append", default=[], metavar="DIR",
                        help="run directories, or folders of them (default: --runs)")  # fmt: skip


def refuse_archives(sources: list[str]) -> None:
    for source in sources:
        if not Path(source).is_dir():
            raise UsageError(f"{source} is not a folder", way_out="An archive cannot be changed: unpack it first.")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    ids, sources = places_among(arguments.ids, arguments.sources)
    if bool(ids) + arguments.failed + arguments.all != 1:
        raise UsageError("what is to run again?", way_out="Say one of: some ids, --failed, or --all.")
    refuse_archives(sources)
    with folders_of(sources, common) as found:
        folders = of_one_plan(found, plan_at_hand(common, entry, found))
        journals = [(folder, read_header(folder.journal)) for folder in folders]
        total = max(header.total for _, header in journals)
        jobs = set(job_ids(ids, total)) if ids else None
        refuse_busy(folders)
        states = (FAILED,) if arguments.failed else FINAL
        again = [
            job for folder, header in journals for job in requeue(folder, header, states, jobs, ids_as_told(header))
        ]
    left = sorted((jobs or set()) - set(again))
    for job in left:
        tell(f"job {job} has not ended here: there is nothing to take back")
    if common.json:
        requeued = ranges_of(as_ranges(sorted(set(again))))
        print(json.dumps({"count": len(set(again)), "requeued": requeued, "not_ended": left}))
    elif not common.quiet:
        print(_told(len(set(again)), failed=arguments.failed))
    return 1 if left else 0
