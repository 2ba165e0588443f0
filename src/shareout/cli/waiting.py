"""Why a job that is to do does not run: a barrier, a group, a limit, what stopped the last run, or those before it; and
the call that changes it, which is the one that was given.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence

from shareout.cli.inputs.recorded_call import Typed
from shareout.cli.options import program_name
from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.tallies.standing import FAILED, NEW
from shareout.record.tallies.tally import Tally
from shareout.status.last_run import last_session
from shareout.status.machine import Follower, MachineStatus
from shareout.units import counted


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it does not run, and the call that changes it."""

    state: str
    why: str
    way: str = ""


def command_of(folder: RunFolder, machine: str, *, more: str = "") -> str:
    """What was typed for this directory's last run, with one more flag, and where when that was elsewhere."""
    typed = Typed.of(folder)
    words = list(typed.words) if typed else [program_name(), "run", "--machine", machine]
    if more and more not in words:
        words.append(more)
    # Paths in a call are relative to where it was typed.
    elsewhere = f"in {typed.cwd}: " if typed and typed.cwd != os.getcwd() else ""
    return elsewhere + shlex.join(words)


def why_waiting(plan: Plan, follower: Follower, status: MachineStatus, position: int, job: int) -> Reason:
    """Of a job that is neither final nor running."""
    folder, tally = follower.folder, follower.tally
    typed = Typed.of(folder)
    group = plan.pool.group(job)
    # What stays when a run is started anew comes first: a barrier holds a job back whatever is typed, a flag of the
    # last call held back only that run.
    if found := _behind_a_barrier(plan, follower, status, position):
        return found
    if typed and typed.groups and group not in typed.groups:
        of = f"of group {group}" if group else "of no group"
        last = "this run is" if status.is_live else "the last run was"
        why = f"it is {of}, and {last} only of {', '.join(typed.groups)}"
        return Reason("new", why, f"Leave out --group: {command_of(folder, status.name)}")
    if status.is_live:
        waiting = tally.states.count(NEW, 0, max(0, tally.index(position)))
        most = f"; it is to run {counted(typed.limit, 'job')} at most (-n)" if typed and typed.limit else ""
        return Reason("new", f"{status.name} is running, and has {waiting:,} jobs to do before it{most}")
    stopped, hint = _stopped_by(folder, typed)
    todo = f"{status.name} is not running; {status.todo:,} of its jobs are to do"
    why = f"{todo}: {stopped}" if stopped else todo
    return Reason("new", why, f"On {status.name}{hint}: {command_of(folder, status.name)}")


def _behind_a_barrier(plan: Plan, follower: Follower, status: MachineStatus, position: int) -> Reason | None:
    """Phase by phase, as a run comes to them."""
    phases, tally = plan.pool.phases, follower.tally
    ranges = follower.header.ranges
    for number in range(1, len(phases)):
        if position < phases[number].start:
            return None
        before = _count(tally, ranges[:number], NEW)
        if before:
            is_or_are = "is" if before == 1 else "are"
            way = "" if status.is_live else command_of(follower.folder, status.name)
            why = f"a barrier stands before it: {counted(before, 'job')} before that {is_or_are} to do"
            return Reason("new", why, f"On {status.name}: {way}" if way else "")
        failed = _count(tally, ranges[number - 1 : number], FAILED)
        if phases[number].check and failed:
            again = command_of(follower.folder, status.name, more="-R")
            return Reason(
                "new",
                f"a barrier with CHECK stands before it, and {counted(failed, 'job')} before that failed",
                f"`list --failed` names them. Try them again: {again}; or give them up: skip ID, and run.",
            )
    return None


def _count(tally: Tally, ranges: Sequence[tuple[int, int]], state: int) -> int:
    firsts = [(tally.index(start), stop - start) for start, stop in ranges if start < stop]
    return sum(tally.states.count(state, first, first + size) for first, size in firsts)


def _stopped_by(folder: RunFolder, typed: Typed | None) -> tuple[str, str]:
    """Why the last run left something, and what to change in its call."""
    session = last_session(folder)
    if session is None:
        return "", ""
    if session.event == "start":
        return "the last run was killed, or its host went down", ""
    limit = f"run {counted(typed.limit, 'job')} at most" if typed and typed.limit else "run a few only"
    return {
        "limited": (f"the last run was to {limit} (-n)", ""),
        "deadline": (
            "the last run stopped at its deadline: no job was started that would not have ended by then",
            ", with a later --until",
        ),
        "halt": (f"the last run was stopped by its halt rule{_rule(folder)}", ""),
        "stopped": ("the last run was stopped by Ctrl-C or a signal", ""),
        "full": ("the last run ended as the disk was full", ", when there is room"),
        "refused": ("the last run could not begin its jobs; its log tells why", ", when that is mended"),
    }.get(session.reason, ("", ""))


def _rule(folder: RunFolder) -> str:
    try:
        return f", {json.loads(folder.call.read_bytes())['flags']['limits.halt']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
