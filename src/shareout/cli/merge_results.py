"""`merge-results DIR…`: one table in pool order, and the proof that every job is in it, once."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from shareout.cli.export import export_to
from shareout.cli.inputs.job_owners import owners_of_missing, ran_longest_first
from shareout.cli.inputs.run_folders import add_sources, chooser, plan_at_hand, runs_here, sources_of, tell
from shareout.cli.merge_asked import MergeArguments, asked_of
from shareout.cli.merge_beside import beside_of, columns_of, names_of
from shareout.cli.merge_telling import complete_lines, facts_of, incomplete_lines, missing_sentence, tell_oddities
from shareout.cli.merge_writing import is_written, write_failures, write_results
from shareout.cli.options import Common, add_common, add_output
from shareout.entry import Entry
from shareout.errors import NO_ROOM, JobsMissing, UsageError, cannot_write
from shareout.fields import dataclass
from shareout.merge.columns.asked import GROUPS, Columns, Parse
from shareout.merge.gather import Journal
from shareout.merge.proof.certificate import Proven, work_of
from shareout.merge.proof.complete import Summary, leanest, open_journals
from shareout.merge.results import Merge
from shareout.merge.sheet import META
from shareout.merge.tables.rows import values_of
from shareout.merge.target import drafts_of
from shareout.record.folder import RunFolder


def configure(parser: argparse.ArgumentParser) -> None:
    """What to merge, the table to make of it, and what counts as enough."""
    parser.epilog = "example:\n  merge-results home/*/runs -o results.csv.gz"
    add_sources(parser, "run directories, folders or archives of them, or nats://HOST:PORT")
    add_output(parser, "the table: *.csv *.jsonl *.sqlite *.parquet … or -")
    parser.add_argument("--partial", action="store_true", help="write what there is, also when jobs are missing")
    parser.add_argument("--failed", action="store_true", help="a table of the jobs that failed, with their errors")
    parser.add_argument("--adopt", nargs="*", action="extend", metavar="DIR", help="count what other lists did, too")
    parser.add_argument(
        "--columns", action="append", default=[], metavar="LIST", help=f"{','.join(GROUPS)}; or names of columns"
    )
    parser.add_argument("--rows", default="done", metavar="LIST", help="whose: done,failed,missing (done)")
    parser.add_argument(
        "--stdout",
        choices=[one.value for one in Parse],
        default="text",
        metavar="AS",
        help="what was printed is: json csv number (text)",
    )
    parser.add_argument("--bom", action="store_true", help="begin a CSV with a byte order mark, for Excel")
    parser.add_argument("--meta", choices=list(META), default="none", help="columns about how each job ran")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 only when every job is in the table, once, and no two records contradict each other; else 1. With `--failed`
    0 means that none has failed."""
    common = Common.of(arguments)
    asked = asked_of(arguments, common)
    where = asked.places or [str(runs_here(common))]
    if asked.is_status_file:
        export_to(asked.output, "disbatch", where, common, entry)
    with sources_of(where, common) as sources, _adopted(asked, sources.folders, common, entry) as folders:
        # Who names directories means all of them, and two plans among them are a slip. Below --runs old plans gather,
        # and one is chosen, told.
        choose = None if asked.places else chooser(common, entry)
        journals = open_journals(folders, tell, choose, partial(plan_at_hand, common, entry))
        if not journals:
            raise UsageError("no run directory here has recorded anything")
        work = _Work(journals, asked, common, entry)
        columns = columns_of(asked, common, entry)
        return leanest(journals, partial(_attempt, work, columns), may_be_lean=not columns.needs_more)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is merged, and what for."""

    journals: Sequence[Journal]
    asked: MergeArguments
    common: Common
    entry: Entry | None

    @property
    def names_file(self) -> bool:
        """Whether a table goes to a file, under a name."""
        return self.asked.output is not None and not self.asked.to_stdout


@contextmanager
def _adopted(
    asked: MergeArguments, folders: Sequence[RunFolder], common: Common, entry: Entry | None
) -> Iterator[Sequence[RunFolder]]:
    """With `--adopt` those of the list at hand, and what it takes over from the others."""
    if asked.adopt is None:
        yield folders
        return
    from shareout.cli.inputs.adoption import adopted_for_merge

    with adopted_for_merge(asked.adopt, folders, common, entry) as found:
        yield found


def _attempt(work: _Work, columns: Columns, lean: bool) -> int:
    asked = work.asked
    where = drafts_of(asked.output) if asked.output and work.names_file else None
    try:
        with Merge(work.journals, where, lean=lean) as merge:
            merge.gather()
            return _list_failures(merge, work) if asked.failed else _merge(merge, work, columns)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        folder = where or Path(gettempdir())
        raise cannot_write(
            f"a temporary file in {folder}", error, way_out="Name another place (-o, or TMPDIR)."
        ) from error


def _merge(merge: Merge, work: _Work, wanted: Columns) -> int:
    columns = names_of(work.journals, work.common)
    if is_written(merge, work.asked):
        merge.beside = beside_of(merge, wanted, work.common, work.entry)
    summary = write_results(merge, work.journals, columns, work.asked, wanted)
    _tell_oddities(summary, work.journals)
    if not summary.is_complete and not work.asked.partial:
        return _tell_missing(summary, work)
    # No certificate where records contradict each other, although every job has a row: one of them is wrong, and it
    # would vouch for whichever counts.
    is_proven = summary.is_complete and not summary.is_contradicted
    proof = Proven.of(work_of(work.journals), columns, summary) if is_proven else None
    answer = _reduced(merge, work.entry)
    _report(summary, proof, answer, work)
    return 0 if is_proven else 1


def _tell_oddities(summary: Summary, journals: Sequence[Journal]) -> None:
    if any(one.claims for one in journals):
        from shareout.cli.merge_claims import claims_told

        summary.claims = claims_told(journals)
    tell_oddities(summary)


def _tell_missing(summary: Summary, work: _Work) -> int:
    missing = JobsMissing(
        missing_sentence(summary, owners_of_missing(summary, work.journals, work.common, work.entry)),
        way_out="Nothing was written; --partial writes what there is, --failed the errors.",
    )
    if not work.common.json:
        raise missing
    # The numbers say it, and there is but one document.
    print(json.dumps(facts_of(summary, work.journals)))
    for line in missing.lines():
        tell(line)
    return missing.exit_code


def _reduced(merge: Merge, entry: Entry | None) -> Any:
    """The entry's `reduce` over the results in pool order."""
    if entry is None or entry.reduce is None:
        return None
    answer = entry.initial
    # One after the other in pool order, although several processes could: a sum of floats depends on its order, and
    # the answer must not depend on the machines.
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


def _list_failures(merge: Merge, work: _Work) -> int:
    """A table of the jobs that failed; with `--json` and no file the document stands alone."""
    summary, asked, common = merge.summarize(), work.asked, work.common
    _tell_oddities(summary, work.journals)
    if common.json:
        print(json.dumps(facts_of(summary, work.journals)))
    elif work.names_file and not common.quiet:
        print(f"{summary.failed} jobs failed; they are in {asked.output}")
    if asked.form is not None or not common.json:
        write_failures(merge, work.journals, asked)
    return int(summary.failed > 0 or summary.is_contradicted)


def _report(summary: Summary, proof: Proven | None, answer: Any, work: _Work) -> None:
    asked, common = work.asked, work.common
    if common.json:
        facts = {**facts_of(summary, work.journals), "answer": answer}
        if proof is not None:
            facts |= {"certificate": proof.certificate, "outputs": proof.outputs}
        print(json.dumps(facts, default=str))
        return
    # A table on standard output is all that stands there.
    stream = sys.stderr if asked.to_stdout else sys.stdout
    if answer is not None:
        print(answer, file=stream)
    for line in () if common.quiet else _lines(summary, proof, work):
        print(line, file=stream)


def _lines(summary: Summary, proof: Proven | None, work: _Work) -> list[str]:
    """Whether it is complete, what proves it or is missing, and where the table is."""
    if summary.is_complete:
        lines = complete_lines(summary, proof)
    else:
        owners = owners_of_missing(summary, work.journals, work.common, work.entry)
        longest_first = ran_longest_first(work.journals, work.common, work.entry)
        lines = incomplete_lines(summary, owners, work.journals, longest_first=longest_first)
    if work.names_file:
        lines.append(f"wrote {work.asked.output}")
    elif not work.asked.output:
        lines.append("no table was written; name one with -o results.csv")
    return lines
