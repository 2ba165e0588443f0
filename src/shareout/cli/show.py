"""`show ID…`: what became of a job, and what it printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from shareout.cli.list import job_ids, texts_of
from shareout.cli.options import Common, add_common
from shareout.cli.standing import add_places, folders_of, of_one_plan, places_among, plan_at_hand, tell
from shareout.entry import Entry
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.log import stamp
from shareout.record.outcome import Attempt, State
from shareout.record.reader import read_header
from shareout.record.said import said_by
from shareout.show.standing import told_seconds
from shareout.status.jobs import attempts_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  show 314"
    parser.add_argument("ids", nargs="+", metavar="ID", help="jobs, or ranges of them as 0-2")
    add_places(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    ids, sources = places_among(arguments.ids, arguments.sources)
    with folders_of(sources, common) as every:
        plan = plan_at_hand(common, entry, every)
        folders = of_one_plan(every, plan)
        total = max(read_header(folder.journal).total for folder in folders)
        found = [_facts(job, folders, plan) for job in job_ids(ids, total)]
    for facts in found:
        facts["output"] = "\n".join(one["text"] for one in facts["outputs"])
    if common.json:
        print(json.dumps(found))
        return 0
    for facts in found:
        sys.stdout.write("\n".join(_lines(facts)) + "\n")
    return 0


def _facts(job: int, folders: Sequence[RunFolder], plan: Plan | None) -> dict[str, Any]:
    told = list(attempts_of(folders, job))
    headers = [read_header(folder.journal) for folder in folders]
    return {
        "job": job,
        "text": texts_of(plan, headers)(job),
        "attempts": [_attempt(header, attempt) for header, attempt in told],
        "outputs": _outputs(job, folders),
    }


def _attempt(header: Header, attempt: Attempt) -> dict[str, Any]:
    facts = {
        "machine": header.machine,
        "attempt": attempt.attempt,
        "state": attempt.state.value,
        "start": attempt.start,
        "end": attempt.end,
        "slot": attempt.slot,
        "exit": attempt.exit,
        "signal": attempt.signal,
        "cause": attempt.cause.value or None,
        "error": attempt.error,
        "peak_memory": attempt.peak_memory,
    }
    if header.kind == "python" and attempt.state is State.DONE:
        facts["result"] = attempt.result
    return facts


def _outputs(job: int, folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """What each try has in the logs, without what stands before the text. A log that was kept for the job alone is
    read instead: it is what all its tries on that machine printed, byte by byte."""
    found: list[dict[str, Any]] = []
    for folder in folders:
        machine, alone = read_header(folder.journal).machine, folder.job_log(job)
        if alone.exists():
            text = alone.read_bytes().decode("utf-8", "backslashreplace").removesuffix("\n")
            found.append({"machine": machine, "attempt": None, "text": text})
            continue
        tries: dict[int, list[str]] = {}
        for one in said_by(folder, job, tell):
            text = one.text.decode("utf-8", "backslashreplace")
            tries.setdefault(one.attempt, []).append(text if one.level == "INFO" else f"{one.level} {text}")
        found += [{"machine": machine, "attempt": number, "text": "\n".join(said)} for number, said in tries.items()]
    return found


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield f"job {facts['job']}" + (f": {facts['text']}" if facts["text"] else "")
    if not facts["attempts"]:
        yield "  nothing is recorded of it; `explain` says why"
    for one in facts["attempts"]:
        yield "  " + _attempt_line(one)
        if "result" in one:
            yield f"    result {json.dumps(one['result'])}"
    for one in facts["outputs"]:
        of = f" of try {one['attempt']} on {one['machine']}" if len(facts["outputs"]) > 1 and one["attempt"] else ""
        yield f"  output{of}:"
        yield from (f"    {line}" for line in one["text"].split("\n"))


def _attempt_line(one: dict[str, Any]) -> str:
    took = one["end"] - one["start"]
    said = f"try {one['attempt']} on {one['machine']}: {one['state']}"
    if one["error"]:
        said += f", {one['error']}"
    if one["state"] not in ("skipped", "requeued"):
        said += f"; {stamp(one['start'])[:19]}Z, {told_seconds(took)}, slot {one['slot']}"
    if one["peak_memory"]:
        said += f", peak {one['peak_memory'] >> 20} MiB"
    return said
