"""How well the load was balanced, and which performances would have balanced it better. Pure.

Positions are shuffled, so every machine got a random sample of the same jobs, and what they took can be compared
at once. A machine's rate is its settled jobs over the time its slots had work: the ends of sessions, when slots
wait for the last long job, are luck and not speed, and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from shareout.fields import dataclass
from shareout.machines import Machine
from shareout.report.reading import Deeds

FEWEST_JOBS = 5
BRIEF_S = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """One machine's measured speed."""

    machine: str
    rate: float
    """Jobs a second."""
    uncertainty: float
    """One standard error, as a part of the rate."""
    cores: int
    share: int
    """Jobs that it was given."""
    perf: float
    """What it should have in machines.json."""
    perf_now: float | None

    @property
    def needs_s(self) -> float:
        """How long its whole share takes at this rate."""
        return self.share / self.rate


@dataclass(frozen=True, slots=True)
class Balance:
    """All machines together."""

    paces: tuple[Pace, ...]
    unmeasured: tuple[str, ...]
    brief: tuple[str, ...] = ()
    """Machines that have worked for less than a second: their rates are mostly how they started."""

    @property
    def planned_s(self) -> float:
        """When the last machine is through with its share."""
        return max(pace.needs_s for pace in self.paces)

    @property
    def balanced_s(self) -> float:
        """When all are, with weights as their rates are."""
        return sum(pace.share for pace in self.paces) / sum(pace.rate for pace in self.paces)

    @property
    def gain(self) -> float:
        """Which part of the time the better weights save."""
        return 1 - self.balanced_s / self.planned_s if self.planned_s else 0.0

    def block(self, machines: Sequence[Machine]) -> dict[str, object]:
        """What to write into machines.json; without the file at hand, only the machines that were measured."""
        perfs = {pace.machine: pace.perf for pace in self.paces}
        if not machines:
            return {pace.machine: [pace.perf, pace.cores] for pace in self.paces}
        return {one.name: _entry(one, perfs.get(one.name)) for one in machines}


def balance_of(deeds: Sequence[Deeds], shares: Mapping[str, int], machines: Sequence[Machine]) -> Balance | None:
    """None when there is nothing to compare: fewer than two machines that did enough."""
    known = {one.name: one for one in machines}
    measured = [one for one in deeds if one.finished >= FEWEST_JOBS and _rate(one) > 0]
    if len(measured) < 2:
        return None
    raw = {}
    for one in measured:
        cores = known[one.machine].cores if one.machine in known else len(one.slots)
        raw[one.machine] = (_rate(one), cores)
    scale = _scale(raw, known)
    paces = tuple(
        Pace(
            one.machine,
            raw[one.machine][0],
            _uncertainty(one),
            cores=raw[one.machine][1],
            share=shares[one.machine],
            # Three digits: more would be noise, and a person copies them.
            perf=float(f"{raw[one.machine][0] / raw[one.machine][1] * scale:.3g}"),
            perf_now=float(known[one.machine].perf) if one.machine in known else None,
        )
        for one in measured
    )
    brief = tuple(one.machine for one in measured if _working_s(one) < BRIEF_S)
    return Balance(paces, tuple(one.name for one in machines if one.name not in raw), brief)


def _working_s(deeds: Deeds) -> float:
    return deeds.active_s - deeds.drained_s


def _rate(deeds: Deeds) -> float:
    # Not jobs by the seconds that they took: a slot that shares its core, or waits for a disk with others, makes each
    # job longer, and what counts is what the machine as a whole gets done.
    working_s = _working_s(deeds)
    return deeds.finished / working_s if working_s > 0 else 0.0


def _uncertainty(deeds: Deeds) -> float:
    durations = deeds.durations
    if not durations.mean or durations.count < 2:
        # Unknown: it may be off by as much as it is.
        return 1.0
    return sqrt(durations.variance / durations.count) / durations.mean


def _scale(raw: Mapping[str, tuple[float, int]], known: Mapping[str, Machine]) -> float:
    """Performances are only compared with each other. So that those of unmeasured machines stay true, the sum of
    all weights is kept; where no old ones are known, the best is 1."""
    if known and all(name in known for name in raw):
        weight = sum(float(known[name].weight) for name in raw)
        return weight / sum(rate for rate, _ in raw.values())
    return 1 / max(rate / cores for rate, cores in raw.values())


def _entry(machine: Machine, perf: float | None) -> object:
    new = float(machine.perf) if perf is None else perf
    more = {"ssh": machine.ssh, "gpus": machine.gpus, "memory": machine.memory}
    told = {key: value for key, value in more.items() if value is not None}
    return {"perf": new, "cores": machine.cores, **told} if told else [new, machine.cores]
