"""The flags of `run`, in groups, a line each. Those that override a setting take the same words as the file."""

from __future__ import annotations

import argparse

from shareout.cli.options import add_common

# flag → setting
SETTINGS = {
    "slots": "run.slots",
    "nice": "run.nice",
    "cores_per_job": "run.cores_per_job",
    "gpus_per_job": "run.gpus_per_job",
    "memory_per_job": "run.memory_per_job",
    "barriers": "run.barriers",
    "template": "commands.template",
    "shell": "commands.shell",
    "timeout": "limits.timeout",
    "memory": "limits.memory",
    "retries": "limits.retries",
    "retry_delay": "limits.retry_delay",
    "halt": "limits.halt",
    "until": "limits.until",
    "grace": "limits.grace",
    "progress": "display.progress",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "examples:\n"
        "  shareout run --machine alice --yes --expect lusab-babad-gutih-tugad\n"
        "  seq 1 1000 | shareout run --template 'myprog {}' -j 4 -"
    )
    parser.add_argument(
        "pool", nargs="?", metavar="POOL", help="a pool file, or - for standard input (default: the configs')"
    )
    _which(parser.add_argument_group("which share"))
    _jobs(parser.add_argument_group("which jobs, and how"))
    _limits(parser.add_argument_group("limits"))
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--progress", choices=["auto", "live", "plain", "none"], help="how the run shows itself")
    shown.add_argument("--tee", action="store_true", help="also print every job's output, each line after its id")
    shown.add_argument("--dry-run", action="store_true", help="print this share's jobs in running order; run nothing")
    add_common(parser)


def _which(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--machine", metavar="NAME", help="this machine's name, or all (this host runs everything)")
    group.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    group.add_argument("--expect", metavar="FINGERPRINT", help="refuse any other plan")
    group.add_argument("--barriers", choices=["local"], help="each of several machines keeps barriers by itself")


def _jobs(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-R", "--retry-failed", action="store_true", help="run again what failed before")
    group.add_argument("--resume-from", action="append", default=[], metavar="FILE",
                       help="take over what a status file of disBatch's tells; may be repeated")  # fmt: skip
    group.add_argument("--force-resume", action="store_true", help="the same, by task numbers alone")
    group.add_argument("-n", "--limit", type=int, metavar="N", help="run at most N jobs, then stop")
    group.add_argument("-1", dest="limit", action="store_const", const=1, help="run one job, then stop")
    group.add_argument(
        "-j", "--slots", metavar="N", help="jobs at once (default: the machine's cores // cores per job)"
    )
    group.add_argument("--template", metavar="TEXT", help="a command with {} {1} {name} {id}; the pool's lines fill it")
    group.add_argument(
        "--shell", metavar="PATH", help="runs lines that have shell syntax (default: sh, or bash where one needs it)"
    )
    group.add_argument("--cores-per-job", metavar="N", help="cores that a job takes; may be a fraction")
    group.add_argument("--gpus-per-job", metavar="N", help="GPUs that a job takes")
    group.add_argument("--memory-per-job", metavar="SIZE", help="memory that a job is counted with")
    group.add_argument("--nice", metavar="N", help="how far jobs stand back: off, or 1 to 19")


def _limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--timeout", metavar="TIME", help="a job's time: 90s, 1h30m, or 200%% of the median")
    group.add_argument("--memory", metavar="SIZE", help="a job's memory, beyond which it is ended")
    group.add_argument("--retries", metavar="N", help="tries after the first one")
    group.add_argument("--retry-delay", metavar="TIME", help="wait before the next try")
    group.add_argument("--halt", metavar="RULE", help="when to stop all: now,fail=1 or soon,fail=10%%")
    group.add_argument("--fail-fast", action="store_true", help="short for --halt now,fail=1")
    group.add_argument("--until", metavar="TIME", help="start nothing that would not end by then: 07:00, 8h")
    group.add_argument("--grace", metavar="TIME", help="between asking a job to end and killing it")


def overrides(arguments: argparse.Namespace) -> dict[str, str]:
    """The settings that flags change, as text."""
    given = {name: str(value) for flag, name in SETTINGS.items() if (value := getattr(arguments, flag)) is not None}
    if arguments.fail_fast:
        given["limits.halt"] = "now,fail=1"
    return given
