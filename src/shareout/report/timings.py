"""How long each job took, and how fast each machine is: from journals, all jobs of one kind of work together."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from shareout.costs.amount import UNIT
from shareout.fields import dataclass, field
from shareout.plan.ids import ids_as_told
from shareout.plan.plan import Plan
from shareout.record.belonging import Belonging, ever_owed
from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, parse
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.proof import Proof, proofs_of
from shareout.record.reader import Chunk, JournalReader, incarnations_of, newest_header

LEAST = 5
"""Of fewer jobs the mean says nothing."""
SHORTEST_S = 1e-6
DONE, CUT_OFF = 1, 2

Ended = tuple[tuple[int, int, int], float, int]
"""Offset, job and position; seconds; and how it ended: 0 for one that failed by itself."""


@dataclass(slots=True)
class MachineTimes:
    """What one machine did."""

    name: str
    jobs: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    """Of these jobs, by the plan at hand; their number where no costs are known."""

    @property
    def speed(self) -> float | None:
        """How much it did in a second on one core, in no unit that matters; None where that is not known."""
        return self.cost / self.seconds if self.jobs >= LEAST and self.seconds > 0 else None


@dataclass(slots=True)
class Timings:
    """Of all jobs of a pool."""

    seconds: array[float]
    """By id."""
    how: bytearray
    """DONE, or CUT_OFF at its time limit: then it takes longer than that."""
    by: array[int]
    """The number of the machine that ran it."""
    machines: list[MachineTimes] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    """Jobs that failed by themselves, and never ended well: how long they take nobody knows."""
    strangers: list[RunFolder] = field(default_factory=list)
    """Runs of other work."""

    def take(self, job: int, seconds: float, how: int, by: int) -> None:
        """The first time that it was done counts; before that, the longest that it was let run."""
        is_longer = how == CUT_OFF and seconds > self.seconds[job]
        if self.how[job] != DONE and (how == DONE or is_longer):
            self.how[job], self.by[job], self.seconds[job] = how, by, seconds


def timings_of(folders: Sequence[RunFolder], plan: Plan) -> Timings:
    """Of the very jobs of a plan, whatever plan they ran by. What was run twice counts by its first time."""
    jobs = plan.total
    made = Timings(array("d", bytes(8 * jobs)), bytearray(jobs), array("H", bytes(2 * jobs)))
    numbers: dict[str, int] = {}
    for folder in folders:
        header = newest_header(folder)
        if header.work != plan.work.hex():
            made.strangers.append(folder)
            continue
        if header.machine not in numbers:
            numbers[header.machine] = len(made.machines)
            made.machines.append(MachineTimes(header.machine))
        _read(folder, made, numbers[header.machine], plan)
    made.failed = {job for job in made.failed if not made.how[job]}
    return made


def perfs_of(timings: Timings, plan: Plan) -> dict[str, float]:
    """Measured performances, so scaled that the machines measured keep the weight that they have together in
    machines.json; of others, what stands there. A machine that is in neither counts as 1."""
    known = {machine.name: machine for machine in plan.machines}
    told = {one.name: float(known[one.name].perf) if one.name in known else 1.0 for one in timings.machines}
    speeds = {one.name: one.speed for one in timings.machines if one.speed is not None}
    measured = {name: speed for name, speed in speeds.items() if name in known}
    if not measured:
        # As with one machine alone: nothing to compare it with, and 1 is as good as any.
        return told
    cores = {name: known[name].cores for name in measured}
    # By weight together and not by the best as 1: machines that were not measured keep their proportion to the others.
    scale = sum(told[name] * cores[name] for name in measured) / sum(measured[name] * cores[name] for name in measured)
    return {**told, **{name: speed * scale for name, speed in speeds.items()}}


def _read(folder: RunFolder, made: Timings, number: int, plan: Plan) -> None:
    proofs, starts = proofs_of(folder), incarnations_of(folder)
    owed = ever_owed([one.header for one in starts])
    for one in starts:
        # What was taken over ran elsewhere.
        if one.header.start.reason:
            continue
        belonging = Belonging(one.header, ids_as_told(one.header) or plan.ids_of(one.header.origin), owed)
        reader = JournalReader(one.path)
        for chunk in reader.chunks():
            ended = list(_ended(chunk))
            if chunk.offset + len(chunk.data) > proofs.get(one.path.name, Proof()).good:
                belonging.check(one.path, [place for place, _, _ in ended])
            _note(ended, made, number, plan)


def _note(ended: Sequence[Ended], made: Timings, number: int, plan: Plan) -> None:
    costs = plan.costs.values if plan.costs else None
    machine, jobs = made.machines[number], len(made.how)
    for (_, job, _), seconds, how in ended:
        if job >= jobs:
            continue
        if not how:
            made.failed.add(job)
            continue
        # A clock that was set back gives less than nothing, and costs are fitted to logarithms.
        seconds = max(seconds, SHORTEST_S)
        made.take(job, seconds, how, number)
        if how == DONE:
            machine.jobs += 1
            machine.seconds += seconds
            machine.cost += costs[job] / UNIT if costs else 1.0


def _ended(chunk: Chunk) -> Iterator[Ended]:
    for (offset, line), (job, position, start, end, _) in zip(chunk.located(), chunk.plain, strict=True):
        if job:
            yield (offset, int(job), int(position)), float(end) - float(start), DONE
            continue
        try:
            record = parse(line)
        except BadLine:
            continue
        if not isinstance(record, Attempt):
            continue
        place = offset, record.job, record.position
        if record.state is State.DONE:
            yield place, record.duration, DONE
        elif record.cause is Cause.TIMEOUT:
            yield place, record.duration, CUT_OFF
        elif record.state is State.FAILED:
            yield place, 0.0, 0
