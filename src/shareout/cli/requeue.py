"""`requeue`: what has ended is to do again, by name, all that failed, or everything."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import folders_of, of_one_plan, places_among, plan_at_hand, tell
from shareout.cli.inputs.shared_work import refuse_to_change
from shareout.cli.list import job_ranges
from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, is_shared, shared_place
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.number_set import NumberSet
from shareout.plan.ids import ids_as_told
from shareout.record.amend import FINAL, refuse_busy, requeue
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header
from shareout.record.tallies.standing import FAILED


def configure(parser: argparse.ArgumentParser) -> None:
    """Which jobs, by id or by how they ended, and in which run directories."""
    parser.epilog = "examples:\n  requeue --failed\n  requeue 314 2718"
    parser.add_argument("ids", nargs="*", metavar="ID", help="jobs that have ended, or ranges as 0-2")
    parser.add_argument("--failed", action="store_true", help="all that failed")
    parser.add_argument("--all", action="store_true", help="all that ended: everything is run again")
    parser.add_argument("--missing", action="store_true", help="in a shared run: what is over and in no journal")
    add_changed(parser)
    add_ledger(parser)
    add_common(parser)


def add_changed(parser: argparse.ArgumentParser) -> None:
    """`--in`, for commands that write into the run directories: archives, which others read as well, are none."""
    parser.add_argument("--in", dest="sources", action="append", default=[], metavar="DIR",
                        help="run directories, or folders of them (default: --runs)")  # fmt: skip


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; 1 when a job that was named has not ended. Nothing is changed while a process works in one of them."""
    common = Common.of(arguments)
    ids, sources = places_among(arguments.ids, arguments.sources)
    # Nothing is the default, and everything least of all: it would be days of work for a word left out.
    if bool(ids) + arguments.failed + arguments.all + arguments.missing != 1:
        raise UsageError("what is to run again?", way_out="Say one of: some ids, --failed, --all, or --missing.")
    if (place := shared_place(arguments.ledger, sources, common)) is not None:
        from shareout.cli.asking import requeue_shared

        arguments.ids = ids
        arguments.sources = [one for one in sources if not is_shared(one)]
        return requeue_shared(place, arguments, common, entry)
    if arguments.missing:
        raise UsageError(
            "--missing is about a run that hosts share: alone, what no journal has is to do anyway",
            way_out="Name the folder that they share: --join DIR.",
        )
    _refuse_archives(sources)
    with folders_of(sources, common) as found:
        folders = of_one_plan(found, plan_at_hand(common, entry, found))
        refuse_to_change(folders)
        jobs = _jobs(ids, folders)
        again = _requeued(folders, (FAILED,) if arguments.failed else FINAL, jobs)
    left = [job for job in jobs or () if job not in again]
    _tell(again, left, common, failed=arguments.failed)
    return 1 if left else 0


def _refuse_archives(sources: Sequence[str]) -> None:
    for source in sources:
        if not Path(source).is_dir():
            raise UsageError(f"{source} is not a folder", way_out="An archive cannot be changed: unpack it first.")


def _jobs(ids: Sequence[str], folders: Sequence[RunFolder]) -> range | NumberSet | None:
    """Ascending; None: all."""
    if not ids:
        return None
    found = job_ranges(ids, max(newest_header(folder).total for folder in folders))
    # One may be the whole of a large pool, and is not written out.
    if len(found) == 1:
        return found[0]
    several = NumberSet()
    for one in found:
        several.update(one)
    return several


def _requeued(folders: Sequence[RunFolder], states: Sequence[int], jobs: range | NumberSet | None) -> NumberSet:
    """The ids that are to do again; in order, each once, also where an audit has ended a job a second time."""
    # All of them before the first is changed: half a requeue would leave the plan half undone.
    refuse_busy(folders)
    again = NumberSet()
    for folder in folders:
        header = newest_header(folder)
        again.update(requeue(folder, header, states, jobs, ids_as_told(header)))
    return again


def _tell(again: NumberSet, left: Sequence[int], common: Common, *, failed: bool) -> None:
    for job in left:
        tell(f"job {job} has not ended here: there is nothing to take back")
    if common.json:
        print(json.dumps({"count": len(again), "requeued": again.ranges(), "not_ended": left}))
    elif common.quiet:
        return
    elif again:
        print(f"{len(again):,} to do again; `run` runs {'it' if len(again) == 1 else 'them'}")
    else:
        print(f"nothing is to do again: no job {'has failed' if failed else 'has ended'} here")
