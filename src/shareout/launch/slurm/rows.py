"""What becomes of a machine, from what Slurm tells of its elements, what its run has recorded, and what it said last.
Pure, but for the reading of that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shareout.fields import dataclass
from shareout.launch.slurm.queue import Element
from shareout.launch.standing import State
from shareout.safe import safe

LAST_BYTES, LAST_LINES = 4096, 5
# How slurmstepd takes leave of a job, in the job's own output; squeue has forgotten it when the job waits again.
DUE = re.compile(r"\*\*\* (?:JOB|STEP) \S+ ON (\S+) (?:CANCELLED|FAILED) AT \S+ (?:DUE TO (.+?)|.*) \*\*\*")
NEXT = {"PREEMPTION": "it was preempted", "TIME LIMIT": "its time was up", "NODE FAILURE": "its node went down",
        "JOB REQUEUE": "it was requeued", "SIGNAL Terminated": "it was cancelled"}  # fmt: skip
ENDS = {
    "CANCELLED": "it was cancelled",
    "TIMEOUT": "its time was up",
    "DEADLINE": "its deadline was past",
    "NODE_FAIL": "its node went down",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "it was preempted",
    "OUT_OF_MEMORY": "it took more memory than was asked for: --sbatch='--mem=…' asks for more",
}
# What a person can do nothing with says no more than that it waits.
PLAIN = ("None", "")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a machine's run directory tells."""

    done: int
    failed: int
    todo: int | None
    """None where nothing was recorded."""


def row(elements: Sequence[Element], recorded: Recorded, said: Sequence[str], again: str) -> dict[str, Any]:
    """What changes in the row of a machine. `elements`: its own, of all arrays, in their order; `said`: the last
    lines of the last of them that began; `again`: why Slurm has started it anew, where it has."""
    counts = {"done": recorded.done, "failed": recorded.failed}
    running = next((one for one in elements if one.is_active and not one.waits), None)
    if running:
        why = f"start {running.restarts + 1}: {again}" if running.restarts else ""
        return {**counts, "state": State.RUNNING, "address": running.node or "-", "why": why}
    if recorded.todo == 0:
        return {**counts, "state": State.DONE, "exit": int(recorded.failed > 0), "why": ""}
    waiting = next((one for one in elements if one.waits), None)
    if waiting:
        # The node that it had is what tells why it has none: whoever looks later is to know it.
        node = {} if waiting.restarts else {"address": "-"}
        return {**counts, **node, "state": State.WAITING, "why": _why_waiting(waiting, elements, again)}
    if not elements and recorded.todo is None and not said:
        return {**counts, "state": State.WAITING, "address": "-", "why": "it is not in the queue"}
    return {**counts, **_ended(elements, said)}


def _why_waiting(waiting: Element, elements: Sequence[Element], again: str) -> str:
    reason = "" if waiting.reason in PLAIN else waiting.reason
    if waiting.restarts:
        return f"{again}, and waits for start {waiting.restarts + 1}" + (f" ({reason})" if reason else "")
    if reason == "Dependency" and len(elements) > 1:
        number = [one.job for one in elements].index(waiting.job) + 1
        return f"array {number} of {len(elements)}, {waiting.job}, waits for the one before"
    return reason


def why_again(said: Sequence[str], lost: str) -> str:
    """Why Slurm starts an element anew. `lost`: the node that it had when it was looked at before, if that is down."""
    due = [match[2] for line in said if (match := DUE.search(line))]
    if lost:
        return f"its node {lost} went down"
    return NEXT.get(due[-1] or "", "it was requeued") if due else "it was requeued"


def _ended(elements: Sequence[Element], said: Sequence[str]) -> dict[str, Any]:
    last = elements[-1] if elements else None
    words = "\n".join(line for line in said if not DUE.search(line))
    if last is None:
        # Some minutes after its end Slurm knows nothing of it any more.
        return _told(State.STOPPED, None, "it is not in the queue", words)
    if last.exit == 2 and last.state == "FAILED":
        return _told(State.REFUSED, 2, "", words)
    if why := ENDS.get(last.state):
        return _told(State.STOPPED, None, f"{why} on {last.node}" if last.node else why, words)
    if last.exit is None:
        return _told(State.STOPPED, None, f"a signal has ended it: {last.status & 0x7F}", words)
    return _told(State.STOPPED, last.exit, f"exit {last.exit}", words)


def _told(state: State, code: int | None, why: str, words: str) -> dict[str, Any]:
    return {"state": state, "exit": code, "why": ": ".join(filter(None, [why, words]))}


def last_words(folder: Path, elements: Sequence[Element], index: int) -> list[str]:
    """The last lines of the last element of this number that said anything."""
    known = [folder / f"slurm-{one.job}_{one.index}.out" for one in elements]
    # Of those that Slurm has forgotten the file is all that is left.
    files = known or sorted(folder.glob(f"slurm-*_{index}.out"), key=lambda one: one.stat().st_mtime)
    for file in reversed(files):
        try:
            with file.open("rb") as said:
                said.seek(max(0, file.stat().st_size - LAST_BYTES))
                lines = said.read().decode("utf-8", "replace").replace("\r", "").splitlines()
        except OSError:
            continue
        if found := [safe(line.strip()) for line in lines if line.strip()]:
            return found[-LAST_LINES:]
    return []
