"""`show ID…`: what became of a job, and what it printed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from shareout.cli.inputs.run_folders import add_places, folders_of, of_one_plan, places_among, plan_at_hand, tell
from shareout.cli.list import job_ids, texts_of
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.logs.printed import printed_by
from shareout.record.logs.segments import stamp
from shareout.record.outcome import Attempt, Imprint, State
from shareout.record.reader import newest_header
from shareout.safe import one_line
from shareout.show.pace import told_seconds
from shareout.status.jobs import Texts, attempts_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Jobs, and where their run directories are."""
    parser.epilog = "example:\n  show 314"
    parser.add_argument("ids", nargs="+", metavar="ID", help="jobs, or ranges of them as 0-2")
    add_places(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0: a job of which nothing is recorded is told as such. Ids beyond the pool are refused."""
    common = Common.of(arguments)
    ids, sources = places_among(arguments.ids, arguments.sources)
    if not ids:
        raise UsageError(f'"{arguments.ids[0]}" is no job', way_out="Say ids, and run directories behind them.")
    with folders_of(sources, common, has_logs=True) as every:
        plan = plan_at_hand(common, entry, every)
        folders = of_one_plan(every, plan)
        total = max(newest_header(folder).total for folder in folders)
        texts = texts_of(plan, [newest_header(folder) for folder in folders])
        wanted = job_ids(ids, total)
        write = _as_json if common.json else _as_lines
        write(wanted, folders, texts)
    return 0


def _as_json(jobs: Sequence[int], folders: Sequence[RunFolder], texts: Texts) -> None:
    """Piece by piece: what jobs printed may be more than memory holds, and stands twice."""
    out = sys.stdout
    before = "["
    for job in jobs:
        # Without its closing brace: the outputs follow as they are read from the logs.
        out.write(before + json.dumps(_facts(job, folders, texts))[:-1] + ', "outputs": [')
        between = ""
        for one in printed_by(job, folders, tell):
            out.write(
                f'{between}{{"machine": {json.dumps(one.machine)}, "attempt": {json.dumps(one.attempt)}, "text": "'
            )
            # A text in pieces: each is escaped by itself, and its quotes are left out.
            out.writelines(json.dumps(piece)[1:-1] for piece in one.pieces)
            out.write('"}')
            between = ", "
        out.write('], "output": "')
        between = ""
        for one in printed_by(job, folders, tell):
            out.write(between)
            out.writelines(json.dumps(piece)[1:-1] for piece in one.pieces)
            between = "\\n"
        out.write('"}')
        before = ", "
    out.write("]\n")


def _as_lines(jobs: Sequence[int], folders: Sequence[RunFolder], texts: Texts) -> None:
    out = sys.stdout
    for job in jobs:
        facts = _facts(job, folders, texts)
        out.writelines(f"{line}\n" for line in _lines(facts))
        for one in printed_by(job, folders, tell, apart=True):
            of = f" of try {one.attempt} on {one.machine}" if len(facts["attempts"]) > 1 and one.attempt else ""
            out.write(f"  {'standard error' if one.on_error else 'output'}{of}:\n    ")
            out.writelines(piece.replace("\n", "\n    ") for piece in one.pieces)
            out.write("\n")


def _facts(job: int, folders: Sequence[RunFolder], texts: Texts) -> dict[str, Any]:
    return {
        "job": job,
        "text": texts(job),
        "attempts": [_attempt(header, attempt) for header, attempt in attempts_of(folders, job)],
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
        "out": _imprint(attempt.out),
        "err": _imprint(attempt.err),
        "peak_memory": attempt.peak_memory,
        "from": attempt.origin,
    }
    if header.kind == "python" and attempt.state is State.DONE:
        facts["result"] = attempt.result
    return facts


def _imprint(told: Imprint | None) -> dict[str, Any] | None:
    return {"bytes": told.size, "blake3": told.hash} if told else None


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield f"job {facts['job']}" + (f": {one_line(facts['text'])}" if facts["text"] else "")
    if not facts["attempts"]:
        yield "  nothing is recorded of it; `explain` says why"
    for one in facts["attempts"]:
        yield "  " + _attempt_line(one)
        if "result" in one:
            yield f"    result {json.dumps(one['result'])}"


def _attempt_line(one: dict[str, Any]) -> str:
    took = one["end"] - one["start"]
    said = f"try {one['attempt']} on {one['machine']}: {one['state']}"
    if one["error"]:
        said += f", {one['error']}"
    if one["state"] not in ("skipped", "requeued"):
        said += f"; {stamp(one['start'])[:19]}Z, {told_seconds(took)}, slot {one['slot']}"
    if one["peak_memory"]:
        said += f", peak {one['peak_memory'] >> 20} MiB"
    if one["from"]:
        said += f", from {one['from']}"
    return said
