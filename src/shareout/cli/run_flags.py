"""The flags of `run`, in groups, a line each. Those that override a setting take the same words as the file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from shareout.choices import Barriers, Order, words_of
from shareout.cli.inputs.adhoc_pool import ENDINGS, Given, Source
from shareout.cli.options import add_common, add_web
from shareout.cli.place.shard import add_shard
from shareout.errors import UsageError
from shareout.fields import dataclass

# flag → setting
SETTINGS = {
    "since": "run.since",
    "slots": "run.slots",
    "order": "run.order",
    "nice": "run.nice",
    "cores_per_job": "run.cores_per_job",
    "gpus_per_job": "run.gpus_per_job",
    "memory_per_job": "run.memory_per_job",
    "barriers": "run.barriers",
    "template": "commands.template",
    "colsep": "commands.colsep",
    "literal": "commands.literal",
    "shell": "commands.shell",
    "keep_lines": "commands.keep_lines",
    "timeout": "limits.timeout",
    "memory": "limits.memory",
    "retries": "limits.retries",
    "retry_delay": "limits.retry_delay",
    "halt": "limits.halt",
    "until": "limits.until",
    "grace": "limits.grace",
    "delay": "limits.delay",
    "memfree": "limits.memory_free",
    "load": "limits.load",
    "join": "join.at",
    "dead": "join.dead",
    "progress": "display.progress",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What of the jobs' output is shown. `tag`: what stands before each line; None: the job's id."""

    tee: bool = False
    keep_order: bool = False
    line_buffer: bool = False
    tag: str | None = None


VALUES = "--arg-values"
"""What `:::` becomes: the values as JSON, behind a sign that says whether they go along with the source before."""
_SOURCES = (":::", ":::+", "::::", "::::+")


class _AddSource(argparse.Action):
    """`--arg`, `--arg+` and `--arg-file` are one list, in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if isinstance(values, str) and option_string == VALUES:
            source = Source(tuple(json.loads(values[1:])), linked=values[0] == "+")
        elif isinstance(values, str):
            source = Source(file=values, linked=option_string == "--arg-file+")
        else:
            source = Source(tuple(values or ()), linked=option_string == "--arg+")
        namespace.sources = [*(namespace.sources or ()), source]


def prepared(words: Sequence[str]) -> list[str]:
    """`::: a b` as GNU parallel has it, in the flags of ours: what follows is values, whatever it looks like."""
    if not any(word in _SOURCES for word in words):
        return list(words)
    made: list[str] = []
    values: list[str] | None = None
    how = ""
    for word in (*words, ":::"):
        if word not in _SOURCES:
            (made if values is None else values).append(word)
            continue
        if values is not None:
            if not values:
                raise UsageError(f"{how} is followed by no values", way_out=f"As: {how} a b c")
            made += _in_our_flags(how, values)
        how, values = word, []
    return made


def _in_our_flags(how: str, values: Sequence[str]) -> list[str]:
    is_linked = how.endswith("+")
    if how.startswith("::::"):
        flag = "--arg-file+" if is_linked else "--arg-file"
        return [one for value in values for one in (flag, value)]
    return [VALUES, ("+" if is_linked else "*") + json.dumps(values)]


def configure(parser: argparse.ArgumentParser) -> None:
    """In groups, by what a user asks: what runs, how, how long, and what is seen of it."""
    name = parser.prog
    parser.description = (
        f"Run this machine's share (the default); the same call again goes on. As:\n"
        f"  {name} --machine alice --yes --expect lusab-babad-gutih-tugad\n"
        f"  seq 1 1000 | {name} --template 'myprog {{}}' -j 4 -\n"
        f"  {name} --template 'myprog {{1}} {{2}}' --arg a b c --arg 1 2 3"
    )
    parser.add_argument("pool", nargs="?", metavar="POOL", help="a pool file, or - for standard input")
    # As `plan` has it.
    parser.add_argument("--pool", dest="named", metavar="FILE", help=argparse.SUPPRESS)
    add_pool(parser.add_argument_group("what the jobs are (default: the pool of the configs)"))
    _jobs(parser.add_argument_group("which of them run here"))
    add_how(parser.add_argument_group("how they run"))
    _together(parser.add_argument_group("with other machines"))
    _limits(parser.add_argument_group("limits"))
    _shown(parser.add_argument_group("what is shown and written"))
    add_common(parser)


def add_pool(group: argparse._ArgumentGroup) -> None:
    """What else a pool may be than that of the configs."""
    add = group.add_argument
    add("--template", metavar="TEXT", help="a command with {} {1} {name} {id} {/.} {#} {%%} …")
    add("--colsep", metavar="REGEX", help="what separates {1} {2}: ',' (default: blanks)")
    add("--literal", action="store_const", const="yes", help="{braces} that name nothing stay as they are")
    add("--as", dest="kind", metavar="KIND", choices=list(ENDINGS), help="what POOL is: txt csv jsonl grid groups")
    add("-0", "--null", action="store_true", help="POOL is separated by NUL, as of find -print0")
    add("-d", dest="delimiter", metavar="SIGN", help="POOL is separated by it: ',' or '\\t'")
    add("-N", dest="each", type=int, metavar="N", help="N lines or values are a job: {1} … {N}")
    sources: dict[str, Any] = {"dest": "sources", "action": _AddSource}
    add("--arg", nargs="+", metavar="VALUE", help="values; several --arg: all combinations", **sources)
    add("--arg+", nargs="+", metavar="VALUE", help="values that go along with the source before", **sources)
    add("--arg-file", metavar="FILE", help="a source of values: the lines of a file, or -", **sources)
    add("-a", metavar="FILE", help="the same, as xargs has it", **sources)
    add(VALUES, help=argparse.SUPPRESS, **sources)
    add("--arg-file+", metavar="FILE", help="the same, along with the source before it", **sources)


def _jobs(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--machine", metavar="NAME", help="this machine's name; all: this host runs everything")
    add_shard(group)
    add("-y", "--yes", action="store_true", help="ask nothing")
    add("--expect", metavar="WORDS", help="refuse a plan with another fingerprint")
    add("--since", metavar="PLAN", help="go on from another plan of these jobs")
    add("--anew", action="store_true", help="start over, where jobs are done under another plan")
    add("--adopt", nargs="*", action="extend", metavar="DIR", help="take over what an earlier list has done")
    add("--group", nargs="+", action="extend", default=[], metavar="NAME", help="only jobs of these groups")
    add("-n", "--limit", type=int, metavar="N", help="run at most N jobs, then stop")
    add("-1", dest="limit", action="store_const", const=1, help="run one job, then stop")
    add("-R", "--retry-failed", action="store_true", help="run again what failed before")
    add("--resume-from", action="append", default=[], metavar="FILE", help="take over a status file of disBatch's")
    add("--force-resume", action="store_true", help="the same, by task numbers alone")
    add("--dry-run", action="store_true", help="print the commands that would run; run nothing")


def add_how(group: argparse._ArgumentGroup) -> None:
    """How many at a time, in which order, by what."""
    add = group.add_argument
    add("-j", "--slots", metavar="N", help="jobs at once: 8, or 50%% +2 of the cores")
    add("--order", choices=words_of(Order), metavar="ORDER", help="given: as in the pool (default: shuffled)")
    add("--barriers", choices=words_of(Barriers), metavar="local", help="each of several machines keeps them by itself")
    add("--shell", metavar="PATH", help="runs lines with shell syntax (default: sh, or bash)")
    add("--cores-per-job", metavar="N", help="cores that a job takes; may be a fraction")
    add("--gpus-per-job", metavar="N", help="GPUs that a job takes")
    add("--memory-per-job", metavar="SIZE", help="memory that a job is counted with")
    add("--nice", metavar="N", help="how far jobs stand back: off, or 1 to 19")


def _together(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--join", metavar="WHERE", help="share all work: a folder, or nats://HOST:PORT")
    add("--token-file", metavar="FILE", help="what a network asks for (- is standard input)")
    add("--patience", metavar="TIME", help="so long one that is away is waited for (default: 1h)")
    add("--dead", metavar="TIME", help="who is silent for so long is taken over from")
    add("--leave", action="store_true", help="go when there is nothing to take")
    add("--retire-cmd", dest="retire", metavar="CMD", help="gives back nodes of Slurm that are done")
    add("--no-retire", dest="retire", action="store_const", const="", help="keeps them to the end")
    add("--alone", action="store_true", help="this machine's share, whatever [join] says")


def add_job_limits(group: argparse._ArgumentGroup) -> None:
    """What ends a job, and what then."""
    add = group.add_argument
    add("--timeout", metavar="TIME", help="a job's time: 90s, 1h30m, 200%% of the median")
    add("--memory", metavar="SIZE", help="a job's memory, beyond which it is ended")
    add("--retries", metavar="N", help="tries after the first one")
    add("--retry-delay", metavar="TIME", help="wait before the next try")
    add("--grace", metavar="TIME", help="between asking a job to end and killing it")


def _limits(group: argparse._ArgumentGroup) -> None:
    add_job_limits(group)
    add = group.add_argument
    add("--halt", metavar="RULE", help="when to stop all: now,fail=1 or soon,fail=10%%")
    add("--fail-fast", action="store_true", help="short for --halt now,fail=1")
    add("--until", metavar="TIME", help="start nothing that would not end by then: 07:00, 8h")
    add("--delay", metavar="TIME", help="between the starts of two jobs")
    add("--memfree", metavar="SIZE", help="start nothing while less memory is free")
    add("--load", metavar="N", help="start nothing while the load is N, or 80%% of the cores")


def _shown(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    shown = ["auto", "live", "plain", "none"]
    add("--progress", choices=shown, metavar="HOW", help="how the run shows itself: live, plain or none")
    add("--tee", action="store_true", help="print what jobs print, each line after the job's id")
    add("-k", "--keep-order", action="store_true", help="--tee in the order of the pool")
    add("--line-buffer", action="store_true", help="--tee line by line, while a job runs")
    add("--lb", dest="line_buffer", action="store_true", help=argparse.SUPPRESS)
    add("--tag", action="store_true", help="--tee with the job's arguments before each line")
    add("--tagstring", metavar="TEXT", help="--tee with a text like a template; '' for nothing")
    add("--keep-lines", metavar="REGEX", help="log and show only output lines that match")
    add("--results", metavar="DIR", help="also what each job prints: a folder, or NAME.csv")
    add("--joblog", metavar="FILE", help="also a line a job in this file, as GNU parallel has it")
    add_web(group)
    add("--bar", dest="progress", action="store_const", const="live", help=argparse.SUPPRESS)
    add("--eta", dest="progress", action="store_const", const="live", help=argparse.SUPPRESS)


def given(arguments: argparse.Namespace) -> Given:
    """What the call says about the pool."""
    delimiter = "\0" if arguments.null else arguments.delimiter
    pool = arguments.pool or arguments.named
    return Given(pool, arguments.kind, delimiter, arguments.each, tuple(arguments.sources or ()))


def screen(arguments: argparse.Namespace) -> Screen:
    """Each of the flags that say how output is shown asks for it."""
    if arguments.tag and arguments.tagstring is not None:
        raise UsageError("--tag is a --tagstring of '{}'", way_out="Leave one of them out.")
    tag = "{}" if arguments.tag else arguments.tagstring
    keep_order, line_buffer = arguments.keep_order, arguments.line_buffer
    return Screen(arguments.tee or keep_order or line_buffer or tag is not None, keep_order, line_buffer, tag)


def overrides(arguments: argparse.Namespace) -> dict[str, str]:
    """The settings that flags change, as text."""
    # As text, for the readers of the file: so flag and file take and refuse the same words.
    said = {name: str(value) for flag, name in SETTINGS.items() if (value := getattr(arguments, flag)) is not None}
    if arguments.fail_fast:
        # A word for a rule, and not a rule of its own: what stops a run is told and explained in one way.
        said["limits.halt"] = "now,fail=1"
    if "commands.colsep" in said:
        # As the file would have it, where a blank at the end of a line is nobody's.
        said["commands.colsep"] = said["commands.colsep"].replace("\t", r"\t")
    return said
