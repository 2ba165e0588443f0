"""What became of runs that were hammered: each job ran, where it was reserved, and twice only for a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from kit.program import Machine, Told
from kit.shared_history import History
from kit.wait import processes_in, wait_until
from shareout.config import load_settings
from shareout.plan.plan import Plan, make_plan
from shareout.pool import open_pool

CLOSE_S = 1.0
"""Between the moment in which a job may start and the one that it writes down, on a busy machine."""


class Host(Protocol):
    """Of one name, and when it was killed."""

    name: str
    machine: Machine
    kills: list[float]


def plan_of(machine: Machine) -> Plan:
    configs = machine.folder / "configs"
    settings = load_settings(configs)
    return make_plan(open_pool(configs, settings), configs / "machines.json", settings)


def judged(above: Path, hosts: Sequence[Host], history: History, merged: Told, jobs: int) -> Counter[str]:
    """By what jobs wrote themselves when they began: `b NUMBER TIME`, a line each in `evidence`."""
    assert history.is_over
    began: dict[int, list[tuple[float, Host]]] = defaultdict(list)
    for host in hosts:
        for line in (host.machine.folder / "evidence").read_text().splitlines():
            word, number, when = line.split()
            if word == "b":
                began[int(number)].append((float(when), host))
    assert sorted(began) == list(range(jobs)), "each ran"
    twice = 0
    for job, starts in began.items():
        starts.sort(key=lambda one: one[0])
        for when, host in starts:
            owners = history.owners(job, when - CLOSE_S, when)
            assert host.name in owners, f"{host.name} began job {job} at {when:.3f}, which was {owners or 'nobody'}'s"
        for (before, first), (when, host) in pairwise(starts):
            twice += 1
            is_killed = host is first and any(before - CLOSE_S <= one <= when for one in host.kills)
            is_taken = any(one.when <= when for one in history.why_twice(job))
            assert is_killed or is_taken, f"job {job} ran twice: {[(at, one.name) for at, one in starts]}"
    for host in hosts:
        wait_until(lambda host=host: not processes_in(host.machine.folder))
    assert "no entry gave it" not in merged.err
    assert f"complete: {jobs} of {jobs} jobs" in merged.out + merged.err
    alone = Machine(above / "alone")
    alone.folder.mkdir()
    (alone.folder / "configs").symlink_to(hosts[0].machine.folder / "configs")
    alone.run("--quiet", "-j", "40", machine="all", timeout=300)
    assert certificate(merged) == certificate(alone.call("merge-results", "-o", "all.csv"))
    return Counter(
        jobs=jobs, twice=twice, seizures=len(history.seizures), opened=len(history.opened),
        **{f"entries {verb}": count for verb, count in history.verbs.items()},
    )  # fmt: skip


def certificate(told: Told) -> str:
    return next(line for line in (told.out + told.err).splitlines() if line.startswith("certificate"))


def told(sums: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(sums.items()))
