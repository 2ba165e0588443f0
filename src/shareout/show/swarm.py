"""How runs stand in the words of swarm's two reports: `status --format swarm`, with `--active` for the second.

    Task: to_avi                             42.86%  3/7
    [======================,,,,,,,,,,,,,,..............]
    ETA 1h 56m 21s
    Workers: (2 total)
       alice (x2)

Groups are its tasks, machines its hosts. Of our own is `!` in the bar, for jobs that failed: there they count as
running for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shareout.status.groups import NO_GROUP, GroupStatus
from shareout.status.machine import Active
from shareout.status.total import Counts

BAR = 50


def report_lines(groups: Mapping[str, GroupStatus]) -> list[str]:
    """All tasks, in the order in which the pool has them."""
    return [line for name, one in groups.items() for line in _task(name, one)]


def active_report(active: Sequence[Active], group_of: Callable[[int], str | None], unit_of: Callable[[int], str],
                  now: float) -> list[str]:  # fmt: skip
    """The units that run now, task by task."""
    if not active:
        return ["No active workers."]
    lines = ["Workers:"]
    for one in sorted(active, key=lambda one: (group_of(one.job) or NO_GROUP, one.job)):
        lines += [
            "",
            f"{one.machine}  {group_of(one.job) or NO_GROUP} / {unit_of(one.job)}",
            f"  Started:  {told_time(now - one.started)} ago",
            f"  Activity: {told_time(now - max(one.started, one.activity or 0.0))} ago",
        ]
    return lines


def told_time(seconds: float) -> str:
    """`1h 56m 21s`, from days to seconds; what is nothing before the first is left out."""
    # Swarm's own form, for scripts of its users read it: down to the second, and with the noughts in between.
    rest = max(0, int(seconds))
    parts = [(rest // 86400, "d"), (rest // 3600 % 24, "h"), (rest // 60 % 60, "m"), (rest % 60, "s")]
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return " ".join(f"{number}{unit}" for number, unit in parts)


def _task(name: str, one: GroupStatus) -> list[str]:
    counts, running = one.counts, sum(one.workers.values())
    if counts.done + counts.skipped == counts.jobs:
        return [f"Task {name} done"]
    if not (counts.done or counts.failed or counts.skipped or running):
        return [f"Task {name} not started"]
    title, share = f"Task: {name}", f"{100 * counts.done / counts.jobs:.2f}%  {counts.done}/{counts.jobs}"
    gap = " " * max(5, 2 + BAR - len(title) - len(share))
    eta = [f"ETA {told_time(one.eta)}"] if running and one.eta is not None else []
    hosts = [f"   {machine} (x{jobs})" for machine, jobs in sorted(one.workers.items())]
    return ["", "", f"{title}{gap}{share}", f"[{_bar(counts, running)}]", *eta, f"Workers: ({running} total)",
            *(hosts or [""]), ""]  # fmt: skip


def _bar(counts: Counts, running: int) -> str:
    steps = (at * counts.jobs / BAR for at in range(BAR))
    failed = counts.done + counts.failed
    return "".join(
        "=" if at < counts.done else "!" if at < failed else "," if at < failed + running else "." for at in steps
    )
