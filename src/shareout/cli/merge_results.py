"""`merge-results DIR…`: one table in pool order, and the proof that every job is in it, once."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import JobsMissing
from shareout.merge.complete import DONE, FAILED, NEW, SKIPPED, Collected, collect
from shareout.merge.results import Certificate, Outcome, cells_of, columns_of, outcomes
from shareout.merge.sources import find_sources
from shareout.merge.table import Table
from shareout.record.log import stamp

META = {
    "none": (),
    "times": ("start", "end", "duration"),
    "all": ("machine", "attempt", "slot", "start", "end", "duration"),
}


@dataclass(frozen=True, slots=True)
class MergeArguments:
    """The flags of `merge-results`."""

    sources: list[str]
    output: Path | None
    partial: bool
    meta: str


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  merge-results home/*/runs -o results.csv.gz"
    parser.add_argument("sources", nargs="*", metavar="DIR", help="run directories, folders or archives that hold some")
    parser.add_argument("-o", "--output", metavar="FILE", help="the table: *.csv, *.csv.gz, *.jsonl, *.jsonl.gz")
    parser.add_argument("--partial", action="store_true", help="write what there is, also when jobs are missing")
    parser.add_argument("--meta", choices=list(META), default="none", help="columns about how each job ran")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    asked = MergeArguments(
        arguments.sources or [str(common.runs)],
        Path(arguments.output) if arguments.output else None,
        arguments.partial,
        arguments.meta,
    )
    with find_sources(asked.sources) as sources:
        for sentence in sources.said:
            _tell(sentence)
        collected = collect(sources.folders)
        _tell_oddities(collected)
        if not collected.is_complete and not asked.partial:
            if common.json:
                print(json.dumps(_facts(collected, None, None)))
            raise JobsMissing(
                _missing_sentence(collected), way_out="Nothing was written; --partial writes what there is."
            )
        certificate, answer = _write(collected, asked, common, entry)
        _report(collected, certificate, answer, common, asked)
        return 0 if collected.is_complete else 1


def _write(collected: Collected, asked: MergeArguments, common: Common, entry: Entry | None) -> tuple[str, Any]:
    """One pass over the rows: table, certificate and the entry's `reduce`."""
    kind = collected.header.kind
    certificate = Certificate(collected.header.pool_digest)
    table = Table(asked.output) if asked.output else None
    columns: list[str] | None = None
    answer = entry.initial if entry else None
    try:
        for outcome in outcomes(collected):
            certificate.add(outcome)
            if table:
                if columns is None:
                    columns = columns_of(outcome.attempt.result, _named_columns(common), kind)
                    table.begin(["job", *columns, *META[asked.meta]])
                table.row([outcome.attempt.job, *cells_of(outcome, columns, kind), *_meta(outcome, asked.meta)])
            if entry and entry.reduce:
                answer = entry.reduce(answer, outcome.attempt.result)
        if table:
            if columns is None:
                table.begin(["job", *_named_columns(common)])
            table.finish()
    except BaseException:
        if table:
            table.abandon()
        raise
    return certificate.text(), answer


def _report(collected: Collected, certificate: str, answer: Any, common: Common, asked: MergeArguments) -> None:
    complete = collected.is_complete
    if common.json:
        print(json.dumps(_facts(collected, certificate if complete else None, answer), default=str))
        return
    if answer is not None:
        print(answer)
    if common.quiet:
        return
    total = len(collected.states)
    if complete:
        skipped = collected.count(SKIPPED)
        print(
            f"complete: {total - skipped} of {total} jobs, each counted once"
            + (f", {skipped} skipped" if skipped else "")
        )
        print(f"certificate {certificate}")
    else:
        print(_missing_sentence(collected))
        print("positions are shuffled: what is there is a random sample of all jobs")
    if asked.output:
        print(f"wrote {asked.output}")


def _meta(outcome: Outcome, which: str) -> list[Any]:
    attempt = outcome.attempt
    times = [stamp(attempt.start), stamp(attempt.end), round(attempt.duration, 6)]
    if which == "all":
        return [outcome.machine, attempt.attempt, attempt.slot, *times]
    return times if which == "times" else []


def _named_columns(common: Common) -> list[str]:
    """[results] columns, else header.csv, when the configs are at hand."""
    from shareout.config import load_settings

    named = list(load_settings(common.configs).results.columns) if common.configs.is_dir() else []
    header = common.configs / "header.csv"
    if not named and header.is_file():
        import csv

        with header.open(encoding="utf-8-sig", newline="") as file:
            named = next(csv.reader(file), [])
    return named


def _facts(collected: Collected, certificate: str | None, answer: Any) -> dict[str, Any]:
    return {
        "digest": collected.header.digest,
        "jobs": len(collected.states),
        "done": collected.count(DONE),
        "failed": collected.count(FAILED),
        "skipped": collected.count(SKIPPED),
        "missing": collected.count(NEW),
        "twice": collected.twice,
        "missing_ids": [list(one) for one in collected.ids(NEW)],
        "failed_ids": [list(one) for one in collected.ids(FAILED)],
        "certificate": certificate,
        "answer": answer,
    }


def _missing_sentence(collected: Collected) -> str:
    said = f"not complete: {collected.count(DONE)} of {len(collected.states)} jobs are done"
    for state, word in ((FAILED, "failed"), (NEW, "missing")):
        ranges = collected.ids(state)
        if ranges:
            said += f"; {word}: {collected.count(state)} ({_shown(ranges)})"
    return said


def _shown(ranges: list[tuple[int, int]]) -> str:
    parts = [str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in ranges[:8]]
    return ", ".join(parts) + (" …" if len(ranges) > 8 else "")


def _tell_oddities(collected: Collected) -> None:
    if collected.twice:
        _tell(f"{collected.twice} jobs ran twice: of each, the first that finished counts")
    if collected.foreign:
        _tell(f"{collected.foreign} records are of positions that their machine does not have; they do not count")
    for folder, damage in collected.damage[:5]:
        _tell(f"{folder.journal}:{damage.line}: damaged at offset {damage.offset} ({damage.why}); it does not count")
    if len(collected.codes) > 1:
        _tell(f"the machines ran {len(collected.codes)} different versions of the code")


def _tell(sentence: str) -> None:
    print(f"shareout: {sentence}", file=sys.stderr)
