"""Jobs of unequal needs on one machine: never more than there is, and nobody waits for who came after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shareout.plan.fitting import Demand
from shareout.run.host.capacity import Capacity
from shareout.run.host.packing import LOOK_AHEAD, Packing
from shareout.supply import Work

CORES, GPUS, MEMORY = 4, ("0", "1"), 100
DEMANDS = st.sampled_from(
    [
        Demand(Fraction(cores), gpus, memory)
        for cores in range(1, CORES + 1)
        for gpus in (Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2))
        for memory in (0, 30, MEMORY)
    ]
)


class Host:
    """A machine with so many slots, and who runs on it."""

    def __init__(self, demands: Sequence[Demand], slots: int) -> None:
        self.packing = Packing(
            Capacity(Fraction(CORES), GPUS, MEMORY), lambda at, factor: demands[at], Fraction(1), slots
        )
        self.slots = slots
        self.demands = demands
        self.running: list[int] = []
        self.started: list[int] = []
        self.fed = 0

    def fill(self) -> None:
        """As the crew does: as many as there are slots, while something fits."""
        while len(self.running) < self.slots:
            while self.packing.wants_more() and self.fed < len(self.demands):
                self.packing.wait(self.fed, 1)
                self.fed += 1
            order = self.packing.next()
            if order is None:
                return
            self.running.append(order.work.start)
            self.started.append(order.work.start)

    def end(self, position: int) -> None:
        self.running.remove(position)
        self.packing.free(Work(position, position + 1))

    @property
    def head(self) -> int | None:
        return next((at for at in range(self.fed) if at not in self.started), None)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(DEMANDS, min_size=1, max_size=30), st.integers(1, 5), st.randoms(use_true_random=False))
def test_who_comes_to_the_head_waits_for_nobody_who_starts_after(
    demands: list[Demand], slots: int, random: object
) -> None:
    """However jobs end, the head begins at the latest when all have ended that ran when it came there."""
    choose: Callable[[Sequence[int]], int] = random.choice  # type: ignore[attr-defined]
    host = Host(demands, slots)
    head, before = None, set[int]()
    while len(host.started) < len(demands) or host.running:
        host.fill()
        if host.head != head:
            head, before = host.head, set(host.running)
        assert sum(demands[at].cores for at in host.running) <= CORES
        assert sum(demands[at].memory for at in host.running) <= MEMORY
        assert sum(min(demands[at].gpus, Fraction(2)) for at in host.running) <= len(GPUS)
        assert head is None or before & set(host.running), "what it had to wait for has ended, and it does not run"
        host.end(choose(host.running))
    assert sorted(host.started) == list(range(len(demands)))


def small(cores: int) -> Demand:
    return Demand(Fraction(cores), Fraction(0), 0)


def test_what_takes_nothing_that_the_head_will_need_passes_it() -> None:
    host = Host([small(3), small(2), *[small(1)] * 6], slots=4)
    host.fill()
    assert host.running == [0, 2], "job 1 needs two cores; two of one beside it would fit, but one core is free now"
    host.end(2)
    host.fill()
    assert host.running == [0, 3]
    host.end(0)
    host.fill()
    assert host.running == [3, 1, 4]


def test_a_job_that_takes_the_whole_machine_is_passed_by_nobody() -> None:
    host = Host([small(1), small(1), small(4), *[small(1)] * LOOK_AHEAD], slots=4)
    host.fill()
    assert host.running == [0, 1]
    host.end(0)
    host.fill()
    assert host.running == [1]
    host.end(1)
    host.fill()
    assert host.running == [2]
