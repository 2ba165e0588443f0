"""What audits found, judged by kinds of machines: two of one kind should have said the same.

Machines of unlike CPUs, or with another libm, may differ in the last bits and be sound all of them: to name one of them
as wrong would cry wolf. So where a difference runs between two kinds, it is told of the kinds, and who stands alone is
looked for among machines of one kind. That a kind explains it is not taken for granted: a pair across that agrees on so
many jobs that it should have differed speaks against it, and then machines are judged as if they were all alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from shareout.fields import dataclass
from shareout.merge.proof.audit import Comparison, Pair, Suspicion, suspicion
from shareout.numerics.machine import kind_of_numerics

SHOULD_HAVE_DIFFERED = 5
"""A pair that was to differ so often by what others of its kinds do, and never did, is no chance (one in 150)."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """Two kinds of machines that differ, and of each those that agree with each other."""

    kinds: Pair
    machines: tuple[tuple[str, ...], tuple[str, ...]]
    jobs: int
    """That machines of both kinds ran."""
    differ: int

    def sentence(self) -> str:
        """As the merge tells it."""
        one, other = (_told(kind, names) for kind, names in zip(self.kinds, self.machines, strict=True))
        return f"the same on {one}, another on {other}, in {self.differ} of the {self.jobs} jobs that both ran"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What explains the disagreements."""

    within: Comparison
    """What was found, without what kinds explain."""
    suspicion: Suspicion
    unlike: tuple[Unlike, ...]
    way_out: str
    """What makes unlike kinds agree; empty when none differ."""


def judge(found: Comparison, facts: Mapping[str, Mapping[str, str]]) -> Verdict:
    """Of each machine what its session says of its numerics, as `HostNumerics.facts`. One that says nothing is of no
    kind: what it disagrees with nothing but a mistake explains."""
    kinds = {machine: kind_of_numerics(said) for machine, said in facts.items()}
    explained = _explained(found, kinds)
    within = _without(found, [pair for pair in found.both if _kinds(pair, kinds) in explained])
    suspect = suspicion(within)
    doubted = {*suspect.alone, *suspect.unsure}
    unlike = tuple(told for both in sorted(explained) if (told := _unlike(found, kinds, both, doubted)) is not None)
    return Verdict(within, suspect, unlike, _way_out(unlike, facts))


def _kinds(pair: Pair, kinds: Mapping[str, str]) -> Pair | None:
    """The two kinds of a pair, sorted; None when they are one, or not known."""
    one, other = sorted(kinds.get(machine, "") for machine in pair)
    return (one, other) if one and one != other else None


def _explained(found: Comparison, kinds: Mapping[str, str]) -> set[Pair]:
    """The pairs of kinds that differ as kinds do: wherever they met often enough to tell."""
    across: dict[Pair, list[Pair]] = {}
    for pair in found.both:
        if (both := _kinds(pair, kinds)) is not None:
            across.setdefault(both, []).append(pair)
    return {both for both, pairs in across.items() if _differ_as_kinds(found, pairs)}


def _differ_as_kinds(found: Comparison, pairs: Sequence[Pair]) -> bool:
    quarrels = [pair for pair in pairs if found.differ[pair]]
    if not quarrels:
        return False
    # Of the pairs that do differ, and not of all: one that agrees is asked whether it could have escaped that rate, and
    # must not lower it itself.
    rate = sum(found.differ[pair] for pair in quarrels) / sum(found.both[pair] for pair in quarrels)
    return all(found.differ[pair] or rate * found.both[pair] < SHOULD_HAVE_DIFFERED for pair in pairs)


def _without(found: Comparison, pairs: Collection[Pair]) -> Comparison:
    """The same, as if these had never run the same jobs."""
    differ = Counter({pair: count for pair, count in found.differ.items() if pair not in pairs})
    quarrelling = {name for pair, count in differ.items() if count for name in pair}
    return Comparison(
        found.jobs,
        found.disagreed,
        both=Counter({pair: count for pair, count in found.both.items() if pair not in pairs}),
        differ=differ,
        # A majority of another kind outvotes nobody.
        outvoted=Counter({name: times for name, times in found.outvoted.items() if name in quarrelling}),
        failed=found.failed,
    )


def _unlike(found: Comparison, kinds: Mapping[str, str], both: Pair, doubted: Collection[str]) -> Unlike | None:
    """Of two kinds, what they differ in although nobody is suspect."""
    pairs = [pair for pair in found.both if _kinds(pair, kinds) == both and not set(pair) & set(doubted)]
    differ = sum(found.differ[pair] for pair in pairs)
    if not differ:
        return None
    names = sorted({name for pair in found.both for name in pair if name not in doubted})
    first, second = (tuple(name for name in names if kinds.get(name) == kind) for kind in both)
    many, few = sorted([(both[0], first), (both[1], second)], key=lambda one: -len(one[1]))
    return Unlike((many[0], few[0]), (many[1], few[1]), sum(found.both[pair] for pair in pairs), differ)


def _way_out(unlike: Sequence[Unlike], facts: Mapping[str, Mapping[str, str]]) -> str:
    """By what the kinds differ in: `portable` pins the CPU's part, and neither another libm nor the user's own."""
    if not unlike:
        return ""
    named = [facts[name] for one in unlike for names in one.machines for name in names]
    if any(said.get("own") for said in named):
        return "unset these variables on every machine, or set the same"
    if len({said.get("cpu_class") for said in named}) > 1 and any(said.get("numerics") != "portable" for said in named):
        return "`[run] numerics = portable` makes unequal CPUs agree (and is another plan)"
    return "give all machines the same libc, as by one container"


def _told(kind: str, names: Sequence[str]) -> str:
    counted = f"{len(names)} machine{'s' if len(names) > 1 else ''}"
    return f"{counted} of {kind} ({', '.join(names[:5])}{' …' if len(names) > 5 else ''})"
