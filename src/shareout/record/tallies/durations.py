"""How long jobs take, in little memory: buckets that grow by an eighth, good to 6% at any scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import exp, inf, log

from shareout.fields import dataclass, field

# Not a sample, and not all durations: a sample tells the longest wrongly, and ten million numbers are 80 MB in each of
# the processes that ask. Buckets of two sums can be added, whatever machine they come from.
SHORTEST_S = 1e-6
GROWTH = log(1.125)


@dataclass(slots=True)
class Durations:
    """Counts by bucket, and the sums for mean and spread."""

    buckets: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    shortest: float = inf
    longest: float = 0.0

    def add(self, seconds: float, weight: int = 1) -> None:
        """One job, which may stand for others."""
        seconds = max(seconds, 0.0)
        bucket = int(log(max(seconds, SHORTEST_S) / SHORTEST_S) / GROWTH)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + weight
        self.count += weight
        self.shortest, self.longest = min(self.shortest, seconds), max(self.longest, seconds)
        self.total += seconds * weight
        self.squares += seconds * seconds * weight

    def add_all(self, many: Iterable[float]) -> None:
        """The same for many: short jobs take few different times, for a clock's ticks are as long as they are."""
        for seconds, count in Counter(many).items():
            self.add(seconds, count)

    def merge(self, other: Durations) -> None:
        """Take in what another has: as if all its jobs had been added here."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.count += other.count
        self.shortest, self.longest = min(self.shortest, other.shortest), max(self.longest, other.longest)
        self.total += other.total
        self.squares += other.squares

    @property
    def mean(self) -> float:
        """Seconds; 0 of no jobs."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Square seconds, over all and not over a sample; 0 of no jobs."""
        return max(0.0, self.squares / self.count - self.mean**2) if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """The duration that so many percent of the jobs do not exceed (the middle of its bucket, never beyond
        the longest or the shortest that there was)."""
        left = self.count * percent / 100
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                middle = SHORTEST_S * exp((bucket + 0.5) * GROWTH)
                return max(self.shortest, min(self.longest, middle))
        return 0.0

    def facts(self) -> dict[str, object]:
        """As a tally's file has them; `of` reads them."""
        return {"buckets": self.buckets, "count": self.count, "total": self.total, "squares": self.squares,
                "shortest": self.shortest, "longest": self.longest}  # fmt: skip

    @classmethod
    def of(cls, facts: dict[str, object]) -> Durations:
        """The inverse of `facts`. KeyError, TypeError or ValueError of what is none."""
        buckets = facts["buckets"]
        if not isinstance(buckets, dict):
            raise TypeError("buckets")
        return cls(
            {int(bucket): int(count) for bucket, count in buckets.items()},
            count=int(str(facts["count"])),
            total=float(str(facts["total"])),
            squares=float(str(facts["squares"])),
            shortest=float(str(facts["shortest"])),
            longest=float(str(facts["longest"])),
        )
