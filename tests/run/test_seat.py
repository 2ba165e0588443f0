"""Batches that are taken back while the worker goes on: every position is run, and none is run twice."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.run.hands.seat import Batch, Seat
from shareout.run.hands.shared import Control, held_before
from shareout.supply import Work


class Modelled:
    """A worker that stops after every single thing that it does, and its parent."""

    def __init__(self, positions: int) -> None:
        self.control = Control()
        self.seat = Seat(0, 1, -1, -1, self.control, "")
        self.todo = deque([Work(0, positions)])
        self.inbox: deque[Batch] = deque()
        self.pipe: deque[tuple[int, int] | None] = deque()
        self.ran: Counter[int] = Counter()
        self.serial = 0
        self.worker = self._work()

    def give(self, size: int) -> None:
        if not self.todo or len(self.seat.batches) > 1:
            return
        work = self.todo.popleft()
        if len(work) > size:
            self.todo.appendleft(Work(work.start + size, work.stop))
            work = Work(work.start, work.start + size)
        self.serial += 1
        self.seat.batches.append(Batch(self.serial, work.start, work.stop, 1, work.start, 0.0))
        self.inbox.append(Batch(self.serial, work.start, work.stop, 1, work.start, 0.0))

    def step(self, count: int) -> None:
        for _ in range(count):
            next(self.worker)

    def read(self, count: int) -> None:
        for _ in range(min(count, len(self.pipe))):
            told = self.pipe.popleft()
            if told is None:
                self.seat.advance(1)
            else:
                self.todo += self.seat.not_begun(*told)

    def revoke(self, meanwhile: int) -> None:
        if self.seat.batches:
            self.seat.revoke()
            self.step(meanwhile)
            self.todo += self.seat.trim()

    def _work(self) -> Iterator[None]:
        """As `far_side.serve` does it, one thing after the other."""
        integers = self.control.integers
        while True:
            yield
            if not self.inbox:
                continue
            batch = self.inbox.popleft()
            self.control.serial = batch.serial
            yield
            position = batch.start
            end = batch.stop if integers[1] < batch.serial else batch.start
            while position < end:
                yield
                integers[0] = position
                yield
                if integers[1] >= batch.serial:
                    integers[0] = held_before(position)
                    break
                yield
                self.ran[position] += 1
                self.pipe.append(None)
                position += 1
            yield
            if position < batch.stop:
                self.pipe.append((batch.serial, position))


MOVES = st.one_of(
    st.tuples(st.just("give"), st.integers(1, 6)),
    st.tuples(st.just("step"), st.integers(1, 9)),
    st.tuples(st.just("read"), st.integers(1, 6)),
    st.tuples(st.just("revoke"), st.integers(0, 7)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MOVES, max_size=60))
def test_what_is_taken_back_is_run_once(moves: list[tuple[str, int]]) -> None:
    run = Modelled(30)
    for name, number in moves:
        getattr(run, name)(number)
    for _ in range(40):
        run.give(4)
        run.step(50)
        run.read(60)
    assert run.ran == Counter(range(30))
    assert not run.seat.batches
    assert not run.todo
