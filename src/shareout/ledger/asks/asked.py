"""What all asks together have come to: the same for every host that has read as many of them.

Positions that are asked for once more are a lane of their own, made by the ask itself, at **places** beyond the last
position of the plan: so what was asked for, however scattered, is one stretch, of which hosts take and cut as of any
other. An outcome is cleared once: who asks for the same again, because two saw the same list, asks for nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from shareout.ledger.asks.ask import Ask, Stretch
from shareout.ledger.calls import Root
from shareout.ranges import Range, union, without


class Phases(NamedTuple):
    """What a plan's barriers are."""

    starts: tuple[int, ...]
    """The first position of each phase."""
    stop: int
    """The end of the last one."""
    checks: frozenset[int] = frozenset()
    """Phases that begin only when nothing of the one before has failed."""
    is_stream: bool = False
    """Its jobs come while it goes on: positions from 0 on, as many as were fed by now."""

    def at(self, position: int) -> int:
        """The phase of a position."""
        return bisect_right(self.starts, position) - 1


class Again(NamedTuple):
    """A lane that an ask has made."""

    lane: str
    phase: int
    low: int
    stretches: tuple[Stretch, ...]
    ends: tuple[int, ...]
    """Where each of them ends, in places."""

    @property
    def hi(self) -> int:
        """The end of its places."""
        return self.ends[-1]

    def root(self) -> Root:
        """The lane as it begins."""
        return Root(self.lane, "", self.phase, self.low, self.hi)

    def real(self, start: int, stop: int) -> Iterator[Stretch]:
        """The positions that stand at these places, in their order."""
        number = bisect_right(self.ends, start)
        while start < min(stop, self.hi):
            one, end = self.stretches[number], self.ends[number]
            until = min(stop, end)
            yield one._replace(start=one.stop - (end - start), stop=one.stop - (end - until))
            start, number = until, number + 1


class Asked(NamedTuple):
    """After so many asks."""

    n: int = 0
    phase: int = 0
    """Lanes of this one and of those before are open."""
    blocked: int = 0
    """So many jobs before a barrier with CHECK have failed, and nobody has asked for them since."""
    is_ended: bool = False
    halt: Ask | None = None
    drained: frozenset[str] = frozenset()
    cleared: tuple[Stretch, ...] = ()
    skipped: tuple[Range, ...] = ()
    again: tuple[Again, ...] = ()
    added: int = 0
    """How many places there are beyond the plan's."""
    fed: int = 0
    """Of a stream, how many jobs have come."""
    is_closed: bool = False
    """No more of them come."""

    def fed_since(self, before: Asked) -> Root | None:
        """The lane that the ask after that state has made of the jobs that it has brought."""
        if self.fed == before.fed:
            return None
        return Root(f"{self.n}.0.feed", "", 0, before.fed, self.fed)

    def made_since(self, before: Asked) -> tuple[Again, ...]:
        """Lanes that asks have made."""
        return self.again[len(before.again) :]


def asked(before: Asked, ask: Ask, phases: Phases) -> Asked:
    """With one more."""
    after = before._replace(n=before.n + 1)
    if ask.verb == "phase":
        if ask.phase != before.phase:
            return after
        is_shut = ask.failed > 0 and ask.phase + 1 in phases.checks
        return after._replace(blocked=ask.failed) if is_shut else after._replace(phase=ask.phase + 1, blocked=0)
    if ask.verb == "end":
        return after._replace(is_ended=True)
    if ask.verb in ("feed", "close"):
        return _fed(after, ask)
    if ask.verb == "engine":
        return after
    if ask.verb == "drain":
        return after._replace(drained=before.drained | {ask.whom})
    if ask.verb in ("halt", "resume"):
        return after._replace(halt=ask if ask.verb == "halt" else None)
    return _with_list(after, ask, phases)


def _fed(before: Asked, ask: Ask) -> Asked:
    """What comes behind the end of a stream is nobody's."""
    if ask.verb == "close":
        return before._replace(is_closed=True)
    return before if before.is_closed else before._replace(fed=before.fed + ask.jobs)


def _with_list(before: Asked, ask: Ask, phases: Phases) -> Asked:
    ranges = [one[:2] for one in ask.stretches]
    skipped = union([*before.skipped, *ranges]) if ask.verb == "skip" else without(before.skipped, ranges)
    fresh = _fresh(ask.stretches, before.cleared)
    made = tuple(_lanes(before.n, fresh, phases, phases.stop + before.added))
    is_met = any(one.phase == before.phase for one in made)
    return before._replace(
        blocked=0 if is_met else before.blocked,
        is_ended=before.is_ended and not fresh,
        cleared=(*before.cleared, *fresh),
        skipped=tuple(skipped),
        again=(*before.again, *made),
        added=before.added + sum(one.stop - one.start for one in fresh),
    )


def _fresh(stretches: Iterable[Stretch], cleared: Iterable[Stretch]) -> list[Stretch]:
    """What of them clears an outcome that no ask before has cleared."""
    kinds: dict[tuple[int, int], list[Range]] = {}
    for one in stretches:
        if one.tries:
            kinds.setdefault((one.tries, one.failed), []).append(one[:2])
    found = []
    for (tries, failed), ranges in kinds.items():
        over = [one[:2] for one in cleared if one.tries >= tries]
        found += [Stretch(start, stop, tries, failed) for start, stop in without(ranges, over)]
    return sorted(found)


def _lanes(n: int, fresh: Iterable[Stretch], phases: Phases, low: int) -> Iterator[Again]:
    """One for each phase that they are of: a lane ends before a barrier."""
    by_phase: dict[int, list[Stretch]] = {}
    for one in fresh:
        start = one.start
        while start < one.stop:
            phase = phases.at(start)
            end = phases.starts[phase + 1] if phase + 1 < len(phases.starts) else one.stop
            part = one._replace(start=start, stop=min(one.stop, end))
            by_phase.setdefault(phase, []).append(part)
            start = part.stop
    for phase, parts in sorted(by_phase.items()):
        ends = tuple(accumulate((one.stop - one.start for one in parts), initial=low))[1:]
        yield Again(f"{n}.{phase}.again", phase, low, tuple(parts), ends)
        low = ends[-1]
