"""`join DIR`: a host that no line of machines.json is of takes work from whoever has too much; `join --probe DIR`:
whether hosts can share a folder at all."""

from __future__ import annotations

import argparse
import os

from shareout.cli import probing
from shareout.cli.options import Common, add_common, add_token, add_web
from shareout.config import load_settings
from shareout.entry import Entry
from shareout.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The folder; of a run's flags those that are about one host; and those of a probe."""
    name = parser.prog
    parser.epilog = (
        f"example, with no inputs here, for they are in the folder:\n  {name} /nfs/experiment -j 8\n"
        f"before all else, on two hosts at once:\n  {name} --probe /nfs/experiment"
    )
    told = "a folder that hosts share, or nats://HOST:PORT (default: [join] at)"
    parser.add_argument("where", nargs="?", metavar="WHERE", help=told)
    add_token(parser)
    parser.add_argument("--name", metavar="NAME", help="this host's name in it (default: the host's own)")
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    parser.add_argument("--expect", metavar="WORDS", help="refuse a plan with another fingerprint")
    parser.add_argument("-n", "--limit", type=int, metavar="N", help="run at most N jobs here, then leave")
    parser.add_argument("-1", dest="limit", action="store_const", const=1, help="run one job, then leave")
    parser.add_argument("-j", "--slots", metavar="N", help="jobs at once: 8, or 50%% +2 of the cores")
    parser.add_argument("--nice", metavar="N", help="how far jobs stand back: off, or 1 to 19")
    parser.add_argument("--until", metavar="TIME", help="start nothing that would not end by then: 07:00, 8h")
    parser.add_argument("--leave", action="store_true", help="go when there is nothing to take")
    shown = ["auto", "live", "plain", "none"]
    parser.add_argument("--progress", choices=shown, metavar="HOW", help="how it shows itself: live, plain or none")
    parser.add_argument("--tee", action="store_true", help="print what jobs print, each line after the job's id")
    add_web(parser)
    probing.add_flags(parser.add_argument_group("whether hosts can share it"))
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """As of `run`; of a probe as told there."""
    if arguments.probe is not None:
        if arguments.where is not None:
            raise UsageError(f"{arguments.where} is one word too many: --probe names the folder that is tried")
        return probing.probe(arguments)
    if arguments.where is None:
        arguments.where = _usual(Common.of(arguments))
    if "SLURM_JOB_ID" in os.environ:
        from shareout.cli.join_nodes import goes_over_nodes, join_on_nodes

        if goes_over_nodes():
            return join_on_nodes(arguments, entry)
    from shareout.cli.guest import join

    return join(arguments, entry)


def _usual(common: Common) -> str:
    """The folder that the settings name."""
    if at := load_settings(common.configs).join.at:
        return at
    raise UsageError(
        "no folder is named, and [join] at names none either", way_out="Name the one that the hosts share: join DIR."
    )
