"""`wait [DIR…]`: comes back when the runs are over, with an exit code that says how; `wait && mail …`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from shareout.cli.inputs.followed_runs import follow
from shareout.cli.inputs.run_folders import add_sources, folders_of, tell
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.names import ALL, ANYBODY
from shareout.plan.plan import Plan
from shareout.show.beside import may_steer, say, write
from shareout.show.pace import told_time
from shareout.status.beat import newcomers
from shareout.status.machine import Follower
from shareout.status.total import Counts, Status, look

LOOK_S = 0.5
# Where each time is a line more, and no line is redrawn.
TELL_S = 10.0
BAR = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Run directories, and whether to tell how far they are."""
    parser.epilog = "example:\n  wait --progress && mail -s done me@example.org < /dev/null"
    add_sources(parser)
    parser.add_argument("--progress", action="store_true", help="tell now and then how far it is")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Of the directories that are here: 0 all done, 1 some failed, 3 ended before the end."""
    common = Common.of(arguments)
    waiting = _Waiting(tells=arguments.progress and not common.quiet)
    while True:
        with folders_of(arguments.sources, common) as folders:
            runs = follow(arguments.sources, folders, common, entry)
            status = waiting.until_over(runs.followers)
            if status is not None:
                _tell_end(status, runs.plan, common)
                return _code(status)


class _Waiting:
    """Looks again and again, and is not woken by the run: it may be on another host, whose files are all that is seen
    of it."""

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells
        self._told_at = 0.0
        self._tell_s = LOOK_S if may_steer() else TELL_S

    def until_over(self, followers: Sequence[Follower]) -> Status | None:
        """How it stands then; None when hosts have come meanwhile to what others share."""
        folders = [one.folder for one in followers]
        while True:
            status = look(followers, None)
            is_over = status.is_over and not (status.counts.todo and any(map(_is_unsure, followers)))
            if self._tells and (is_over or time.monotonic() - self._told_at >= self._tell_s):
                self._told_at = time.monotonic()
                _tell(_line(status), is_last=is_over)
            is_more = newcomers(folders)
            if is_over and not is_more:
                return status
            time.sleep(LOOK_S)
            if is_more:
                return None


def _is_unsure(one: Follower) -> bool:
    """Of a host that shares a folder whose clock may not be ours, only watching it tells whether it lives."""
    return one.pulse is not None and one.pulse.is_unsure()


def _tell_end(status: Status, plan: Plan | None, common: Common) -> None:
    """Who was not waited for must not seem to have ended: machines of the plan without a directory here."""
    here = {one.name for one in status.machines}
    others = sorted({one.name for one in plan.machines} - here - {ANYBODY}) if plan and ALL not in here else []
    if common.json:
        print(json.dumps(_facts(status, others)))
    elif others and not common.quiet:
        tell(f"only {', '.join(sorted(here))} was waited for; no directory here of {', '.join(others[:8])}")


def _code(status: Status) -> int:
    # That it stopped says more than that some failed: the rest can still run, and more of it may fail.
    if any(machine.left for machine in status.machines):
        return 3
    return int(status.counts.failed > 0)


def _line(status: Status) -> str:
    eta = f"  eta {told_time(status.forecast.seconds)}" if status.forecast and not status.is_over else ""
    return progress_line(status.counts) + eta


def progress_line(counts: Counts) -> str:
    """Runmaker's, with its bar: `=` what is done, `!` what failed, `>` what runs."""
    done = counts.done + counts.skipped
    width = max(3, len(str(counts.jobs)))
    parts = (("=", done), ("!", counts.failed), (">", counts.running))
    bar = "".join(sign * _cells(jobs, counts.jobs) for sign, jobs in parts)
    return (
        f"progress: {done + counts.failed:>{width}} of {counts.jobs:>{width}} jobs processed, {counts.failed} errors "
        f"[{bar:<{BAR}}]"
    )


def _cells(part: int, whole: int) -> int:
    return BAR * part // max(1, whole)


def _tell(line: str, *, is_last: bool) -> None:
    """On a terminal in one line that changes, else a line now and then."""
    if may_steer():
        write(f"\r\x1b[K{line}" + "\n" * is_last)
    else:
        say(line)


def _facts(status: Status, others: Sequence[str]) -> dict[str, Any]:
    """Of the machines that were waited for; `others` left no directory here."""
    counts = {
        key: sum(getattr(one, key) for one in status.machines) for key in ("jobs", "done", "failed", "skipped", "todo")
    }
    return {"digest": status.digest, "exit": _code(status), **counts, "others": list(others)}
