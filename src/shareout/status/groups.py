"""How each group of jobs stands: its counts, when it will be over, and who works on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from shareout.fields import dataclass
from shareout.status.total import Counts, Status

NO_GROUP = "-"


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """`eta` in seconds: None while nothing of it ends. `workers`: how many jobs of it each machine runs now."""

    counts: Counts
    eta: float | None
    workers: Mapping[str, int]


def standings(
    status: Status, counts: Mapping[str, Counts], group_of: Callable[[int], str | None]
) -> dict[str, GroupStatus]:
    """The rate of all is shared out as the last jobs that ended were."""
    # Groups have no slots of their own: which one gets the next is chance, and a rate of each by itself would jump.
    recent = Counter(group_of(job) or NO_GROUP for machine in status.machines for job in machine.recent)
    ended = sum(recent.values())
    workers: dict[str, Counter[str]] = {}
    for job in status.active:
        workers.setdefault(group_of(job.job) or NO_GROUP, Counter())[job.machine] += 1
    found = {}
    for name, one in counts.items():
        rate = status.rate * recent[name] / ended if ended else 0.0
        # By the share that a group has of what ends now, as if it kept it. When the others are through it gets their
        # slots, and is over sooner.
        eta = one.todo / rate if rate else None
        found[name] = GroupStatus(one, eta if one.todo else 0.0, workers.get(name, {}))
    return found
