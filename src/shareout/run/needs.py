"""Jobs of unequal needs: which of those that wait fits now, and what it is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from shareout.plan.fitting import Demand
from shareout.record.outcome import Attempt, Cause
from shareout.run import Order
from shareout.run.slots import MOST_PASSES, Capacity, Grant
from shareout.supply import Work


@dataclass(slots=True)
class _Waiting:
    position: int
    attempt: int
    demand: Demand
    passed: int = 0


class Packing:
    """A short line of jobs at the head of the supply."""

    def __init__(self, capacity: Capacity, demand: Callable[[int, Fraction], Demand], memory_factor: Fraction) -> None:
        self._capacity = capacity
        self._demand = demand
        self._factor = memory_factor
        self._line: deque[_Waiting] = deque()
        self._granted: dict[int, Grant] = {}
        self._more_memory: dict[int, Fraction] = {}

    def wants_more(self) -> bool:
        return len(self._line) < MOST_PASSES

    def waits(self) -> bool:
        return bool(self._line)

    def wait(self, position: int, attempt: int) -> None:
        demand = self._demand(position, self._more_memory.get(position, Fraction(1)))
        self._line.append(_Waiting(position, attempt, demand))

    def next(self) -> Order | None:
        """The first that fits; one that was passed too often lets nobody pass any more."""
        for at, one in enumerate(self._line):
            grant = self._capacity.take(self._possible(one.demand))
            if grant is not None:
                del self._line[at]
                for earlier in list(self._line)[:at]:
                    earlier.passed += 1
                self._granted[one.position] = grant
                cores, memory = str(grant.demand.cores), grant.demand.memory or None
                return Order(Work(one.position, one.position + 1), one.attempt, cores, grant.gpus, memory)
            if one.passed >= MOST_PASSES:
                return None
        return None

    def free(self, work: Work) -> None:
        """What these were given is there for others."""
        for position in range(work.start, work.stop):
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
