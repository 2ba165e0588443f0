"""Jobs that more than one machine has done: how often which two agree, and who stands alone where they do not.

Two machines that disagree cannot tell who is right. A third one can: by a majority on the same job, or by agreeing
with one of the two on other jobs. So a machine stands alone when it disagrees with several that have no quarrel among
themselves: that is told as a difference, for two that agree may share a mistake. Where that does not decide, all that
may be are named. Who is right, a replay finds out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from shareout.fields import dataclass, field

Pair = tuple[str, str]


@dataclass(slots=True)
class Comparison:
    """What was compared. Pairs of machines are in the order of their names."""

    jobs: int = 0
    """Jobs that two machines or more have done."""
    disagreed: int = 0
    """Those of them of which there is more than one result."""
    both: Counter[Pair] = field(default_factory=Counter)
    differ: Counter[Pair] = field(default_factory=Counter)
    outvoted: Counter[str] = field(default_factory=Counter)
    """How often a machine stood alone against a majority."""
    failed: Counter[str] = field(default_factory=Counter)
    """How often a machine failed at an audited job that another one did."""

    def add(self, said: Sequence[tuple[str, bytes]], failed_alone: Iterable[str] = ()) -> None:
        """One job: which machine says what. Of a machine that speaks twice the first word is taken."""
        self.failed.update(failed_alone)
        by_machine = dict(reversed(said))
        if len(by_machine) < 2:
            return
        self.jobs += 1
        self.disagreed += len(set(by_machine.values())) > 1
        for one, other in combinations(sorted(by_machine), 2):
            self.both[one, other] += 1
            self.differ[one, other] += by_machine[one] != by_machine[other]
        # More than half, and not the most: of three that all say something else each would be outvoted by chance.
        answer, votes = Counter(by_machine.values()).most_common(1)[0]
        if len(by_machine) > 2 and 2 * votes > len(by_machine):
            self.outvoted.update(name for name, result in by_machine.items() if result != answer)

    def merge(self, other: Comparison) -> None:
        """Adds what was compared of other jobs, in another process."""
        self.jobs += other.jobs
        self.disagreed += other.disagreed
        for name in ("both", "differ", "outvoted", "failed"):
            getattr(self, name).update(getattr(other, name))

    def facts(self) -> dict[str, object]:
        """As JSON can say it."""
        pairs = [[*pair, count, self.differ[pair]] for pair, count in sorted(self.both.items())]
        return {
            "jobs": self.jobs,
            "disagreed": self.disagreed,
            "pairs": pairs,
            "outvoted": dict(self.outvoted),
            "failed": dict(self.failed),
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Comparison:
        """The other way round: from what `facts` gave."""
        outvoted, failed = Counter(facts["outvoted"]), Counter(facts["failed"])
        made = cls(facts["jobs"], facts["disagreed"], outvoted=outvoted, failed=failed)
        for one, other, both, differ in facts["pairs"]:
            made.both[one, other] = both
            made.differ[one, other] = differ
        return made


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`alone` differ from several that agree; of `unsure` some are wrong. Both are empty when all agree."""

    alone: tuple[str, ...]
    unsure: tuple[str, ...]


def suspicion(found: Comparison) -> Suspicion:
    """Who explains the disagreements."""
    alone = set(found.outvoted)
    quarrels = {pair for pair, count in found.differ.items() if count and not alone & set(pair)}
    while quarrels:
        opponents = opponents_in(quarrels)
        most = max(map(len, opponents.values()))
        named = [name for name, others in opponents.items() if len(others) == most]
        # Who disagrees with two is suspect because otherwise both of these would have to be wrong.
        if most < 2 or len(named) > 1:
            break
        alone.add(named[0])
        quarrels = {pair for pair in quarrels if named[0] not in pair}
    return Suspicion(tuple(sorted(alone)), tuple(sorted({name for pair in quarrels for name in pair})))


def opponents_in(quarrels: Iterable[Pair]) -> dict[str, set[str]]:
    """With whom each machine disagrees."""
    found: dict[str, set[str]] = {}
    for one, other in sorted(quarrels):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found
