"""`replay ID`: one job again, here, with the same seed; whether what was recorded comes out. Records nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shareout.cli.inputs.run_folders import (
    add_places,
    folders_here,
    folders_of,
    inputs_at_hand,
    of_one_plan,
    one_id,
    places_among,
    tell,
)
from shareout.cli.list import job_id
from shareout.cli.options import Common, add_common
from shareout.cli.planning import plan_of
from shareout.config import Settings
from shareout.entry import Entry, kind_of, runs_commands
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, State
from shareout.record.values import encode
from shareout.replay.run import Replay, Sink, is_same, replay_command, replay_python
from shareout.show.pace import told_seconds
from shareout.status.jobs import Settled, settled_of
from shareout.unpacked import settle

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Which job, of which plan, and where its records are."""

    plan: Plan
    settings: Settings
    job: int
    folders: Sequence[RunFolder]
    trace: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """One job, whether its steps are shown, and where its record is."""
    parser.epilog = (
        "exit code: 0 the same came out, 1 something else did, or nothing is recorded\n\nexample:\n  replay 314 --trace"
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="a job")
    parser.add_argument("--trace", action="store_true", help="show its steps: lines and variables, or `sh -x`")
    add_places(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when what is recorded came out again, on all machines that have recorded something; else 1."""
    common = Common.of(arguments)
    settle()
    words, sources = places_among(arguments.ids, arguments.sources)
    word = one_id(words)
    if not sources and not folders_here(common):
        plan, settings = plan_of(common, entry, local_barriers=True)
        return _replay(Asked(plan, settings, job_id(word, plan.total), (), arguments.trace), common, entry)
    with folders_of(sources, common, has_logs=True) as found:
        inputs = inputs_at_hand(common, entry, found)
        plan, settings = inputs or plan_of(common, entry, local_barriers=True)
        job, folders = job_id(word, plan.total), of_one_plan(found, plan)
        return _replay(Asked(plan, settings, job, folders, arguments.trace), common, entry)


def _replay(asked: Asked, common: Common, entry: Entry | None) -> int:
    recorded = settled_of(asked.folders, asked.job)
    _refuse_other_kind(recorded, entry)
    # With --json what the job prints goes to standard error: the document stands alone.
    sink = Sink(2 if common.json else 1, watches=runs_commands(entry) and not asked.trace)
    here = _run_here(asked, recorded, entry, sink)
    same = [is_same(one.attempt, here) for one in recorded]
    facts = _facts(asked.job, here, recorded, same)
    if recorded:
        # It does not decide the exit code: a job that prints a time or a path has come out the same all the same.
        facts["output_same"] = sink.is_like(recorded[0].attempt)
    if common.json:
        print(json.dumps(facts))
    else:
        print("\n".join(_lines(facts)))
    return 0 if recorded and all(same) else 1


def _run_here(asked: Asked, recorded: Sequence[Settled], entry: Entry | None, sink: Sink) -> Attempt:
    """The job once more, as whoever it was."""
    plan, who = asked.plan, _who(asked, recorded)
    if plan.pool.start_commands:
        tell("what the pool asks each machine to run before its first job (PERENGINE START) is not run here")
    if entry is None or entry.job is None:
        return replay_command(plan, asked.settings, who, sink)
    # The job's own files go where nobody keeps them: a replay writes over nothing that the run left.
    with TemporaryDirectory(prefix="shareout-replay-") as scratch:
        return replay_python(plan, asked.settings, who, entry=entry, scratch=Path(scratch), sink=sink)


def _refuse_other_kind(recorded: Sequence[Settled], entry: Entry | None) -> None:
    if any(one.header.kind != kind_of(entry) for one in recorded):
        what, way_out = "calls of a Python function", "Replay it with the program that ran it."
        if entry is not None:
            what, way_out = "command lines", "Replay it with `shareout replay`."
        raise UsageError(f"the recorded jobs are {what}", way_out=way_out)


def _who(asked: Asked, recorded: Sequence[Settled]) -> Replay:
    """Who the job was: as it is recorded, else as the plan has it."""
    job, plan = asked.job, asked.plan
    if recorded:
        header, attempt = recorded[0].header, recorded[0].attempt
        slot, number = attempt.slot, attempt.attempt
        return Replay(job, attempt.position, header.machine, slot=slot, attempt=number, trace=asked.trace)
    try:
        return Replay(job, plan.position_of(job), plan.owner(job), slot=0, attempt=1, trace=asked.trace)
    except IndexError:
        raise UsageError(
            f"job {job} is not among these inputs, and no run directory here knows it",
            way_out="It was done before they were made: name the older run directories with --in.",
        ) from None


def _facts(job: int, here: Attempt, recorded: Sequence[Settled], same: Sequence[bool]) -> dict[str, Any]:
    return {
        "job": job,
        "same": all(same) if recorded else None,
        "output_same": None,
        "here": {**_outcome(here), "seconds": round(here.duration, 6)},
        "recorded": [
            {"machine": one.header.machine, "attempt": one.attempt.attempt, **_outcome(one.attempt), "same": agrees}
            for one, agrees in zip(recorded, same, strict=True)
        ],
    }


def _outcome(attempt: Attempt) -> dict[str, Any]:
    return {
        "state": attempt.state.value,
        "exit": attempt.exit,
        "signal": attempt.signal,
        "cause": attempt.cause.value or None,
        "error": attempt.error,
        "result": attempt.result,
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    here = facts["here"]
    lines = [f"job {facts['job']} here: {_told(here)}; {told_seconds(here['seconds'])}"]
    if not facts["recorded"]:
        return [*lines, "nothing is recorded of it that this could be compared with"]
    for one in facts["recorded"]:
        said = "the same" if one["same"] else _told(one)
        lines.append(f"  {one['machine']} recorded {said} (try {one['attempt']})")
    if facts["output_same"] is not None:
        lines.append(f"  its output is {'the same' if facts['output_same'] else 'not the same'}")
    return lines


def _told(outcome: dict[str, Any]) -> str:
    if outcome["state"] != State.DONE.value:
        return f"{outcome['state']}, {outcome['error'] or outcome['cause']}"
    if outcome["exit"] is not None:
        return f"done, exit status {outcome['exit']}"
    text = encode(outcome["result"])
    return f"done, result {text if len(text) <= LONGEST else text[:LONGEST] + ' …'}"
