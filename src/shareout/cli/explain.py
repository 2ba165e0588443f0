"""`explain ID`: whose a job is, where it stands in the order, and why it is not running."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from shareout.cli.inputs.recorded_call import Typed
from shareout.cli.inputs.run_folders import add_places, folders_here, folders_of, inputs_for, one_id, places_among
from shareout.cli.list import job_id
from shareout.cli.options import Common, add_common
from shareout.cli.waiting import Reason, command_of, why_waiting
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.ledger.beat import MACHINES
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.plan.shares.said import PYTHON
from shareout.ranges import Range, is_in, union
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.headers import check_folders
from shareout.record.journal import Header
from shareout.record.reader import incarnations_of, newest_header
from shareout.record.tallies.standing import DONE, FAILED, SKIPPED
from shareout.safe import one_line
from shareout.status.beat import shared_lanes
from shareout.status.machine import Follower, owed_now
from shareout.units import format_duration

if TYPE_CHECKING:
    from shareout.status.lanes import Lanes


def configure(parser: argparse.ArgumentParser) -> None:
    """One job, and where its run directories are."""
    parser.epilog = "example:\n  explain 314"
    parser.add_argument("ids", nargs="+", metavar="ID", help="a job")
    add_places(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0. The inputs must be at hand: only they say whose a job is and where it stands."""
    common = Common.of(arguments)
    words, sources = places_among(arguments.ids, arguments.sources)
    word = one_id(words)
    if sources:
        with folders_of(sources, common) as folders:
            return _explain(word, folders, common, entry)
    return _explain(word, folders_here(common), common, entry)


def _explain(word: str, folders: Sequence[RunFolder], common: Common, entry: Entry | None) -> int:
    plan, _ = inputs_for(common, entry, folders)
    job = job_id(word, plan.total)
    position = position_of(plan, job)
    owner = plan.owner(job)
    share = plan.share(owner)
    # Its place in its own share, which is the order in which that machine comes to it; with phases a share has gaps.
    before = 0
    for start, stop in share.ranges:
        before += max(0, min(stop, position) - start)
    reason = _reason(plan, folders, position, job, owner)
    auditor, is_audited = _audit(plan, folders, position)
    facts: dict[str, Any] = {
        "job": job, "machine": owner, "position": position, "order": before + 1, "share": len(share),
        "state": reason.state, "why": reason.why, "way_out": reason.way,
        "audit": auditor,
    }  # fmt: skip
    if common.json:
        print(json.dumps(facts))
        return 0
    text = plan.pool.row(job).text if plan.kind == PYTHON else plan.pool.command(job)
    print(f"job {job}: {one_line(text)}".encode("utf-8", "backslashreplace").decode())
    # Where hosts share what there is, the plan says no more than whose it is to begin with.
    by_plan = "by plan " if shared_lanes(folders) else ""
    print(f"  {by_plan}{owner}'s, position {position}: number {before + 1:,} of its {len(share):,}")
    print(f"  {reason.why}")
    if reason.way:
        print(f"  {reason.way}")
    if auditor:
        print(f"  {auditor} runs it too, as an audit: {'it has' if is_audited else 'not yet'}")
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


def _runs_with(position: int, folders: Sequence[RunFolder], plan: Plan) -> list[Follower]:
    """Those that may tell of it as their machine's own: by the weights of now, or of an earlier start."""
    check_folders(folders, plan)
    found = []
    for folder in folders:
        starts = [one.header for one in incarnations_of(folder)]
        if starts[-1].origin == plan.origin_hex and is_in(position, _owned(starts, plan)):
            found.append(Follower(folder, plan))
    return found


def _owned(starts: Sequence[Header], plan: Plan) -> list[Range]:
    """By whichever weights."""
    return union((*own_ranges(starts), *owed_now(starts[-1], plan).ranges))


def _reason(plan: Plan, folders: Sequence[RunFolder], position: int, job: int, owner: str) -> Reason:
    runs = _runs_with(position, folders, plan)
    group = plan.pool.group(job)
    lanes = shared_lanes(folders, group or "")
    its = [one for one in runs if lanes or one.is_joined or one.header.machine in (owner, ALL)]
    # What failed under another's name is tried again by who has it now.
    for state, tellers in ((DONE, runs), (SKIPPED, runs), (FAILED, its)):
        if teller := next((one for one in tellers if one.tally.state(position) == state), None):
            return _final(teller, state, position, job)
    if lanes:
        return _shared(lanes, runs, position, job) if lanes.is_about(group) else _unshared(lanes, group)
    if any(one.is_joined for one in its):
        return Reason(
            "new",
            "nothing of it is recorded here, and hosts share this work: another one may have it",
            "Ask where all of it comes to: of the folder that they share, or in that of `serve`.",
        )
    if not its:
        return Reason(
            "new",
            f"no run directory of {owner} is here: it has not begun, or was not brought home",
            f"On {owner}: run --machine {owner}. If {owner} is lost: rebalance.",
        )
    return _begun(plan, its, position, job)


def _begun(plan: Plan, its: Sequence[Follower], position: int, job: int) -> Reason:
    waiting = [(follower, follower.look()) for follower in its]
    if running := next((status for _, status in waiting if any(one.job == job for one in status.active)), None):
        return Reason("running", f"it runs now, on {running.name}")
    # Of several, the one that is at work.
    # A directory of `all` and one of the machine may both be here, or copies.
    follower, status = next((one for one in waiting if one[1].is_live), waiting[-1])
    return why_waiting(plan, follower, status, position, job)


def _shared(lanes: Lanes, runs: Sequence[Follower], position: int, job: int) -> Reason:
    """Of a job that is to do, where machines share a folder: who has it there, and from whom."""
    running = next((one.header.machine for one in runs if any(now.job == job for now in one.look().active)), "")
    if running:
        return Reason("running", f"it runs now, on {running}")
    held = lanes.holding(position)
    if held is None or not held.machine:
        whose = "its machine has not come yet" if held is None else "nobody has it now"
        return Reason("new", f"{whose}: whoever has nothing left takes it")
    name, whom = held.machine, lanes.taken_from(position)
    has = f"{name} has it{f', taken over from {whom}' if whom else ''}"
    if name in lanes.silent:
        silent = format_duration(round(lanes.silent[name]))
        return Reason("new", f"{has}, and was not heard of for {silent}: if it does not answer, it is taken over")
    if position < held.res:
        return Reason("new", f"{has}, and reserved: it is among what runs there next")
    return Reason("new", f"{has}, and not reserved yet: whoever has nothing left may take it before")


def _unshared(lanes: Lanes, group: str | None) -> Reason:
    where = shlex.quote(str(lanes.ledger.parents[1]))
    way = f"`run --group {shlex.quote(group)} --join {where}` shares it." if group else ""
    return Reason("new", f"it is of no group that hosts share there: {', '.join(lanes.groups)}", way)


def _final(follower: Follower, state: int, position: int, job: int) -> Reason:
    name = follower.header.machine
    if state == DONE:
        undone = "" if follower.is_joined else f"; requeue {job} undoes it"
        return Reason("done", f"it is done, by {name}", f"show {job} tells its outcome{undone}.")
    shared = _shared_by(follower.folder) if follower.is_joined else ""
    if state == SKIPPED:
        return Reason("skipped", "somebody said `skip`", f"requeue {job}{shared} takes that back.")
    number = follower.tally.attempts_of(position)
    tries = f"{number} {'try' if number == 1 else 'tries'}"
    if follower.is_joined:
        way = f"`requeue {job}{shared}` gives it out again, where nobody has asked for that yet"
        return Reason("failed", f"it failed ({tries})", f"show {job} tells why. {way}.")
    again = command_of(follower.folder, name, more="-R")
    way = f"Try what failed again: {again}; or this one: requeue {job}, and run"
    return Reason("failed", f"it failed, and is not tried again ({tries})", f"show {job} tells why. {way}.")


def _shared_by(folder: RunFolder) -> str:
    """What names the folder that the hosts of a run share, as whoever asks has named it, or as the run was told; no
    words where `serve` of this host lays it down."""
    from shareout.serving.home import home_in

    origin = folder.path.parents[2] if folder.path.parent.name == MACHINES else folder.path.parent
    if any(map(home_in, origin.iterdir())):
        return ""
    if folder.path.parent.name == MACHINES:
        return f" --join {shlex.quote(str(folder.path.parents[3]))}"
    typed = Typed.of(folder)
    said = dict(pairwise(typed.words)) if typed else {}
    return f" --join {shlex.quote(said.get('--join', 'DIR'))}"


def _audit(plan: Plan, folders: Sequence[RunFolder], position: int) -> tuple[str | None, bool]:
    """The machine that runs it again, to compare; and whether it has, as far as is known here."""
    for machine in plan.machines:
        if is_in(position, plan.share(machine.name).audit):
            its = [folder for folder in folders if _is_of(machine.name, newest_header(folder), plan)]
            tallies = [Follower(folder, plan).tally for folder in its]
            return machine.name, any(one.state(position) in (DONE, FAILED) for one in tallies)
    return None, False


def _is_of(machine: str, header: Header, plan: Plan) -> bool:
    return (header.origin, header.machine) == (plan.origin_hex, machine)
