"""`pilot`: run a few jobs, and tell what all of them would take. Of a machine's share they are done work; without one
nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import unicodedata  # noqa: F401
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shareout.choices import Order
from shareout.cli import run_flags
from shareout.cli.options import Common, add_common
from shareout.cli.place.shard import add_shard
from shareout.cli.run_start import Chosen, RunArguments, agree, asked_by, check_flags, choose, request_of
from shareout.cli.run_views import views_of
from shareout.entry import Entry, runs_commands
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.names import ALL, AUTO
from shareout.pilot.estimate import FEWEST, Interval
from shareout.pilot.reckon import Here, Reckoned, reckon, spread_of
from shareout.pilot.sample import Sample, first_of, sample_of
from shareout.ranges import size
from shareout.record.folder import RunFolder
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import NEW
from shareout.run.endings import OWN_PEAK
from shareout.run.host.cores import granted_cores
from shareout.run.make import host_of, slots_of
from shareout.run.request import RunRequest, header_of
from shareout.show.beside import say
from shareout.show.fold import columns_of
from shareout.show.pilot import pilot_lines
from shareout.units import counted

JOBS = 200
MOST_JOBS = 1_000_000
MOST_NODES = 100_000
# What `run` asks besides, and has no meaning for some of the first jobs.
NOT_ASKED: dict[str, Any] = {
    "adopt": None, "alone": True, "anew": False, "dead": None, "dry_run": False, "fail_fast": False,
    "force_resume": False, "group": [], "halt": None, "join": None, "keep_lines": None, "keep_order": False,
    "delay": None, "memfree": None, "load": None, "leave": False, "retire": None, "token_file": None, "patience": None,
    "line_buffer": False, "progress": None, "resume_from": [], "results": None,
    "retry_failed": False, "tag": False, "tagstring": None, "tee": False, "until": None, "yes": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """The first jobs of a share, and how the run of those that were new has ended."""

    sample: Sample
    wanted: int
    exit_code: int
    ran: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """How many jobs, of whose share; and all that says what jobs are and how they run."""
    parser.epilog = (
        "examples:\n"
        "  shareout pilot                                  # keeps nothing\n"
        "  shareout pilot --machine alice --jobs 500       # 500 jobs less for alice\n"
        "  shareout pilot --nodes 16 | grep '^#SBATCH' > job.sh"
    )
    parser.add_argument("pool", nargs="?", metavar="POOL", help="a pool file, or - for standard input")
    parser.add_argument("--pool", dest="named", metavar="FILE", help=argparse.SUPPRESS)
    group = parser.add_argument_group("which jobs")
    jobs = f"so many of the first (default: {JOBS})"
    group.add_argument("-n", "--jobs", dest="limit", type=int, default=JOBS, metavar="N", help=jobs)
    group.add_argument("--machine", metavar="NAME", help="of this machine's share, as done work")
    add_shard(group)
    group.add_argument("--expect", metavar="WORDS", help="refuse a plan with another fingerprint")
    group.add_argument("--since", metavar="PLAN", help="go on from another plan of these jobs")
    group.add_argument("--nodes", type=int, metavar="N", help="how many the lines for Slurm are for")
    run_flags.add_pool(parser.add_argument_group("what the jobs are (default: the pool of the configs)"))
    run_flags.add_how(parser.add_argument_group("how they run"))
    run_flags.add_job_limits(parser.add_argument_group("limits"))
    parser.set_defaults(**NOT_ASKED)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when these jobs are done, 1 when some failed; as `run` ends where it stopped before."""
    common = Common.of(arguments)
    asked = asked_by(arguments, common)
    check_flags(asked, entry)
    nodes: int | None = arguments.nodes
    if asked.limit is not None and asked.limit > MOST_JOBS:
        raise UsageError(
            f"{asked.limit:,} jobs measure no better than {MOST_JOBS:,}", way_out="To get them done: `run -n N`."
        )
    if nodes is not None and not 1 <= nodes <= MOST_NODES:
        raise UsageError(f"--nodes must be 1 to {MOST_NODES:,}")
    from shareout.unpacked import settle

    settle()
    flags = run_flags.overrides(arguments)
    with _place(asked, common) as (asked, there, is_kept):
        if not is_kept:
            # What is kept nowhere needs no place in the pool's order, and is a sample only where that is shuffled.
            flags = {"run.order": Order.SHUFFLED, **flags}
        chosen = choose(asked, flags, there, entry)
        chosen = chosen and agree(chosen, asked, there, entry)
        if chosen is None:
            say("nothing was started")
            return 130
        if not is_kept:
            chosen, entry = _unheard(chosen, entry)
        measured = _measure(chosen, asked, there, entry)
        return _tell(chosen, measured, common, entry, nodes=nodes, is_kept=is_kept)


@contextmanager
def _place(asked: RunArguments, common: Common) -> Iterator[tuple[RunArguments, Common, bool]]:
    """Where it is recorded, and whether for good: of whom nobody said whose share it is, all jobs are looked at, and
    what ran is away with this."""
    if asked.machine is not None or asked.shard is not None:
        yield asked, common, True
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="shareout-pilot-") as name:
        yield replace(asked, machine=ALL), replace(common, runs=Path(name) / "runs"), False


def _unheard(chosen: Chosen, entry: Entry | None) -> tuple[Chosen, Entry | None]:
    """Without what tells somebody that work is done, or has failed: none is."""
    hooks = replace(chosen.settings.hooks, on_finish="", on_failure="", on_progress="")
    quiet = replace(chosen, settings=replace(chosen.settings, hooks=hooks))
    return quiet, entry and replace(entry, on_result=None, on_end=None)


def _measure(chosen: Chosen, asked: RunArguments, common: Common, entry: Entry | None) -> Measured:
    """What of the first jobs has not ended runs now; so the same call goes on where it was stopped."""
    request = request_of(chosen, asked, common, entry)
    share, wanted = chosen.share, first_of(chosen.share.ranges, asked.limit or JOBS)
    folder = RunFolder.of(common.runs, chosen.plan.origin, chosen.machine)
    tally = tally_of(folder, header_of(request, share), chosen.plan.ids_of(chosen.plan.origin_hex))
    count = size(wanted)
    left = sum(tally.states.count(NEW, at, at + stop - start) for start, stop in wanted for at in (tally.index(start),))
    code = _run(replace(request, most=left, in_place=True), common) if left else 0
    sample = sample_of(folder, wanted)
    return Measured(sample, count, code or (1 if sample.failed else 0), ran=bool(left))


def _run(request: RunRequest, common: Common) -> int:
    from shareout.run.session import run_share

    title = f"a pilot of {request.plan.fingerprint}"
    views = views_of(request, title, quiet=common.quiet)
    result = run_share(request, views)
    if request.entry is not None and request.entry.on_end is not None:
        request.entry.on_end(RunFolder.of(common.runs, request.plan.origin, request.machine).path, common.configs)
    return result.exit_code


def _tell(
    chosen: Chosen, measured: Measured, common: Common, entry: Entry | None, *, nodes: int | None, is_kept: bool
) -> int:
    count = len(measured.sample.seconds)
    found = None
    if count >= min(FEWEST, chosen.plan.jobs) and count:
        sample = _with_own_memory(measured, entry)
        found = reckon(chosen.plan, chosen.settings, sample, _here(chosen), nodes)
    said = [*_doubts(chosen, measured, found), _kept(measured, chosen, common, is_kept=is_kept)]
    if common.json:
        print(json.dumps(_facts(chosen, measured, found, said=said, is_kept=is_kept)))
    elif found and not common.quiet:
        print("\n".join(pilot_lines(found, _each_runs(chosen, found), columns_of(sys.stdout))))
    for sentence in () if common.quiet else said:
        say(f"shareout: {sentence}")
    if found is None:
        say(f"shareout: of {counted(count, 'job')} that ended here nothing can be told")
        return measured.exit_code or 1
    return measured.exit_code


def _here(chosen: Chosen) -> Here:
    plan, settings, share = chosen.plan, chosen.settings, chosen.share
    cores = share.cores or granted_cores()
    slots = slots_of(plan, settings, cores, len(share))
    host, _ = host_of(plan, settings, share)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Here(chosen.machine, host, cores, slots, own_memory=own, untold_memory=OWN_PEAK)


def _with_own_memory(measured: Measured, entry: Entry | None) -> Sample:
    """A Python job has no process of its own whose memory is recorded: what the largest worker took, now that all have
    ended, is of the largest job."""
    if not runs_commands(entry) and measured.ran:
        # The kernel tells it of children that were waited for; a run has no need to.
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        measured.sample.peak_memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return measured.sample


def _doubts(chosen: Chosen, measured: Measured, found: Reckoned | None) -> list[str]:
    """Why these jobs may not be like the others."""
    plan, sample, said = chosen.plan, measured.sample, []
    count = len(sample.seconds)
    if count < measured.wanted:
        said.append(f"{count:,} of {measured.wanted:,} have ended here: long ones are missing sooner than short ones")
    if sample.failed:
        said.append(f"{counted(len(sample.failed), 'job')} failed: what ends too early takes less than it would")
    if found and count < min(plan.jobs, 2 * found.at_once):
        said.append(f"they are few for {found.at_once:.3g} at once: beside more of them a job may take longer")
    if found and found.estimate.is_heavy:
        said.append("a few long jobs decide: even this interval may be too narrow; a larger --jobs tells more")
    if plan.order == Order.GIVEN:
        said.append("jobs run in the order of the pool: the first are no random sample of all")
    if len(plan.pool.phases) > 1 and count < plan.jobs:
        said.append(f"the pool has {len(plan.pool.phases)} phases, and these jobs are of the first ones")
    if chosen.settings.run.audit and len(plan.machines) > 1:
        said.append(f"{float(chosen.settings.run.audit):.0%} more are run again as an audit: that is not counted here")
    return said


def _kept(measured: Measured, chosen: Chosen, common: Common, *, is_kept: bool) -> str:
    if not is_kept:
        return "nothing is recorded; --machine NAME, or --shard, makes these jobs done work"
    folder = RunFolder.of(common.runs, chosen.plan.origin, chosen.machine).path
    return f"these jobs are recorded in {folder}: a run goes on from there"


def _each_runs(chosen: Chosen, found: Reckoned) -> str:
    """Which words tell an element of the array its share."""
    nodes = found.batch.nodes
    if chosen.call.own or chosen.call.shards:
        return f"each runs --shard $((SLURM_ARRAY_TASK_ID + 1))/{nodes}"
    if nodes != len(chosen.plan.machines):
        return f"once machines.json names {nodes}, each runs --machine {AUTO}"
    return f"machines.json names {nodes}, and each runs --machine {AUTO}"


def _facts(
    chosen: Chosen, measured: Measured, found: Reckoned | None, *, said: Sequence[str], is_kept: bool
) -> dict[str, Any]:
    """The document of `pilot --json`."""
    facts: dict[str, Any] = {
        "digest": chosen.plan.hex,
        "machine": chosen.machine if is_kept else None,
        "exit": measured.exit_code,
        "jobs": chosen.plan.jobs,
        "measured": len(measured.sample.seconds),
        "failed": len(measured.sample.failed),
        "doubts": list(said[:-1]),
    }
    return {**facts, **(_numbers(found) if found else {})}


def _numbers(found: Reckoned) -> dict[str, Any]:
    p10, p50, p90, longest = spread_of(found.sample)
    mean, batch = found.estimate.total.times(1 / found.jobs), found.batch
    spread = {"deviation": found.estimate.spread, "p10": p10, "p50": p50, "p90": p90, "longest": longest}
    return {
        "seconds": {**_interval(mean), **spread},
        "core_hours": _interval(found.core_hours),
        "at_once": found.at_once,
        "idle": found.idle_s,
        "peak_memory": found.memory,
        "nodes": [{"nodes": row.nodes, "jobs": row.jobs, **_interval(row.wall)} for row in found.rows],
        "planned": [{"machine": one.machine, "jobs": one.jobs, **_interval(one.wall)} for one in found.planned],
        "sbatch": {
            "nodes": batch.nodes, "cores": batch.cores, "minutes": batch.minutes, "mebibytes": batch.mebibytes,
            "lines": batch.lines(),
        },
    }  # fmt: skip


def _interval(one: Interval) -> dict[str, float]:
    return {"expected": one.middle, "low": one.low, "high": one.high}
