"""How a run ended: in sentences that lead on from there, and as the document of `run --json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareout.config import Settings
from shareout.events import Counts
from shareout.record.folder import RunFolder
from shareout.run.policy import is_date
from shareout.run.request import RunRequest
from shareout.show.beside import say

if TYPE_CHECKING:
    from shareout.joining.request import JoinRequest
    from shareout.run.session import RunResult

WAYS_TOGETHER = {
    "barrier": "`requeue --failed`, or `skip ID`, and the same command again: then the rest is let through",
    "halt": "`resume`, and the same command again, to go on",
}
"""On from what has ended the runs of all hosts."""


def tell_end(result: RunResult, request: RunRequest, folder: Path, *, quiet: bool) -> None:
    """Where it stands, and the one thing that leads on from there; `quiet`: in one line, with the exit code."""
    counts = result.counts
    todo = _todo(counts)
    lines = [f"{counts.done:,} done, {counts.failed:,} failed, {todo:,} to do: {folder}"]
    if todo and request.groups and result.reason == "finished":
        lines.append(f"{', '.join(request.groups)}: all have run; without --group, the others do")
    elif todo:
        lines += _way_on(result.reason, request.settings, is_joined=request.join is not None)
    elif counts.failed:
        again = f"`requeue --failed --join {_shown(request.join)}`" if request.join else "--retry-failed"
        lines.append(f"`list --failed` names them, `show ID` tells why; {again} runs them again")
    for line in [f"{'; '.join(lines)} (exit {result.exit_code})"] if quiet else lines:
        say(line)


def _shown(join: JoinRequest) -> str:
    return f"{join.place} --token-file FILE" if join.network else join.place


def _todo(counts: Counts) -> int:
    return counts.jobs - counts.done - counts.failed - counts.skipped


def _way_on(reason: str, settings: Settings, *, is_joined: bool) -> list[str]:
    """What makes the rest run. A full disk, or workers that cannot begin, have been told with their own way out."""
    if is_joined and reason in WAYS_TOGETHER:
        return [WAYS_TOGETHER[reason]]
    if reason == "barrier":
        return ["-R runs again what failed before the barrier, `skip ID` gives it up: then the rest is let through"]
    if reason == "deadline" and is_date(settings.limits.until):
        return ["run it again with a later --until to go on"]
    return [] if reason in ("refused", "full") else ["run the same command again to go on"]


def run_facts(result: RunResult, request: RunRequest) -> dict[str, Any]:
    """The document of `run --json`: how it ended."""
    counts = result.counts
    return {
        "digest": request.plan.hex,
        "fingerprint": request.plan.fingerprint,
        "machine": request.machine,
        "exit": result.exit_code,
        "reason": result.reason,
        "jobs": counts.jobs,
        "done": counts.done,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "todo": _todo(counts),
        "path": str(RunFolder.of(request.runs, request.plan.origin, request.machine).path),
    }
