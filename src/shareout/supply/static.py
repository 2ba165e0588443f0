"""This machine's share, in order: ranges of positions that are not final yet, one phase after the other; in each the
longest jobs first, where it is known which these are."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence

from shareout.fields import dataclass
from shareout.plan.plan import Plan, Share
from shareout.record.tallies.standing import FAILED, NEW
from shareout.record.tallies.tally import Tally
from shareout.supply import Work
from shareout.supply.left import CostsLeft


@dataclass(frozen=True, slots=True)
class Stage:
    """The positions that may run together; as a rule the next stage begins when this one is finished."""

    start: int
    stop: int
    check: bool = False
    """Begin only when no job of the stage before has failed."""
    waits: bool = True
    """Begin only when the stage before is finished."""


def stages_of(plan: Plan, share: Share) -> list[Stage]:
    """The phases of a share in order, then what is run again as an audit."""
    phases = [
        Stage(start, stop, phase.check) for (start, stop), phase in zip(share.ranges, plan.pool.phases, strict=True)
    ]
    return [*phases, *(Stage(start, stop, waits=False) for start, stop in share.audit)]


Wanted = Callable[[int, int], bytes]
"""Positions start … stop-1 → a byte each, 1 when it is to run."""
# One question for so many positions: a question for each would be as many calls as there are jobs.
LOOK_AHEAD = 4096


class StaticSupply:
    """Hands out what the tally says is new, skipping the rest at the speed of memory."""

    lost = ""

    def __init__(
        self,
        stages: Sequence[Stage],
        tally: Tally,
        most: int | None = None,
        wanted: Wanted | None = None,
        costs: CostsLeft | None = None,
    ) -> None:
        """`most`: hand out so many at most. `wanted`: which positions are to run; the others are left for later.
        `costs`: what says which go before all others."""
        self._stages = [stage for stage in stages if stage.start < stage.stop]
        self._tally = tally
        self._states = tally.states
        self._most = most
        self._wanted = wanted
        self._seen = (0, b"")
        """Where what was last asked of `wanted` begins, and the answer."""
        # Not by setting the cursor back: between it and what was given back lies what runs, which is new for the tally
        # still, and would be handed out twice.
        self._back: deque[Work] = deque()
        self.costs = costs
        """None where it is not known how long jobs take."""
        self._ahead: deque[int] = deque()
        """What goes before the others of the present stage, and was not handed out yet."""
        self._apart: list[int] = []
        """All that went, or goes, before the others of the present stage, in ascending order."""
        self._stage = 0
        self._cursor = self._index(0) if self._stages else 0
        self._outstanding = 0
        # Counted once, by the bytes, and kept from then on: the size of each batch asks for it.
        self._left = sum(self._states.count(NEW, *self._bounds(number)) for number in range(len(self._stages)))
        self.refusal = ""
        """Why a barrier let nothing through, when one did."""
        self._enter()

    def next(self, limit: int) -> Work | None:
        """What was given back goes first. Fewer than `limit` where a position that is not to run, or the end of a
        stage, comes before."""
        if self._most is not None:
            limit = min(limit, self._most)
        if limit < 1 or self.refusal:
            return None
        work = self._from_back(limit) or self._fresh(limit)
        if work is not None:
            self._outstanding += len(work)
            if self._most is not None:
                self._most -= len(work)
        return work

    def give_back(self, work: Work) -> None:
        """It counts as never handed out, also for `most`."""
        self._outstanding -= len(work)
        if self._most is not None:
            self._most += len(work)
        self._back.append(work)

    def finished(self, work: Work) -> None:
        """A barrier opens when this has been said of all that was handed out before it."""
        self._outstanding -= len(work)
        if self.costs is not None:
            self.costs.finished(work)

    def pass_on(self, position: int) -> bool:
        """There is nobody else."""
        return False

    def is_exhausted(self) -> bool:
        """Also when `most` is reached, or a barrier let nothing through."""
        if self._most == 0 or self.refusal:
            return True
        return not self._back and self._left == 0

    def left(self) -> int:
        """Of all stages, wanted or not."""
        return self._left + sum(map(len, self._back))

    def _from_back(self, limit: int) -> Work | None:
        if not self._back:
            return None
        work = self._back.popleft()
        if len(work) > limit:
            self._back.appendleft(Work(work.start + limit, work.stop))
            work = Work(work.start, work.start + limit)
        return work

    def _fresh(self, limit: int) -> Work | None:
        while self._stage < len(self._stages):
            if self._ahead:
                self._left -= 1
                position = self._ahead.popleft()
                return Work(position, position + 1)
            first, end = self._bounds(self._stage)
            at = self._states.find(NEW, self._cursor, end)
            if at >= 0:
                length = self._states.alike(at, min(at + limit, end))
                start = self._stages[self._stage].start + at - first
                work = self._first_wanted(start, length) if self._is_sieved() else Work(start, start + length)
                self._cursor = at + work.stop - start
                self._left -= work.stop - start - self._count_apart(start, work.stop)
                if not len(work):
                    continue
                return work
            if not self._may_pass():
                return None
            self._stage += 1
            self._cursor = self._index(self._stage) if self._stage < len(self._stages) else 0
            self._enter()
        return None

    def _enter(self) -> None:
        """What goes first in a stage that begins: of what is to run there at all."""
        self._ahead.clear()
        self._seen = (0, b"")
        if self.costs is not None and self._stage < len(self._stages):
            stage, index = self._stages[self._stage], self._index(self._stage)
            found = self.costs.first(stage.start, stage.stop)
            self._ahead += (one for one in found if self._states[index + one - stage.start] == NEW)
            if self._wanted is not None:
                wanted = self._wanted
                self._ahead = deque(one for one in self._ahead if wanted(one, one + 1)[0])
        # Kept when they have been handed out: the walk over the stage comes by them later, when the tally may not have
        # them as done yet, and would hand them out again.
        self._apart = sorted(self._ahead)

    def _is_sieved(self) -> bool:
        return self._wanted is not None or bool(self._apart)

    def _count_apart(self, start: int, stop: int) -> int:
        """How many of these were counted when they were handed out before the others."""
        return bisect_left(self._apart, stop) - bisect_left(self._apart, start) if self._apart else 0

    def _sieve(self, start: int, stop: int) -> bytes:
        """A byte each: whether it is handed out in its turn."""
        if not self._apart:
            assert self._wanted is not None
            return self._wanted(start, stop)
        answer = bytearray(b"\1" * (stop - start) if self._wanted is None else self._wanted(start, stop))
        for position in self._apart[bisect_left(self._apart, start) : bisect_left(self._apart, stop)]:
            answer[position - start] = 0
        return bytes(answer)

    def _first_wanted(self, start: int, length: int) -> Work:
        """The first stretch of wanted positions; empty, and at the end, when there is none."""
        begin, answer = self._seen
        if not begin <= start < begin + len(answer):
            phase = self._stages[self._stage]
            begin, answer = self._seen = start, self._sieve(start, min(start + LOOK_AHEAD, phase.stop))
        stop = min(start + length, begin + len(answer))
        first = answer.find(1, start - begin, stop - begin)
        if first < 0:
            return Work(stop, stop)
        end = answer.find(0, first, stop - begin)
        return Work(begin + first, begin + end if end >= 0 else stop)

    def _may_pass(self) -> bool:
        """Whether the stage after the current one may begin."""
        following = self._stage + 1
        if following < len(self._stages) and not self._stages[following].waits:
            return True
        if self._outstanding or self._back:
            return False
        if following >= len(self._stages) or not self._stages[following].check:
            return True
        first, end = self._bounds(self._stage)
        failed = self._states.count(FAILED, first, end)
        if failed:
            self.refusal = f"a barrier with CHECK was reached after {failed} failed jobs"
        return not failed

    def _index(self, stage: int) -> int:
        return self._tally.index(self._stages[stage].start)

    def _bounds(self, stage: int) -> tuple[int, int]:
        first = self._index(stage)
        return first, first + self._stages[stage].stop - self._stages[stage].start
