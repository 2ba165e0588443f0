"""`report DIR… -o report.html`: what happened, on one page that opens anywhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.run_folders import add_sources, chooser, plan_of_folders, runs_here, sources_of, tell
from shareout.cli.options import Common, add_common, add_output
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.merge.proof.complete import open_journals
from shareout.merge.target import Target, check_place, is_standard_output
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.report.facts import Report, report_of
from shareout.report.plots import Formula, formula_of
from shareout.show.report.data import report_facts
from shareout.show.report.page import Extras, page_of

if TYPE_CHECKING:
    from shareout.cli.plotting import Plotted
    from shareout.merge.gather import Journal

DEFAULT = "report.html"


@dataclass(frozen=True, slots=True)
class ReportArguments:
    """The flags of `report`."""

    sources: list[str]
    """Empty: what is below --runs."""
    output: Path | None
    """None: no page, only its data."""
    plots: tuple[Formula, ...] = ()

    @property
    def is_picture(self) -> bool:
        """The one plot alone, without a page."""
        return self.output is not None and self.output.suffix.lower() == ".svg"

    @property
    def to_stdout(self) -> bool:
        """Whether the page itself goes there, so that nothing else may."""
        return self.output is not None and is_standard_output(self.output)


def configure(parser: argparse.ArgumentParser) -> None:
    """Run directories or archives, and where the page goes."""
    parser.epilog = (
        "examples:\n  report home/*/runs -o report.html\n  report --plot 'energy ~ temperature by lattice' -o e.svg"
    )
    add_sources(parser, "run directories, folders or archives of them, or nats://HOST:PORT")
    add_output(parser, f"the page (default: {DEFAULT}) or *.svg of a plot")
    parser.add_argument("--plot", action="append", metavar="'Y ~ X by G'", help="draw a result over an input")
    parser.add_argument("--log", choices=["x", "y", "xy"], help="these axes of plots are logarithms")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0: a report tells what happened, and judges nothing."""
    common = Common.of(arguments)
    asked = _asked(arguments, common)
    # Without the inputs the page lacks texts and performances, and has all the rest: it is made where results come
    # home, and inputs may have stayed elsewhere.
    report, plan, plots, certificate = _gathered(asked, common, entry)
    machines = plan.machines if plan else ()
    if asked.output is not None and asked.is_picture:
        from shareout.show.report.plotted import alone

        _write(asked.output, alone(plots[0].points, plots[0].formula))
    elif asked.output is not None:
        extras = Extras(tuple(plan.inputs) if plan else (), machines, _texts(plan) if plan else None, certificate)
        pictures = [(one.formula, one.points) for one in plots]
        _write(asked.output, page_of(report, extras, pictures))
    if common.json:
        print(json.dumps({**report_facts(report, machines), "certificate": certificate or None}))
    elif asked.output is not None and not asked.to_stdout and not common.quiet:
        print(f"wrote {asked.output}")
    return 0


def _asked(arguments: argparse.Namespace, common: Common) -> ReportArguments:
    """Refuses a page that could not be written before anything is read for it."""
    output = arguments.output or (None if common.json else Path(DEFAULT))
    asked = ReportArguments(arguments.sources, output, _formulas(arguments))
    if asked.is_picture and len(asked.plots) != 1:
        raise UsageError(
            f"{output} is one picture, and {len(asked.plots) or 'no'} plots are asked for", way_out="Say one --plot."
        )
    if asked.to_stdout and common.json:
        raise UsageError("-o - and --json both want standard output", way_out="Name a file after -o.")
    if asked.output is not None and not asked.to_stdout:
        check_place(asked.output)
    return asked


def _formulas(arguments: argparse.Namespace) -> tuple[Formula, ...]:
    if arguments.log and not arguments.plot:
        raise UsageError("--log is about the axes of a --plot, and there is none")
    return tuple(formula_of(text, arguments.log or "") for text in arguments.plot or ())


def _gathered(
    asked: ReportArguments, common: Common, entry: Entry | None
) -> tuple[Report, Plan | None, list[Plotted], str]:
    """What happened, the plan when its inputs are at hand, what is to be drawn of results, and the certificate when all
    is done."""
    plan: Plan | None = None

    def plan_of(folders: Sequence[RunFolder]) -> Plan | None:
        """Made once, for who opens the journals and for the page: it hashes the whole pool."""
        nonlocal plan
        plan = plan_of_folders(common, entry, folders)
        return plan

    with sources_of(asked.sources or [str(runs_here(common))], common) as sources:
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
        plots: list[Plotted] = []
        if asked.plots:
            from shareout.cli.plotting import plotted

            plots = plotted(asked.plots, journals, plan, common, entry)
        group_of = plan.pool.group if plan and plan.pool.groups else None
        report = report_of(list(newest.items()), machines, tell, is_costed=is_costed, group_of=group_of)
        return report, plan, plots, _certificate(report, journals, common)


def _certificate(report: Report, journals: Sequence[Journal], common: Common) -> str:
    if report.counts.missing or report.counts.failed or report.damage:
        return ""
    from shareout.cli.proving import proof_of

    proof = proof_of(journals, common)
    return proof.certificate if proof else ""


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
