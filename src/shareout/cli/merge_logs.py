"""`merge-logs DIR…`: one log ordered by time, of any number of machines."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import add_sources, folders_of, of_one_plan, tell
from shareout.cli.list import check_machine, job_ranges
from shareout.cli.options import Common, add_output, add_runs
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.merge.logs.by_time import LEVELS, STREAMS, Filter, merged
from shareout.merge.logs.copies import without_copies
from shareout.merge.target import Target, check_place, is_standard_output
from shareout.pool import MOST_JOBS
from shareout.ranges import Range, union
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import machine_word
from shareout.record.reader import newest_header

_MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d*)?)?)?)?)?)?Z?")


def configure(parser: argparse.ArgumentParser) -> None:
    """Which logs, where to, and what to let through of them."""
    add_sources(parser)
    add_output(parser, "where to (default: standard output); *.gz is packed")
    parser.add_argument("--machine", action="append", default=[], metavar="NAME", help="only this machine's")
    parser.add_argument("--job", action="append", default=[], metavar="ID", help="only this job's, or of 0-99")
    parser.add_argument(
        "--stream", action="append", choices=STREAMS, default=[], help="only what was printed there, or logged"
    )
    parser.add_argument("--level", choices=LEVELS, default="DEBUG", help="at least this level")
    parser.add_argument("--since", default="", metavar="TIME", help="from then on, as 2026-11-20T19:23")
    parser.add_argument("--until", default="", metavar="TIME", help="up to then")
    parser.add_argument("--grep", metavar="REGEX", help="only lines that match")
    parser.add_argument("--raw", action="store_true", help="what jobs printed, byte for byte, in pool order")
    parser.add_argument("--configs", metavar="DIR", help=argparse.SUPPRESS)
    add_runs(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 also where a log is damaged: that is told on standard error, and what can be read of it is there. With `--raw`
    1 where something is missing."""
    try:
        grep = re.compile(arguments.grep.encode()) if arguments.grep else None
    except re.error as error:
        raise UsageError(f"--grep: {error}") from None
    output = arguments.output or Path("-")
    if not is_standard_output(output):
        check_place(output)
    if arguments.raw:
        return _raw(arguments, output, entry)
    # By text: the log's times are as long as each other, so they compare as they stand.
    since, until = _moment(arguments.since, "--since"), _moment(arguments.until, "--until")
    with folders_of(arguments.sources, Common.of(arguments), has_logs=True) as found:
        folders = without_copies(found, tell)
        machines, jobs = _chosen(folders, arguments.machine, arguments.job)
        wanted = Filter(
            machines,
            jobs,
            frozenset(arguments.stream),
            level=arguments.level,
            since=since.encode(),
            # A time that is cut short means all of its day or minute: `~` sorts behind every digit.
            until=until.encode() + b"~" if until else b"",
            grep=grep,
        )
        _write((b"".join(lines) for lines in merged(folders, wanted, tell)), output)
    return 0


def _raw(arguments: argparse.Namespace, output: Path, entry: Entry | None) -> int:
    from shareout.cli.merge_raw import Raw, streams_of, write_raw

    said = {"--since": arguments.since, "--until": arguments.until, "--grep": arguments.grep}
    for flag in [flag for flag, value in said.items() if value] + ["--level"] * (arguments.level != "DEBUG"):
        raise UsageError(f"{flag} looks at lines, and --raw has none", way_out="Leave one of them out.")
    streams, common = streams_of(arguments.stream), Common.of(arguments)
    with folders_of(arguments.sources, common, has_logs=True) as found:
        folders = list(found) if arguments.sources else of_one_plan(found, None)
        machines, jobs = _chosen(folders, arguments.machine, arguments.job)
        return write_raw(folders, Raw(machines, jobs, streams), output, common, entry)


def _chosen(
    folders: Sequence[RunFolder], names: Sequence[str], ids: Sequence[str]
) -> tuple[frozenset[bytes], tuple[Range, ...]]:
    """Machines and jobs as the log writes them; empty for all. Those that nothing here knows are refused."""
    headers = [newest_header(folder) for folder in folders]
    for name in names:
        check_machine(name, headers, None)
    jobs = job_ranges(ids, max((header.total for header in headers), default=MOST_JOBS))
    return frozenset(map(machine_word, names)), tuple(union((one.start, one.stop) for one in jobs))


def _write(blocks: Iterable[bytes], output: Path) -> None:
    if is_standard_output(output):
        sys.stdout.buffer.writelines(blocks)
        sys.stdout.buffer.flush()
        return
    with Target(output) as target:
        target.write_all(blocks, packed=output.name.endswith(".gz"))
        target.finish()


def _moment(text: str, flag: str) -> str:
    """The beginning of a time as the log has it: `2026-11-20`, `2026-11-20T19:23`; a blank will do for the T."""
    if text and not _MOMENT.fullmatch(text):
        raise UsageError(f'{flag}: "{text}" is no time', way_out=f"Write {flag} 2026-11-20T19:23 (UTC), or less of it.")
    return text.replace(" ", "T").removesuffix("Z")
