"""`explain ID`: whose a job is, where it stands in the order, and why it is not running."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shareout.cli.list import job_id
from shareout.cli.options import Common, add_common
from shareout.cli.standing import add_places, folders_here, folders_of, inputs_for, one_id, places_among, tell
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.plan.plan import ALL, PYTHON, Plan
from shareout.record.folder import RunFolder
from shareout.record.reader import read_header
from shareout.record.tally import DONE, FAILED, NEW, SKIPPED
from shareout.status.machine import Follower, MachineStatus


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it does not run, and the call that changes it."""

    state: str
    why: str
    way: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  explain 314"
    parser.add_argument("ids", nargs="+", metavar="ID", help="a job")
    add_places(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    words, sources = places_among(arguments.ids, arguments.sources)
    word = one_id(words)
    if sources:
        with folders_of(sources, common) as folders:
            return _explain(word, folders, common, entry)
    return _explain(word, folders_here(common), common, entry)


def _explain(word: str, folders: Sequence[RunFolder], common: Common, entry: Entry | None) -> int:
    plan, settings = inputs_for(common, entry, folders)
    job = job_id(word, plan.total)
    position = position_of(plan, job)
    owner = plan.owner(job)
    share = plan.share(owner)
    before = 0
    for start, stop in share.ranges:
        before += max(0, min(stop, position) - start)
    reason = _reason(_folders_of(owner, folders, plan), position, job, owner, before)
    facts: dict[str, Any] = {
        "job": job, "machine": owner, "position": position, "order": before + 1, "share": len(share),
        "state": reason.state, "why": reason.why, "way_out": reason.way,
    }  # fmt: skip
    if common.json:
        print(json.dumps(facts))
        return 0
    text = plan.pool.row(job).text if plan.kind == PYTHON else plan.pool.command(job)
    print(f"job {job}: {text}".encode("utf-8", "backslashreplace").decode())
    print(f"  {owner}'s, position {position}: number {before + 1:,} of its {len(share):,}")
    print(f"  {reason.why}")
    if reason.way:
        print(f"  {reason.way}")
    if settings.run.audit:
        tell("with [run] audit, another machine may run it as well")
    return 0


def position_of(plan: Plan, job: int) -> int:
    """Where it stands in the plan; of a rebalanced one it may be gone."""
    try:
        return plan.position_of(job)
    except IndexError:
        earlier = plan.ancestors[-1][:16]
        raise UsageError(
            f"job {job} is not among these inputs: it was settled under plan {earlier}, before they were made",
            way_out=f"`show {job}` tells what became of it.",
        ) from None


def _folders_of(owner: str, folders: Sequence[RunFolder], plan: Plan) -> list[RunFolder]:
    """Where it may have run: with its owner, or with all machines on one host."""
    headers = [(folder, read_header(folder.journal)) for folder in folders]
    return [folder for folder, one in headers if one.digest == plan.hex and one.machine in (owner, ALL)]


def _reason(folders: Sequence[RunFolder], position: int, job: int, owner: str, before: int) -> Reason:
    if not folders:
        return Reason(
            "new",
            f"no run directory of {owner} is here: it has not begun, or was not brought home",
            f"On {owner}: run --machine {owner}. If {owner} is lost: rebalance.",
        )
    for folder in folders:
        follower = Follower(folder)
        status = follower.look()
        state = follower.tally.state(position)
        if state == DONE:
            return Reason(
                "done", f"it is done, by {status.name}", f"show {job} tells its outcome; requeue {job} undoes it."
            )
        if state == SKIPPED:
            return Reason("skipped", "somebody said `skip`", f"requeue {job} takes that back.")
        if state == FAILED:
            tries = follower.tally.attempts_of(position)
            return Reason(
                "failed",
                f"it failed, and is not tried again ({tries} {'try' if tries == 1 else 'tries'})",
                f"show {job} tells why; run --retry-failed, or requeue {job} and run.",
            )
    return _waiting(follower, status, position, job, before)


def _waiting(follower: Follower, status: MachineStatus, position: int, job: int, before: int) -> Reason:
    if any(one.job == job for one in status.active):
        return Reason("running", f"it runs now, on {status.name}")
    if not status.is_live:
        return Reason(
            "new", f"{status.name} is not running; {status.todo:,} of its jobs are to do",
            f"On {status.name}: run --machine {status.name}",
        )  # fmt: skip
    first = follower.tally.index(position)
    waiting = follower.tally.states.count(NEW, 0, max(0, first))
    return Reason("new", f"{status.name} is running, and has {waiting:,} jobs to do before it")
