"""Jobs of unequal needs: which of those that wait fits now, and what it is given.

The first in line that does not fit has the next that is free, as backfilling schedulers reserve it: it waits at most
for the jobs that run when it comes to the head. Others pass it only with what it will not need, however long they take,
for how long a job takes is not known: when all that ran before have ended, there must be room for it beside all that
have passed it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from fractions import Fraction

from shareout.fields import dataclass
from shareout.plan.fitting import Demand
from shareout.record.outcome import Attempt, Cause
from shareout.run.hands import Order
from shareout.run.host.capacity import Capacity, Grant
from shareout.supply import Work

# All in line are asked for every slot that is free. More would fill a gap more often, and cost each turn.
LOOK_AHEAD = 16


@dataclass(slots=True)
class _Waiting:
    position: int
    attempt: int
    demand: Demand


class Packing:
    """A short line of jobs at the head of the supply."""

    def __init__(
        self, capacity: Capacity, demand: Callable[[int, Fraction], Demand], memory_factor: Fraction, slots: int
    ) -> None:
        self._capacity = capacity
        self._slots = slots
        self._demand = demand
        self._factor = memory_factor
        self._line: deque[_Waiting] = deque()
        self._granted: dict[int, Grant] = {}
        self._passing: dict[int, Grant] = {}
        """What runs and has passed the present head."""
        self._more_memory: dict[int, Fraction] = {}

    def wants_more(self) -> bool:
        """Whether jobs are to be put in line before `next` is asked: so many are looked at, and no more."""
        return len(self._line) < LOOK_AHEAD

    def waits(self) -> bool:
        """Whether anybody is in line."""
        return bool(self._line)

    def wait(self, position: int, attempt: int) -> None:
        """To the end of the line; what was killed for its memory asks for more than before."""
        demand = self._demand(position, self._more_memory.get(position, Fraction(1)))
        self._line.append(_Waiting(position, attempt, demand))

    def next(self) -> Order | None:
        """The first that fits, and delays nobody who was at the head before it."""
        for at, one in enumerate(self._line):
            grant = self._capacity.take(self._possible(one.demand))
            if grant is None:
                continue
            if at and self._delays_head(grant):
                self._capacity.give(grant)
                continue
            del self._line[at]
            if at:
                self._passing[one.position] = grant
            else:
                self._passing.clear()
            self._granted[one.position] = grant
            cores, memory = str(grant.demand.cores), grant.demand.memory or None
            return Order(Work(one.position, one.position + 1), one.attempt, cores, grant.gpus, memory)
        return None

    def _delays_head(self, grant: Grant) -> bool:
        """Whether the head would not fit, or find no slot, beside this and those that have passed it."""
        passing = (*self._passing.values(), grant)
        if len(passing) >= self._slots:
            return True
        # As if the machine were empty but for these: what runs besides is of before the head's time, and will have
        # ended.
        later = Capacity(self._capacity.cores, self._capacity.gpus, self._capacity.memory)
        for one in passing:
            later.hold(one)
        return later.take(self._possible(self._line[0].demand)) is None

    def free(self, work: Work) -> None:
        """What these were given is there for others."""
        for position in range(work.start, work.stop):
            self._passing.pop(position, None)
            grant = self._granted.pop(position, None)
            if grant is not None:
                self._capacity.give(grant)

    def learn(self, attempt: Attempt) -> None:
        """What was killed for its memory gets more when it is tried again."""
        if attempt.cause is Cause.MEMORY or attempt.signal == "SIGKILL":
            self._more_memory[attempt.position] = self._more_memory.get(attempt.position, Fraction(1)) * self._factor

    def _possible(self, demand: Demand) -> Demand:
        """A retry with more memory takes at most the machine."""
        return Demand(demand.cores, demand.gpus, min(demand.memory, self._capacity.memory))
