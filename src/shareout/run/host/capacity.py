"""Cores, GPUs, memory: what fits now. Pure: it only counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from shareout.fields import dataclass, field
from shareout.plan.fitting import Demand


@dataclass(frozen=True, slots=True)
class Grant:
    """What a job was given, to be handed back."""

    demand: Demand
    gpus: tuple[str, ...] = ()


@dataclass(slots=True)
class Capacity:
    """What is free of a machine."""

    # Fractions, not floats: ten jobs of a tenth of a core fill one, and leave no room for an eleventh.
    cores: Fraction
    gpus: Sequence[str]
    memory: int
    free_cores: Fraction = field(init=False)
    free_memory: int = field(init=False)
    used_gpus: dict[str, Fraction] = field(init=False)

    def __post_init__(self) -> None:
        self.free_cores = self.cores
        self.free_memory = self.memory
        self.used_gpus = {name: Fraction(0) for name in self.gpus}

    def take(self, demand: Demand) -> Grant | None:
        """What the job gets, or None when it does not fit now."""
        if demand.cores > self.free_cores or demand.memory > self.free_memory:
            return None
        gpus = self._pick_gpus(demand.gpus)
        if gpus is None:
            return None
        grant = Grant(demand, gpus)
        self.hold(grant)
        return grant

    def hold(self, grant: Grant) -> None:
        """What was granted is not there for others."""
        self.free_cores -= grant.demand.cores
        self.free_memory -= grant.demand.memory
        for name in grant.gpus:
            # Of several each is taken whole; only a demand below one is a share of one.
            self.used_gpus[name] += min(Fraction(1), grant.demand.gpus)

    def give(self, grant: Grant) -> None:
        """The inverse of `hold`: once for each grant."""
        self.free_cores += grant.demand.cores
        self.free_memory += grant.demand.memory
        for name in grant.gpus:
            self.used_gpus[name] -= min(Fraction(1), grant.demand.gpus)

    def _pick_gpus(self, amount: Fraction) -> tuple[str, ...] | None:
        """Whole GPUs that nobody uses, or a share of the fullest one that still has room."""
        if not amount:
            return ()
        if amount < 1:
            # The fullest and not the emptiest: idle GPUs are left for jobs that want whole ones.
            room = [name for name, used in self.used_gpus.items() if used + amount <= 1]
            return (max(room, key=lambda name: self.used_gpus[name]),) if room else None
        idle = [name for name, used in self.used_gpus.items() if not used]
        # Rounded up: a job of one and a half would not know which of its two it shares with whom.
        count = -(-amount.numerator // amount.denominator)
        return tuple(idle[:count]) if len(idle) >= count else None
