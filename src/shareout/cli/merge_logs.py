"""`merge-logs DIR…`: one log ordered by time, of any number of machines."""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from shareout.cli.options import Common, add_runs
from shareout.cli.standing import add_sources, folders_of, tell
from shareout.entry import Entry
from shareout.errors import CannotRecord, UsageError
from shareout.merge.logs import LEVELS, Filter, merged
from shareout.record.log import machine_word


def configure(parser: argparse.ArgumentParser) -> None:
    add_sources(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (default: standard output); *.gz is packed")
    parser.add_argument("--machine", action="append", default=[], metavar="NAME", help="only this machine's")
    parser.add_argument("--job", action="append", default=[], metavar="ID", help="only this job's")
    parser.add_argument("--level", choices=LEVELS, default="DEBUG", help="at least this level")
    parser.add_argument("--since", default="", metavar="TIME", help="from then on, as 2026-11-20T19:23")
    parser.add_argument("--until", default="", metavar="TIME", help="up to then")
    parser.add_argument("--grep", metavar="REGEX", help="only lines that match")
    add_runs(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    try:
        grep = re.compile(arguments.grep.encode()) if arguments.grep else None
    except re.error as error:
        raise UsageError(f"--grep: {error}") from None
    wanted = Filter(
        frozenset(map(machine_word, arguments.machine)),
        frozenset(job.encode() for job in arguments.job),
        arguments.level,
        arguments.since.encode(),
        arguments.until.encode() + b"~" if arguments.until else b"",
        grep,
    )
    with folders_of(arguments.sources, Common.of(arguments)) as folders:
        blocks = (b"".join(lines) for lines in merged(folders, wanted, tell))
        if arguments.output:
            _write(Path(arguments.output), blocks)
        else:
            sys.stdout.buffer.writelines(blocks)
            sys.stdout.buffer.flush()
    return 0


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        with gzip.open(fresh, "wb", 6) if path.name.endswith(".gz") else fresh.open("wb") as file:
            file.writelines(blocks)
        fresh.replace(path)
    except OSError as error:
        raise CannotRecord(f"{path} cannot be written: {error.strerror}") from error
