"""`report DIR… -o report.html`: what happened, on one page that opens anywhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import chooser, plan_of_folders, tell
from shareout.cli.options import Common, add_common, add_output
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.merge.proof.complete import open_journals
from shareout.merge.target import Target, check_place, is_standard_output
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.sources import find_sources
from shareout.report.facts import Report, report_of
from shareout.show.report.data import report_facts
from shareout.show.report.page import Extras, page_of

DEFAULT = "report.html"


@dataclass(frozen=True, slots=True)
class ReportArguments:
    """The flags of `report`."""

    sources: list[str]
    """Empty: what is below --runs."""
    output: Path | None
    """None: no page, only its data."""

    @property
    def to_stdout(self) -> bool:
        """Whether the page itself goes there, so that nothing else may."""
        return self.output is not None and is_standard_output(self.output)


def configure(parser: argparse.ArgumentParser) -> None:
    """Run directories or archives, and where the page goes."""
    parser.epilog = "example:\n  report home/*/runs -o report.html"
    parser.add_argument("sources", nargs="*", metavar="DIR", help="run directories, folders or archives that hold some")
    add_output(parser, f"the page (default: {DEFAULT}; with --json none)")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0: a report tells what happened, and judges nothing."""
    common = Common.of(arguments)
    asked = _asked(arguments, common)
    # Without the inputs the page lacks texts and performances, and has all the rest: it is made where results come
    # home, and inputs may have stayed elsewhere.
    report, plan = _gathered(asked, common, entry)
    machines = plan.machines if plan else ()
    if asked.output is not None:
        extras = Extras(tuple(plan.inputs) if plan else (), machines, _texts(plan) if plan else None)
        _write(asked.output, page_of(report, extras))
    if common.json:
        print(json.dumps(report_facts(report, machines)))
    elif asked.output is not None and not asked.to_stdout and not common.quiet:
        print(f"wrote {asked.output}")
    return 0


def _asked(arguments: argparse.Namespace, common: Common) -> ReportArguments:
    """Refuses a page that could not be written before anything is read for it."""
    output = arguments.output or (None if common.json else Path(DEFAULT))
    asked = ReportArguments(arguments.sources, output)
    if asked.to_stdout and common.json:
        raise UsageError("-o - and --json both want standard output", way_out="Name a file after -o.")
    if asked.output is not None and not asked.to_stdout:
        check_place(asked.output)
    return asked


def _gathered(asked: ReportArguments, common: Common, entry: Entry | None) -> tuple[Report, Plan | None]:
    """What happened, and the plan when its inputs are at hand."""
    plan: Plan | None = None

    def plan_of(folders: Sequence[RunFolder]) -> Plan | None:
        """Made once, for who opens the journals and for the page: it hashes the whole pool."""
        nonlocal plan
        plan = plan_of_folders(common, entry, folders)
        return plan

    with find_sources(asked.sources or [str(common.runs)], tell) as sources:
        choose = None if asked.sources else chooser(common, entry)
        journals = open_journals(sources.folders, tell, choose, plan_of)
        if not journals:
            raise UsageError("no run directory here has recorded anything")
        # Of several starts the newest, for it says what the machine owes now; what the earlier ones did is read with
        # it.
        newest = {journal.folder: journal.header for journal in journals}
        machines = plan.machines if plan else ()
        # Within, for archives are unpacked only so long: failures' last lines are in the logs.
        is_costed = plan is not None and plan.cost_source is not None
        return report_of(list(newest.items()), machines, tell, is_costed=is_costed), plan


def _write(path: Path, page: str) -> None:
    data = page.encode("utf-8", "replace")
    if is_standard_output(path):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with Target(path) as target:
        target.write_all([data], packed=False)
        target.finish()


def _texts(plan: Plan) -> Callable[[int], str]:
    def text_of(job: int) -> str:
        try:
            return plan.pool.row(job).text
        except (IndexError, ValueError):
            return ""

    return text_of
