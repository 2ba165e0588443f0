"""`export [DIR…] --format NAME`: the file that another tool would have left, for the scripts that read it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import add_sources, folders_of, of_one_plan, plan_at_hand, tell
from shareout.cli.options import Common, add_common, add_output
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.export import FORMATS, Runs, export_form
from shareout.record.folder import RunFolder
from shareout.status.jobs import JobStates


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose format, of which run directories, and where to."""
    formats = "\n".join(f"  {name:<10}{what}" for name, what in FORMATS.items())
    parser.epilog = f"formats:\n{formats}\n\nexample:\n  export --format runmaker -o runs.txt"
    add_sources(parser)
    parser.add_argument("--format", choices=list(FORMATS), required=True, help="whose file it is to be")
    add_output(parser, "where to (default: standard output)")
    parser.add_argument("--header", action="store_true", help="with a head line, where the format may have one")
    add_common(parser, json=False)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0. The inputs must be at hand: other tools' files have the text of every job."""
    from shareout.merge.target import is_standard_output

    common = Common.of(arguments)
    output = arguments.output
    if output and is_standard_output(output):
        output = None
    export_to(output, arguments.format, arguments.sources, common, entry, header=arguments.header)
    if output and not common.quiet:
        print(f"wrote {output}")
    return 0


def export_to(
    output: Path | None, form: str, sources: Sequence[str], common: Common, entry: Entry | None, *, header: bool = False
) -> None:
    """What `export` does, for commands that do it by the name of a file or a flag of their own. The file appears
    when it is whole; without one it goes to standard output, piece by piece."""
    from shareout.merge.target import Target, check_place

    write = export_form(form)
    if output is not None:
        check_place(output)
    with folders_of(sources, common, has_logs=True) as found:
        # Every format asks for the texts of jobs, so that without the inputs none is begun.
        runs = _runs_of(found, common, entry, header=header)
        if output is None:
            for piece in write(runs):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        with Target(output) as target:
            target.write_all(write(runs), packed=False)
            target.finish()


def _runs_of(found: Sequence[RunFolder], common: Common, entry: Entry | None, *, header: bool) -> Runs:
    plan = plan_at_hand(common, entry, found)
    folders = of_one_plan(found, plan)
    states = JobStates(folders)
    known = {digest for one in states.headers for digest in (one.origin, *one.ancestors)}
    if plan is None or plan.origin_hex not in known:
        raise UsageError(
            "the jobs of these runs are not known here: their inputs are elsewhere, or have changed",
            way_out="Name the folder of their inputs with --configs DIR.",
        )
    return Runs(plan, folders, states, tell, header)
