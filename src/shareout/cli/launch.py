"""`launch [MACHINE…]`: from one terminal to all machines, and back home: check, copy, start, follow, fetch, merge."""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.options import Common, Web, add_output, add_web, configs_of, web_asked
from shareout.entry import Entry, own_program
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.units import parse_duration

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PATIENCE = "10m"
INSTEAD = ("dry_run", "status", "stop", "fetch", "clean")
MOST_ARRAYS = 1000


@dataclass(frozen=True, slots=True)
class SlurmArguments:
    """The flags that mean an array of Slurm."""

    submits: bool
    seconds: int | None
    chain: int
    nodes: tuple[int, int] | None
    """How many, and the cores of each."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaunchArguments:
    """The flags of `launch`."""

    machines: tuple[str, ...]
    pool: Path | None
    folder: str | None
    files: tuple[Path, ...]
    executable: Path | None
    returns: tuple[str, ...]
    results: Path | None
    join: str
    """Empty: each its own share, or as the settings say."""
    serves: bool
    """They share it by a server here."""
    spread: tuple[str, ...]
    is_here: bool
    patience_s: float
    does: str
    """`launch`, or the flag that asks for something else."""
    now: bool
    output: Path | None
    slurm: SlurmArguments | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Which hosts, what they get, and what else may be asked of them."""
    parser.epilog = (
        'examples:\n  launch                     # hosts: "ssh": "user@host" in machines.json\n'
        "  launch -s node1:8,node2:16 -o results.csv\n  launch --status"
    )
    add = parser.add_argument
    add("machines", nargs="*", metavar="MACHINE", help="only these machines of the plan")
    add("--pool", metavar="FILE", help="the list of jobs (default: the configs')")
    add("-s", "--ssh-node", action="append", metavar="H:N", help="hosts as HOST:CORES,… without machines.json")
    add("--here", action="store_true", help="every machine in a folder of this host, without ssh")
    add("--dir", metavar="DIR", help="the folder there (default: shareout/NAME)")
    add("--files", nargs="*", action="extend", metavar="PATH", help="files and folders of this one that jobs need")
    add("--return", nargs="*", action="extend", dest="returns", metavar="GLOB", help="files that jobs write there")
    add("--results", metavar="DIR", help="also a folder of each job's output; it comes home")
    add("--join", metavar="DIR", default="", help="all share their work by a folder that they mount")
    add("--serve", action="store_true", help="all share their work by a server here, through ssh")
    add("--exe", metavar="FILE", help="the executable to copy (default: this program)")
    add("--patience", default=PATIENCE, metavar="TIME", help=f"give up a host so long silent (default: {PATIENCE})")
    add_output(parser, "the merged table, when all is home")
    _add_slurm(parser.add_argument_group("on Slurm, with a folder that all nodes see"))
    instead = parser.add_argument_group("instead of all that")
    others = instead.add_mutually_exclusive_group()
    others.add_argument("--dry-run", action="store_true", help="print the commands, and run none")
    others.add_argument("--status", action="store_true", help="ask every host once")
    others.add_argument("--stop", action="store_true", help="running jobs end, no others begin")
    others.add_argument("--fetch", action="store_true", help="bring home what there is by now")
    others.add_argument("--clean", action="store_true", help="remove all there, when all of it is home")
    others.add_argument("--far", action="store_true", help=argparse.SUPPRESS)
    instead.add_argument("--now", action="store_true", help="with --stop: running jobs are ended, too")
    # No --runs: run directories are where each host has them, and below `home`.
    where = parser.add_argument_group("where things are, and how to tell them")
    add_web(where)
    where.add_argument("--configs", metavar="DIR", help="inputs (default: ./configs, or beside the program)")
    where.add_argument("-q", "--quiet", action="store_true", help="tell only what is wrong")
    where.add_argument("--json", action="store_true", help="a JSON line on standard output for each event")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """The worst of all hosts: 0 all done, 1 jobs failed or are missing, 3 some have not finished, 2 some refused."""
    if arguments.far:
        from shareout.launch.far import answer

        return answer(sys.stdin.buffer, sys.stdout.buffer)
    asked, web = _asked(arguments), web_asked(arguments)
    if web and (asked.slurm or asked.does != "launch"):
        way_out = "`status --web` follows what runs in this folder."
        raise UsageError("--web is about a launch that this call follows to its end", way_out=way_out)
    if asked.slurm:
        from shareout.cli.on_slurm import launch_on_slurm

        return launch_on_slurm(asked, asked.slurm, Common.of(arguments), entry)
    from shareout.cli.launching import launch

    common = Common.of(arguments)
    with _page(web, common, entry) if web else nullcontext():
        return launch(asked, common, entry)


def _page(web: Web, common: Common, entry: Entry | None) -> AbstractContextManager[None]:
    """Of what hosts tell."""
    from shareout.cli.page_beside import page_beside

    words = configs_of(common)
    return page_beside(web, own_program(entry), [*words, "--", "launch"], Path("launch/page_url"))


def _asked(arguments: argparse.Namespace) -> LaunchArguments:
    does = next((one for one in INSTEAD if getattr(arguments, one)), "launch")
    _refuse_odd(arguments, does)
    return LaunchArguments(
        tuple(arguments.machines),
        Path(arguments.pool) if arguments.pool else None,
        arguments.dir,
        files=tuple(map(Path, arguments.files or ())),
        executable=Path(arguments.exe) if arguments.exe else None,
        returns=tuple(arguments.returns or ()),
        results=Path(arguments.results) if arguments.results else None,
        join=arguments.join,
        serves=arguments.serve,
        spread=tuple(arguments.ssh_node or ()),
        is_here=arguments.here,
        patience_s=_seconds(arguments.patience, "--patience", PATIENCE),
        does=does,
        now=arguments.now,
        output=arguments.output,
        slurm=_slurm(arguments),
    )


def _refuse_odd(arguments: argparse.Namespace, does: str) -> None:
    if arguments.now and does != "stop":
        raise UsageError("--now says how to stop", way_out="Add --stop.")
    if arguments.output is not None and does != "launch":
        raise UsageError("-o is for what a launch merges", way_out="`merge-results home` merges what is here.")
    if arguments.serve and arguments.join:
        raise UsageError(
            "--serve and --join exclude each other", way_out="A folder that all hosts mount needs no server."
        )
    for pattern in arguments.returns or ():
        _check_pattern(pattern)


def _check_pattern(pattern: str) -> None:
    try:
        parts = Path(pattern).parts
        next(Path(os.devnull).glob(pattern), None)
    except (ValueError, NotImplementedError):
        parts = ("..",)
    if ".." in parts:
        raise UsageError(
            f'--return "{pattern}" is no pattern of files in the far folder', way_out="Write --return 'out/*.csv'."
        )


def _add_slurm(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--slurm", action="store_true", help="print the script of an array, an element a machine")
    add("--submit", action="store_true", help="submit it and follow it; the same call finds it again")
    add("--time", metavar="TIME", help="how long an element may take: 4h")
    add("--chain", metavar="N", help="N arrays, each after the one before, for what is left")
    add("--nodes", metavar="N:CORES", help="so many equal machines, without machines.json")
    add("--sbatch", action="append", metavar="LINE", help="one more #SBATCH line: --sbatch='-p long'")


def _slurm(arguments: argparse.Namespace) -> SlurmArguments | None:
    given = [name for name in ("submit", "time", "chain", "nodes", "sbatch") if getattr(arguments, name)]
    if not arguments.slurm:
        if given:
            raise UsageError(f"--{given[0]} is about Slurm", way_out="Add --slurm.")
        return None
    return SlurmArguments(
        arguments.submit,
        _time(arguments.time) if arguments.time else None,
        _arrays(arguments.chain or "1"),
        _nodes(arguments.nodes) if arguments.nodes else None,
        lines=tuple(arguments.sbatch or ()),
    )


def _time(text: str) -> int:
    seconds = int(_seconds(text, "--time", "4h"))
    if not seconds:
        raise UsageError(
            f"--time {text} leaves no time", way_out="Write --time 4h; or leave it out for the partition's."
        )
    return seconds


def _arrays(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_ARRAYS:
        raise UsageError(f"--chain {text} is no number of arrays", way_out=f"Write 1 to {MOST_ARRAYS:,}.")
    return int(text)


def _nodes(text: str) -> tuple[int, int]:
    found = re.fullmatch("([0-9]{1,6}):([0-9]{1,6})", text)
    if found is None or not int(found[1]) or not int(found[2]):
        raise UsageError(f'--nodes: "{text}" is not N:CORES', way_out="Write --nodes 8:16 for 8 nodes of 16 cores.")
    return int(found[1]), int(found[2])


def _seconds(text: str, flag: str, example: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", way_out=f"Write {flag} {example}.") from None
