"""How long so many machines take, each like the one that was measured. Pure.

Each has an equal part of the work and runs so many jobs at once. To that comes what chance adds: one of many random
parts is the largest, and when nothing is left to start the last job goes on alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, inf, log, sqrt

from shareout.fields import dataclass
from shareout.pilot.estimate import Estimate, Interval, quantile

SHORT_S = 60
WORTH = 0.8
"""Twice as many machines that do not take less than this part of the time are not worth showing."""


@dataclass(frozen=True, slots=True)
class Work:
    """All jobs, as a pilot tells them."""

    jobs: int
    estimate: Estimate
    sample: Sequence[float]
    """Seconds that jobs took, in ascending order."""
    idle_s: float
    """Between two jobs of a slot."""
    limit_s: float = inf
    """What no job takes more than."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine, as far as it counts here."""

    at_once: float
    """Jobs that it runs at a time, on average over the time."""
    part: float = 1.0
    """Of all the work."""
    speed: float = 1.0
    """Against the one that was measured."""
    others: int = 0
    """Machines with parts drawn like this one."""


def wall(work: Work, node: Node) -> Interval:
    """Seconds until it is through with its part; of several with parts like this, until the last one is."""
    jobs = work.jobs * node.part
    if jobs <= 0:
        return Interval(0.0, 0.0, 0.0)
    at_once = min(node.at_once, max(1.0, jobs))
    idle = jobs * work.idle_s / at_once
    total = work.estimate.total.times(node.part / at_once)
    by_chance = work.estimate.spread * sqrt(jobs) / at_once
    # The largest of so many sums that chance draws, in standard deviations.
    unlucky = sqrt(2 * log(node.others + 1))
    longest, at_worst = (min(one, work.limit_s) for one in longest_of(work.sample, jobs * (node.others + 1)))
    alone = _last_alone(work.sample, at_once, node.others + 1) if jobs > at_once else 0.0
    middle = total.middle + by_chance * unlucky + alone
    # Two standard deviations more, and the longest job may begin just as all others end.
    high = total.high + by_chance * (unlucky + 2) + at_worst * (1 - 1 / at_once)
    return Interval(
        (max(total.low, quantile(work.sample, 0.5)) + idle) / node.speed,
        (max(middle, longest) + idle) / node.speed,
        (max(high, at_worst, middle) + idle) / node.speed,
    )


def longest_of(sample: Sequence[float], jobs: float) -> tuple[float, float]:
    """What the longest of so many jobs takes, and at worst. Of more than were measured it is longer than any of these:
    as if the tail of the times went on as an exponential's, and at worst as that of a power law, by what the longest
    tenth of the sample is beyond the others."""
    count = len(sample)
    if jobs <= count:
        longest = quantile(sample, jobs / (jobs + 1))
        return longest, longest
    tenth = sample[-max(2, count // 10) :]
    more = sum(tenth) / len(tenth) - tenth[0]
    power = sum(log(one / tenth[0]) for one in tenth) / len(tenth) if tenth[0] > 0 else 0.0
    longest = sample[-1] + more * log(jobs / count)
    return longest, max(longest, sample[-1] * (jobs / count) ** min(1.0, power))


def even(work: Work, at_once: float, nodes: int) -> Interval:
    """Of so many machines alike: when the last of them is through."""
    # Of 10 jobs on 4 machines somebody has 3.
    part = ceil(work.jobs / nodes) / work.jobs if work.jobs else 0.0
    return wall(work, Node(at_once, part, others=nodes - 1))


def numbers_of_nodes(work: Work, at_once: float) -> list[int]:
    """1, 2, 4 … as long as twice as many are worth it, and there is more than a minute to gain."""
    found = [1]
    while found[-1] * 2 <= work.jobs:
        before, after = (even(work, at_once, number).middle for number in (found[-1], found[-1] * 2))
        if before < SHORT_S or after > WORTH * before:
            break
        found.append(found[-1] * 2)
    return found


def _last_alone(sample: Sequence[float], at_once: float, machines: int) -> float:
    """How much later than on average the last slot of all ends. When a queue is empty each slot is somewhere in a job,
    in a long one more likely than in a short one; of so many remainders the largest counts."""
    total = sum(sample)
    if at_once <= 1 or total <= 0:
        return 0.0
    # The remainder of a job met by chance exceeds r with the probability Σ max(0, x - r) / Σ x, which falls with r.
    sums = list(accumulate(reversed(sample), initial=0.0))
    count = len(sample)

    def rarity(place: int) -> float:
        """Of a remainder as long as the sample's value at this place; -1 of nothing, 0 of the longest."""
        behind = count - place
        return (behind * sample[place] - sums[behind]) / total

    wanted = -1 / (at_once * machines + 1)
    place = min(bisect_left(range(count), wanted, key=rarity), count - 1)
    met = sum(one * one for one in sample) / (2 * total)
    return max(0.0, sample[place] - met)
