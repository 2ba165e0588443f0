"""What a free slot does next: what is due again, else what the supply gives, in batches or as it fits.

The crew decides whether anything is started, this decides what. Nothing is forgotten here: what was taken from the
supply is handed to a slot, waits in line, or is given back.
"""

from __future__ import annotations

import heapq

from shareout.config import LimitSettings
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.tally import Tally
from shareout.run.hands import Order
from shareout.run.host.gate import Gate
from shareout.run.host.packing import Packing
from shareout.supply import Supply, Work
from shareout.world import world


class Orders:
    """Of one run. Without `packing` all jobs are alike, and a slot may be given many at once."""

    def __init__(
        self, supply: Supply, packing: Packing | None, tally: Tally, slots: int, limits: LimitSettings
    ) -> None:
        self._supply = supply
        self._packing = packing
        self._tally = tally
        self._slots = slots
        self._retry_delay = limits.retry_delay
        self._gate = Gate.of(limits)
        self._again: list[tuple[float, int, int]] = []
        """When they are due, positions, and which try it will be."""
        self._stays: set[int] = set()
        """Of these, what only this machine can try: it knows why."""

    @property
    def are_alike(self) -> bool:
        """What one job has needed changes nothing about which comes next."""
        return self._packing is None

    def next(self, appetite: int) -> Order | None:
        """At most so many jobs for a slot that takes them; None when there is nothing now, or nothing may start."""
        self._pass_on()
        if self._gate is None:
            return self._next(appetite)
        if not self._gate.is_open():
            return None
        order = self._next(1)
        if order is not None:
            self._gate.passed()
        return order

    def _next(self, appetite: int) -> Order | None:
        if self._packing is not None:
            return self._next_that_fits(self._packing)
        # Before anything new: a barrier may wait for it.
        if self._is_due():
            position, attempt = self._pop_due()
            return Order(Work(position, position + 1), attempt)
        # When the supply runs low batches shrink, so that all slots end together.
        work = self._supply.next(min(appetite, max(1, self._supply.left() // (2 * self._slots))))
        return None if work is None else self._without_tried(work)

    def next_due(self) -> float | None:
        """When the first of those that wait for their time is due, or anything may be started; None: none waits."""
        due = self._again[0][0] if self._again else None
        if self._gate is None or self._supply.is_exhausted():
            return due
        return self._gate.opens() if due is None else min(due, self._gate.opens())

    @property
    def lost(self) -> str:
        """Why nothing more will come, where that is no end."""
        return self._supply.lost

    def is_exhausted(self) -> bool:
        """Nothing waits, and nothing will come."""
        waiting = self._again or (self._packing and self._packing.waits())
        return not waiting and self._supply.is_exhausted()

    def free(self, work: Work) -> None:
        """It has ended, or is taken from its slot: what it was given is there for others."""
        if self._packing:
            self._packing.free(work)

    def give_back(self, work: Work) -> None:
        """It was not begun."""
        self.free(work)
        self._supply.give_back(work)

    def finished(self, work: Work) -> None:
        """It is in the journal, for good."""
        self._supply.finished(work)

    def learn(self, attempt: Attempt) -> None:
        """How a try went, also one that is to be repeated."""
        if self._packing:
            self._packing.learn(attempt)

    def repeat(self, attempt: Attempt) -> None:
        """Once more, here: after the delay if it failed, at once if it was only stopped."""
        if attempt.state is State.RETRY:
            due, number = world.monotonic() + self._retry_delay, attempt.attempt + 1
        else:
            due, number = 0.0, attempt.attempt
        if attempt.state is not State.RETRY or attempt.cause is Cause.MEMORY:
            self._stays.add(attempt.position)
        heapq.heappush(self._again, (due, attempt.position, number))

    def _is_due(self) -> bool:
        return bool(self._again) and self._again[0][0] <= world.monotonic()

    def _pass_on(self) -> None:
        """What has failed here may do better on another machine."""
        while self._is_due() and self._again[0][1] not in self._stays and self._supply.pass_on(self._again[0][1]):
            heapq.heappop(self._again)

    def _pop_due(self) -> tuple[int, int]:
        _, position, attempt = heapq.heappop(self._again)
        self._stays.discard(position)
        return position, attempt

    def _next_that_fits(self, packing: Packing) -> Order | None:
        while self._is_due():
            packing.wait(*self._pop_due())
        while packing.wants_more() and (work := self._supply.next(1)) is not None:
            packing.wait(work.start, self._tally.tries.get(work.start, 0) + 1)
        return packing.next()

    def _without_tried(self, work: Work) -> Order:
        """A batch runs at its first try; a position that was tried before goes alone."""
        tries = self._tally.tries
        # One number of the try holds for a whole batch, and what is done at the first one goes into the journal unread:
        # so what was tried before must not lie among others.
        tried = (
            next((position for position in range(work.start, work.stop) if position in tries), None) if tries else None
        )
        if tried is None:
            return Order(work)
        cut = tried if tried > work.start else work.start + 1
        if cut < work.stop:
            self._supply.give_back(Work(cut, work.stop))
        return Order(Work(work.start, cut), tries[tried] + 1 if tried == work.start else 1)
