"""`merge-results DIR…`: one table in pool order, and the proof that every job is in it, once."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from shareout.choices import Order
from shareout.cli.export import export_to
from shareout.cli.inputs.run_folders import chooser, plan_at_hand, tell
from shareout.cli.merge_telling import facts_of, missing_sentence, sample_sentence, tell_oddities
from shareout.cli.options import Common, add_common, add_output
from shareout.entry import Entry
from shareout.errors import NO_ROOM, JobsMissing, UsageError, cannot_write
from shareout.merge.failures import FAILURE_COLUMNS, failure_blocks
from shareout.merge.gather import Journal
from shareout.merge.partition import Block, NeedsTimes
from shareout.merge.proof.certificate import certificate
from shareout.merge.proof.choose_record import value_of
from shareout.merge.proof.complete import Summary, are_apart, missing_by_owner, open_journals, owners_without_plan
from shareout.merge.results import Merge
from shareout.merge.sheet import META, Shape, Sheet, sheet_for
from shareout.merge.tables import RowStore, TextForm, store_blocks, table_form, text_pieces
from shareout.merge.tables.csv import values_of
from shareout.merge.target import Target, check_place, drafts_of, is_standard_output
from shareout.record.sources import find_sources
from shareout.titles import named_columns

STATUS_FILE = "_status.txt"


@dataclass(frozen=True, slots=True)
class MergeArguments:
    """The flags of `merge-results`."""

    sources: list[str]
    output: Path | None
    partial: bool
    failed: bool
    meta: str

    @property
    def to_stdout(self) -> bool:
        return self.output is not None and is_standard_output(self.output)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  merge-results home/*/runs -o results.csv.gz"
    parser.add_argument("sources", nargs="*", metavar="DIR", help="run directories, folders or archives that hold some")
    add_output(parser, "the table: *.csv *.jsonl *.sqlite *.parquet … or -")
    parser.add_argument("--partial", action="store_true", help="write what there is, also when jobs are missing")
    parser.add_argument("--failed", action="store_true", help="a table of the jobs that failed, with their errors")
    parser.add_argument("--meta", choices=list(META), default="none", help="columns about how each job ran")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    asked = MergeArguments(
        arguments.sources or [str(common.runs)],
        arguments.output,
        arguments.partial,
        arguments.failed,
        arguments.meta,
    )
    if asked.to_stdout and common.json:
        raise UsageError("-o - and --json both want standard output", way_out="Name a file after -o.")
    form = None
    if asked.output and not asked.to_stdout:
        check_place(asked.output)
    if asked.failed and asked.output and asked.output.name.endswith(STATUS_FILE):
        raise UsageError(
            f"{asked.output} is the name of a status file, which tells of all tasks, and --failed makes a table",
            way_out="Name a table, as failed.csv, or leave --failed out.",
        )
    if asked.output and asked.output.name.endswith(STATUS_FILE):
        # It tells how each task ended, well or not: so it is written also when some have failed.
        export_to(asked.output, "disbatch", asked.sources, common, entry)
        asked = replace(asked, partial=True)
    elif asked.output:
        form = table_form(asked.output)
    with find_sources(asked.sources, tell) as sources:
        choose = None if arguments.sources else chooser(common, entry)
        journals = open_journals(sources.folders, tell, choose, partial(plan_at_hand, common, entry))
        if not journals:
            raise UsageError("no run directory here has recorded anything")
        try:
            return _attempt(journals, form, asked, common, entry, lean=are_apart(journals))
        except NeedsTimes:
            return _attempt(journals, form, asked, common, entry, lean=False)


def _attempt(
    journals: Sequence[Journal],
    form: TextForm | RowStore | None,
    asked: MergeArguments,
    common: Common,
    entry: Entry | None,
    *,
    lean: bool,
) -> int:
    """`lean`: without the times that decide between two records of a job, for there should not be two."""
    where = drafts_of(asked.output) if asked.output and not asked.to_stdout else None
    try:
        with Merge(journals, where, meta=asked.meta != "none", lean=lean) as merge:
            merge.gather()
            if asked.failed:
                return _write_failures(merge, journals, form, asked, common)
            return _merge(merge, journals, form, asked=asked, common=common, entry=entry)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        folder = where or Path(gettempdir())
        raise cannot_write(
            f"a temporary file in {folder}", error, way_out="Name another place (-o, or TMPDIR)."
        ) from error


def _merge(
    merge: Merge,
    journals: Sequence[Journal],
    form: TextForm | RowStore | None,
    asked: MergeArguments,
    common: Common,
    entry: Entry | None,
) -> int:
    columns = _columns(journals, common)
    summary = _write(merge, journals, columns, form, asked)
    tell_oddities(summary)
    if not summary.is_complete and not asked.partial:
        missing = JobsMissing(
            missing_sentence(summary, _owners(summary, journals, common, entry)),
            way_out="Nothing was written; --partial writes what there is, --failed the errors.",
        )
        if not common.json:
            raise missing
        # The numbers say it, and there is but one document.
        print(json.dumps(facts_of(summary, journals)))
        for line in missing.lines():
            tell(line)
        return missing.exit_code
    proof = None
    if summary.is_complete and not summary.is_contradicted:
        proof = certificate(journals[0].header.work, columns, summary.blocks)
    answer = _reduced(merge, entry)
    _report(summary, journals, proof, answer=answer, common=common, asked=asked, entry=entry)
    return 0 if summary.is_complete and not summary.is_contradicted else 1


def _write(
    merge: Merge,
    journals: Sequence[Journal],
    columns: Sequence[str],
    form: TextForm | RowStore | None,
    asked: MergeArguments,
) -> Summary:
    """The table, unless it turns out that it would not be whole and that is not asked for."""
    if form is None or (merge.rows < merge.total and not asked.partial):
        return merge.summarize()
    assert asked.output is not None
    first = merge.first_row()
    value = value_of(first) if first else None
    sheet = sheet_for(value, columns, journals[0].header.kind, asked.meta, merge.origins())
    if isinstance(form, RowStore) or asked.to_stdout:
        summary = merge.summarize()
        if summary.is_complete or asked.partial:
            _tell_misfits(_write_in_order(merge, form, sheet, asked.output))
        return summary
    packed = asked.output.name.lower().endswith(".gz")
    with Target(asked.output) as target:
        summary, sheet = merge.write_text(form, sheet, target, packed=packed)
        if summary.is_complete or asked.partial:
            target.finish()
            _tell_misfits(sheet)
    return summary


def _tell_misfits(sheet: Sheet) -> None:
    for sentence in sheet.misfits():
        tell(sentence)


def _write_in_order(merge: Merge, form: TextForm | RowStore, sheet: Sheet, output: Path) -> Sheet:
    """The sheet that all fitted."""
    if isinstance(form, RowStore):
        with Target(output) as target:
            sheet = merge.write_store(form, sheet, target.fresh)
            target.finish()
        return sheet
    for block in merge.blocks():
        for _, value in values_of(block):
            sheet.cells(value)
    sheet = sheet.fitting() or sheet
    sys.stdout.buffer.writelines(text_pieces(merge.blocks(), form, sheet))
    sys.stdout.buffer.flush()
    return sheet


def _reduced(merge: Merge, entry: Entry | None) -> Any:
    """The entry's `reduce` over the results in pool order."""
    if entry is None or entry.reduce is None:
        return None
    answer = entry.initial
    for block in merge.blocks():
        for job, value in values_of(block):
            try:
                answer = entry.reduce(answer, value)
            except Exception as error:
                raise _reduce_failed(job, error) from error
    return answer


def _reduce_failed(job: str, error: Exception) -> UsageError:
    """The user's own code: told with its place, and not as a bug of ours."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    place, said = f"{last.filename}:{last.lineno}", f"{type(error).__name__}: {error}"
    return UsageError(
        f"`reduce` failed at the result of job {job} ({place}): {said}",
        way_out="The table, if one was asked for, is written. Mend `reduce`, and merge again for the answer.",
    )


def _write_failures(
    merge: Merge, journals: Sequence[Journal], form: TextForm | RowStore | None, asked: MergeArguments, common: Common
) -> int:
    """A table of the jobs that failed: to the file, else as CSV on standard output."""
    summary = merge.summarize()
    tell_oddities(summary)
    if common.json:
        print(json.dumps(facts_of(summary, journals)))
        if form is None:
            return int(summary.failed > 0 or summary.is_contradicted)
    elif asked.output and not asked.to_stdout and not common.quiet:
        print(f"{summary.failed} jobs failed; they are in {asked.output}")

    def blocks() -> Iterator[Block]:
        return failure_blocks(merge.outcomes(), journals)

    sheet = Sheet("failures", shape=Shape({FAILURE_COLUMNS}))
    if isinstance(form, RowStore):
        assert asked.output is not None
        with Target(asked.output) as target:
            store_blocks(blocks, form, sheet, target.fresh)
            target.finish()
        return int(summary.failed > 0 or summary.is_contradicted)
    form = form or table_form(Path("-"))
    assert not isinstance(form, RowStore)
    pieces = text_pieces(blocks(), form, sheet)
    if asked.output is None or asked.to_stdout:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return int(summary.failed > 0 or summary.is_contradicted)
    with Target(asked.output) as target:
        target.write_all(pieces, packed=asked.output.name.endswith(".gz"))
        target.finish()
    return int(summary.failed > 0 or summary.is_contradicted)


def _report(
    summary: Summary,
    journals: Sequence[Journal],
    proof: str | None,
    answer: Any,
    common: Common,
    asked: MergeArguments,
    entry: Entry | None,
) -> None:
    if common.json:
        facts = {**facts_of(summary, journals), "certificate": proof, "answer": answer}
        print(json.dumps(facts, default=str))
        return
    # A table on standard output is all that stands there.
    stream = sys.stderr if asked.to_stdout else sys.stdout
    if answer is not None:
        print(answer, file=stream)
    if common.quiet:
        return
    if summary.is_complete:
        skipped = f", {summary.skipped} skipped" if summary.skipped else ""
        print(f"complete: {summary.done} of {summary.total} jobs, each counted once{skipped}", file=stream)
        if proof:
            print(f"certificate {proof}", file=stream)
        if summary.comparison.jobs and not summary.comparison.disagreed:
            print(
                f"audit: {summary.comparison.jobs} jobs ran on more than one machine, to the same result", file=stream
            )
    else:
        print(missing_sentence(summary, _owners(summary, journals, common, entry)), file=stream)
        if all(journal.header.order == Order.SHUFFLED for journal in journals):
            print(sample_sentence(summary), file=stream)
    if asked.output and not asked.to_stdout:
        print(f"wrote {asked.output}", file=stream)
    elif not asked.output:
        print("no table was written; name one with -o results.csv", file=stream)


def _owners(
    summary: Summary, journals: Sequence[Journal], common: Common, entry: Entry | None
) -> dict[str | None, int]:
    """Whose the missing jobs are: as the plan says when its inputs are here, else as far as the journals tell."""
    if not summary.missing_ids:
        return {}
    owner = _planned_owner(journals, common, entry) or owners_without_plan(journals)
    return missing_by_owner(summary.missing_ids, owner) if owner else {}


def _planned_owner(
    journals: Sequence[Journal], common: Common, entry: Entry | None
) -> Callable[[int], str | None] | None:
    if not (common.configs / "machines.json").is_file():
        return None
    from shareout.cli.planning import plan_of
    from shareout.errors import CannotRead, ShareoutError

    try:
        plan, _ = plan_of(common, entry, local_barriers=True, kind=journals[0].header.kind)
    except CannotRead:
        raise
    except ShareoutError:
        # Inputs of something else, or not whole: the merge does without them.
        return None
    if plan.hex not in {journal.header.digest for journal in journals}:
        return None

    def owner(job: int) -> str | None:
        try:
            return plan.owner(job)
        except IndexError:
            # An earlier plan settled it, and the directory that tells how is not here.
            return None

    return owner


def _columns(journals: Sequence[Journal], common: Common) -> tuple[str, ...]:
    """As the configs at hand call the results, else as those did that the runs had."""
    from shareout.config import load_settings

    here = named_columns(common.configs, load_settings(common.configs)) if common.configs.is_dir() else ()
    return here or min((journal.header.columns for journal in journals if journal.header.columns), default=())
