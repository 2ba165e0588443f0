"""How runs stand, in lines for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from shareout.record.tallies.durations import Durations
from shareout.show.fold import folded
from shareout.show.pace import BRIEF_S, told_rate, told_seconds, told_time
from shareout.show.tables import clip, table
from shareout.status.costs import Against
from shareout.status.groups import NO_GROUP, GroupStatus
from shareout.status.machine import Active, Forecast, MachineStatus
from shareout.status.total import Counts, Status
from shareout.units import counted

if TYPE_CHECKING:
    from shareout.status.lanes import Lanes

TEXT = 60
MOST_AGAINST = 20
# Silent for so many times the longest usual job: look at it.
STUCK = 3.0


def status_lines(
    status: Status,
    groups: Mapping[str, GroupStatus],
    now: float,
    columns: int | None = None,
    against: Sequence[Against] = (),
    *,
    lanes: Lanes | None = None,
) -> list[str]:
    """`columns`: of the terminal that they are for; `against`: how what was expected compares; `lanes`: of the folder
    that machines share."""
    lines = [
        _counts_line(status.counts),
        _pace_line(status),
        *_earlier_lines(status),
        *_adopted_lines(status),
        *_audit_lines(status),
        *_failure_lines(status),
    ]
    if status.durations.count:
        lines.append(f"seconds a job     {_percentile_words(status.durations)}")
    if status.arrivals:
        lines.append(f"between two ends  {_gap_words(status.arrivals)}")
    lines += _against_lines(against)
    lines += _lanes_lines(lanes) if lanes else []
    lines += ["", _group_table(groups, columns) if groups else _machine_table(status, now, columns)]
    return folded("\n".join(lines), columns).split("\n")


def active_lines(
    status: Status, now: float, group_of: Callable[[int], str | None] | None, columns: int | None = None
) -> list[str]:
    """What runs, the longest silent first; with the group of each when there are any."""
    if not status.active:
        return ["nothing runs now"]
    usual = status.durations.percentile(99) if status.durations.count else None
    jobs = sorted(status.active, key=lambda one: one.activity or one.started)
    head = ["job", "machine", "slot", "try", "started", "last output", "progress", "", "text"]
    rows = [_active_row(one, usual, now) for one in jobs]
    if group_of is not None:
        head.insert(-1, "group")
        for one, row in zip(jobs, rows, strict=True):
            row.insert(-1, group_of(one.job) or NO_GROUP)
    return [table(head, rows, right=(0, 2, 3, 4, 5, 6), columns=columns)]


def _active_row(one: Active, usual: float | None, now: float) -> list[str]:
    silent = now - (one.activity or one.started) if one.activity and one.activity > one.started else now - one.started
    is_stuck = usual is not None and now - one.started > STUCK * usual and silent > STUCK * usual
    printed = told_time(silent) + " ago" if one.activity and one.activity > one.started else "none"
    progress = "" if one.fraction is None else f"{100 * one.fraction:.0f}%"
    return [
        str(one.job), one.machine, str(one.slot), str(one.attempt), told_time(now - one.started) + " ago",
        printed, progress, "STUCK?" if is_stuck else "", clip(one.text, TEXT),
    ]  # fmt: skip


def _against_lines(against: Sequence[Against]) -> list[str]:
    told = []
    for one in against:
        expected = "" if one.expected is None else f" {told_seconds(one.expected)}"
        if one.took is not None:
            told.append(f"{one.machine}{expected} (takes ×{one.took:.3g})")
        elif expected:
            told.append(f"{one.machine}{expected}")
    if not told:
        return []
    how = "" if any(one.expected is not None for one in against) else " against all together"
    return [f"by costs{how}  " + ", ".join(told[:MOST_AGAINST]) + (" …" if len(told) > MOST_AGAINST else "")]


def _lanes_lines(lanes: Lanes) -> list[str]:
    """Whose what is not over is, who is silent, and what was taken over from whom."""
    jobs: dict[str, int] = {}
    # In a ledger of some groups lanes hold the jobs of others as well, which nobody runs there.
    for one in () if lanes.groups else lanes.held:
        jobs[one.machine] = jobs.get(one.machine, 0) + one.jobs
    nobodys = jobs.pop("", 0)
    words = [f"{name} {count:,}" for name, count in sorted(jobs.items())] + ([f"nobody {nobodys:,}"] * (nobodys > 0))
    lines = [f"has to do  {_some(words)}"] if words else []
    doubted = {one.machine: one.doubted for one in lanes.held if one.doubted}
    for name, seconds in lanes.silent.items():
        asked = f", and is asked whether it lives by {doubted[name]}" if name in doubted else ""
        lines.append(f"silent  {name}, for {told_time(seconds)}{asked}")
    taken: dict[tuple[str, str], tuple[int, float]] = {}
    for over in lanes.taken:
        count, _ = taken.get((over.whom, over.by), (0, 0.0))
        taken[over.whom, over.by] = count + over.jobs, over.when
    for (whom, by), (count, when) in list(taken.items())[:MOST_AGAINST]:
        at = time.strftime("%H:%M:%S", time.localtime(when))
        lines.append(f"taken over  {counted(count, 'job')} from {whom or 'nobody'} by {by}, at {at}")
    return lines


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:MOST_AGAINST]) + (" …" if len(words) > MOST_AGAINST else "")


def _counts_line(counts: Counts) -> str:
    return (
        f"{_percent(counts):.1f}%  {counts.done:,} done  {counts.failed:,} failed  {counts.skipped:,} skipped  "
        f"{counts.running:,} running  {counts.todo:,} to do  of {counts.jobs:,}"
    )


def _earlier_lines(status: Status) -> list[str]:
    """What was settled before a rebalance, and what of it is not here."""
    lines = []
    if status.earlier:
        lines.append(f"before  {status.earlier:,} more jobs of the pool were settled under earlier plans")
    if status.earlier_absent:
        absent = f"{status.earlier_absent:,} jobs that an earlier plan settled are in no directory here"
        lines.append(f"absent  {absent}; bring it home")
    return lines


def _adopted_lines(status: Status) -> list[str]:
    adopted = sum(machine.adopted for machine in status.machines)
    return [f"adopted {counted(adopted, 'job')} that an earlier list had done"] if adopted else []


def _audit_lines(status: Status) -> list[str]:
    audits = sum(machine.audits for machine in status.machines)
    ended = sum(machine.audited for machine in status.machines)
    return [f"audit   {ended:,} of {audits:,} jobs of other machines are run again"] if audits else []


def _failure_lines(status: Status) -> list[str]:
    failure = status.failure_rate()
    if failure is None:
        return []
    share, low, high = (100 * part for part in failure)
    # All has run: that is no estimate any more, and a range would say that it is.
    if low == high:
        return [f"fails  {share:.3g}% of all jobs"]
    return [
        f"fails  {share:.3g}% of what has run; of all, {low:.3g}% to {high:.3g}%"
        " (positions are shuffled: what has run is a random sample)"
    ]


def _pace_line(status: Status) -> str:
    if status.is_over:
        is_left = status.counts.todo or any(one.left for one in status.machines)
        state = "not running" if is_left else "finished"
        return f"{state}" + (f"; {_absent_words(status)}" if status.absent else "")
    over_s = max(one.rate_over_s for one in status.machines if one.is_live)
    of = f" (of {told_seconds(over_s)})" if status.rate and over_s < BRIEF_S else ""
    said = f"{status.rate:.3g} jobs a second{of}  ETA {_eta(status.forecast)}"
    return said + (f"; {_absent_words(status)}" if status.absent else "")


def _absent_words(status: Status) -> str:
    whose = ", ".join(f"{name} ({counted(jobs, 'job')})" for name, jobs in list(status.absent.items())[:8])
    return f"no run directory here of {whose}" + (" …" if len(status.absent) > 8 else "")


def _eta(forecast: Forecast | None) -> str:
    if forecast is None:
        return "?"
    if told_time(forecast.low) == told_time(forecast.high):
        return told_time(forecast.seconds)
    return f"{told_time(forecast.seconds)} ({told_time(forecast.low)} to {told_time(forecast.high)})"


def _machine_table(status: Status, now: float, columns: int | None) -> str:
    head = ("machine", "done", "failed", "running", "to do", "of", "rate", "ETA", "state")
    rows = [_machine_row(one, now) for one in status.machines]
    rows += [
        (name, "0", "0", "0", f"{jobs:,}", f"{jobs:,}", "", "", "no directory") for name, jobs in status.absent.items()
    ]
    return table(head, rows, right=range(1, 7), columns=columns)


def _machine_row(one: MachineStatus, now: float) -> Sequence[str]:
    counts = [f"{number:,}" for number in (one.done, one.failed, one.running, one.todo, one.jobs)]
    if one.is_live:
        state = "running"
    elif not one.left:
        state = "finished"
    else:
        state = f"not running, last heard {told_time(now - one.last_end)} ago" if one.last_end else "not running"
    rate = told_rate(one.rate, one.rate_over_s) if one.is_live else ""
    return (one.name, *counts, rate, _eta(one.forecast) if one.is_live else "", state)


def _group_table(groups: Mapping[str, GroupStatus], columns: int | None) -> str:
    head = ("group", "", "percent", "done", "failed", "running", "to do", "of", "ETA", "who works on it")
    return table(head, [_group_row(name, one) for name, one in groups.items()], right=range(2, 9), columns=columns)


def _group_row(name: str, one: GroupStatus) -> Sequence[str]:
    counts = one.counts
    numbers = [f"{number:,}" for number in (counts.done, counts.failed, counts.running, counts.todo, counts.jobs)]
    eta = "" if not counts.todo else "?" if one.eta is None else told_time(one.eta)
    who = ", ".join(f"{machine} x{jobs}" for machine, jobs in sorted(one.workers.items()))
    return (name, _bar(_percent(counts)), f"{_percent(counts):.1f}%", *numbers, eta, who)


def _bar(percent: float, columns: int = 20) -> str:
    full = int(percent * columns / 100)
    return "█" * full + "░" * (columns - full)


def _percent(counts: Counts) -> float:
    return 100 * (counts.jobs - counts.todo) / counts.jobs if counts.jobs else 100.0


def _percentile_words(durations: Durations) -> str:
    return "  ".join(f"p{percent} {told_seconds(durations.percentile(percent))}" for percent in (10, 50, 90, 99))


def _gap_words(gaps: Sequence[float]) -> str:
    ordered = sorted(gaps)
    return "  ".join(
        f"p{percent} {told_seconds(ordered[(len(ordered) - 1) * percent // 100])}" for percent in (10, 50, 90, 99)
    )
