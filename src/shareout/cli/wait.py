"""`wait [DIR…]`: comes back when the runs are over, with an exit code that says how; `wait && mail …`."""

from __future__ import annotations

import argparse
import time

from shareout.cli.options import Common, add_common
from shareout.cli.standing import add_sources, folders_of, plan_of_folders, tell
from shareout.entry import Entry
from shareout.show.beside import say
from shareout.show.pace import told_time
from shareout.status.total import Status, look, newest_plan, open_followers

LOOK_S = 0.5
TELL_S = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  wait --progress && mail -s done me@example.org < /dev/null"
    add_sources(parser)
    parser.add_argument("--progress", action="store_true", help="tell now and then how far it is")
    add_common(parser, json=False)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    common = Common.of(arguments)
    with folders_of(arguments.sources, common) as folders:
        followers = newest_plan(open_followers(folders, tell), tell)
        plan = plan_of_folders(common, entry, [one.folder for one in followers])
        told = 0.0
        while True:
            status = look(followers, None)
            if arguments.progress and not common.quiet and (status.is_over or time.monotonic() - told >= TELL_S):
                told = time.monotonic()
                say(_line(status))
            if status.is_over:
                if plan is not None and not common.quiet:
                    _tell_others(status, {one.name for one in plan.machines})
                return _code(status)
            time.sleep(LOOK_S)


def _code(status: Status) -> int:
    """Of the directories that are here: 0 all done, 1 some failed, 3 ended before the end."""
    if any(machine.left for machine in status.machines):
        return 3
    return int(status.counts.failed > 0)


def _line(status: Status) -> str:
    counts = status.counts
    percent = 100 * (counts.done + counts.failed + counts.skipped) / max(1, counts.jobs)
    eta = told_time(status.forecast.seconds if status.forecast else None).replace(" ", "")
    return f"percent={percent:.1f} done={counts.done} failed={counts.failed} running={counts.running} eta={eta}"


def _tell_others(status: Status, machines: set[str]) -> None:
    here = {machine.name for machine in status.machines}
    others = sorted(machines - here)
    if others and "all" not in here:
        tell(f"only {', '.join(sorted(here))} was waited for; no directory here of {', '.join(others[:8])}")
