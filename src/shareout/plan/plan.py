"""Plan: pool + machines + digest. Tells any machine's share, any job's owner, any position's job.

A position is global: a phase that holds the ids s … e-1 has the positions s … e-1, shuffled among themselves;
with `[run] order = given` a position is its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

from shareout.choices import Barriers, Order
from shareout.config import Settings
from shareout.costs.boundaries import Cut, Load
from shareout.costs.source import Costs, CostSource, Watch, source_of, unwatched
from shareout.errors import InputError, Place, UsageError, nearest
from shareout.fields import dataclass
from shareout.machines import Machine, load_machines, machines_text
from shareout.names import ALL
from shareout.plan import fingerprint
from shareout.plan.audit import audit_of
from shareout.plan.digest import (
    POOL_CONTEXT,
    WORK_CONTEXT,
    HashedInput,
    digest_of,
    hash_file,
    hash_input,
    hash_text,
)
from shareout.plan.ids import IdsAt, places_at
from shareout.plan.origin import Origin, origin_of, refuse_other_origin, refuse_the_rest_of_other_work
from shareout.plan.permutation import Permutations
from shareout.plan.shares.cut import cut_of
from shareout.plan.shares.said import KIND, PYTHON, said_by
from shareout.plan.split import split
from shareout.pool import Pool, Selection
from shareout.ranges import Range

# What a job is, beside the pool; the other inputs only decide who runs it, and when.
WORK = ("settings", "seed", KIND, "numerics")


@dataclass(frozen=True, slots=True)
class Share:
    """What one machine runs: one range of positions a phase, and the ranges it runs again as an audit."""

    machine: str
    cores: int
    ranges: tuple[Range, ...]
    audit: tuple[Range, ...] = ()

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self.ranges)


class Plan:
    """Made once from loaded inputs; everything it tells is computed from the digest."""

    def __init__(
        self,
        pool: Pool,
        machines: Sequence[Machine],
        inputs: Sequence[HashedInput],
        audit: Fraction,
        order: Order = Order.SHUFFLED,
        since: Origin | None = None,
        costs: CostSource | None = None,
        watch: Watch = unwatched,
    ) -> None:
        self.pool = pool
        self.machines = tuple(machines)
        self.inputs = tuple(inputs)
        self.digest = digest_of(pool.kind, inputs)
        deciding = [one for one in inputs if _decides_numbers(one.role)]
        self.pool_digest = digest_of(pool.kind, deciding, POOL_CONTEXT)
        """What the numbers of jobs come from: the same with other machines, so that a job's random numbers are, too."""
        working = [one for one in inputs if _decides_work(one.role)]
        self.work = digest_of(pool.kind, working, WORK_CONTEXT)
        """What the jobs are; whoever runs them, and in what order."""
        self.since = since
        """The plan that this one continues."""
        self.origin = since.digest if since else self.digest
        """What keys the shuffle, and names the run directories."""
        self.kind = _kind_of(inputs)
        self.jobs = len(pool)
        self.order = order
        self._selection = pool if isinstance(pool, Selection) else None
        self.ancestors: tuple[str, ...] = tuple(self._selection.ancestors) if self._selection else ()
        self.total = self._selection.total if self._selection else self.jobs
        self._starts = [phase.start for phase in pool.phases]
        self._sizes = [phase.stop - phase.start for phase in pool.phases]
        self._permutations = Permutations(self.origin, self._sizes, order)
        self._audit = audit
        self._numbers = {machine.name: number for number, machine in enumerate(machines)}
        self.cost_source = costs
        """What says how long jobs take; None where they are shared out by their number."""
        self.watch = watch
        self._shares: dict[str, Share] = {}
        self.guests: dict[str, int] = {}
        """Those that were admitted, and which number each has."""

    @property
    def hex(self) -> str:
        """The digest as 64 hex digits, as journals have it."""
        return self.digest.hex()

    @property
    def origin_hex(self) -> str:
        """Hex of the digest that keys the shuffle: this plan's own, or of the one that it continues."""
        return self.origin.hex()

    @property
    def short_hex(self) -> str:
        """The digest's first sixteen hex digits."""
        return fingerprint.short_hex(self.digest)

    @property
    def fingerprint(self) -> str:
        """The digest as four words, for people to compare."""
        return fingerprint.words(self.digest)

    @cached_property
    def costs(self) -> Costs | None:
        """Of all jobs. The first who asks waits for a look at each."""
        return self.cost_source.read(self.total, self.watch) if self.cost_source else None

    @cached_property
    def loads(self) -> dict[str, Load] | None:
        """What each machine has to do; None where costs are not known."""
        loads = self._cut.loads
        return {one.name: load for one, load in zip(self.machines, loads, strict=True)} if loads else None

    @cached_property
    def _cut(self) -> Cut:
        weights = [machine.weight for machine in self.machines]
        if self.cost_source is None:
            return Cut(split(self._sizes, weights) if weights else [])
        return cut_of(self, self._sizes, weights)

    def cost_of(self, job: int) -> int:
        """By its id; only where costs are known."""
        assert self.costs is not None
        return self.costs.values[job]

    def cost_of_phase(self, start: int, stop: int) -> int:
        """Of all its jobs, whatever their order."""
        assert self.costs is not None
        return sum(self.costs_between(start, stop) if self._selection else memoryview(self.costs.values)[start:stop])

    def costs_between(self, start: int, stop: int) -> Iterator[int]:
        """In running order; only where they are known."""
        assert self.costs is not None
        return map(self.costs.values.__getitem__, self.jobs_between(start, stop))

    def share(self, name: str) -> Share:
        """A machine's share; `all` is every position on this host alone."""
        if name == ALL:
            return self.share_all()
        if name not in self._numbers and name not in self.guests:
            known = list(self._numbers)
            listed = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
            raise UsageError(
                f'no machine is named "{name}"{nearest(name, known)}',
                way_out=f"The machines are: {listed}, or all.",
            )
        if name not in self._shares:
            self._shares[name] = self._share(self._numbers[name])
        return self._shares[name]

    def admit(self, guest: str, number: int = 0) -> None:
        """A host that no machine of the plan is: its share is nothing, but it may help others."""
        self.guests[guest] = number
        self._shares[guest] = Share(guest, 0, tuple((start, start) for start in self._starts))

    def share_all(self) -> Share:
        """Every position, for this host alone; nothing is audited, for there is nobody else."""
        ranges = tuple((phase.start, phase.stop) for phase in self.pool.phases)
        return Share(ALL, 0, ranges)

    def job_at(self, position: int) -> int:
        """The id of the job at a position."""
        phase = self._phase(position)
        start = self._starts[phase]
        place = start + self._permutations[phase].at(position - start)
        return self._selection.id_at(place) if self._selection else place

    def jobs_between(self, start: int, stop: int) -> Iterator[int]:
        """The same for a stretch of positions, streaming, in running order."""
        places = self._places_between(start, stop)
        return map(self._selection.id_at, places) if self._selection else places

    def ids_of(self, origin: str) -> IdsAt | None:
        """Position → id of this plan, or of one that it was rebalanced from; None of any other."""
        selection = self._selection
        if origin == self.origin_hex:
            return self._ids_at
        if selection is None or origin not in self.ancestors:
            return None
        return partial(selection.ids_in_step, self.ancestors.index(origin))

    def _ids_at(self, positions: Sequence[int]) -> list[int]:
        places = places_at(self._permutations, self._starts, positions)
        return self._selection.ids_at(places) if self._selection else places

    def position_of(self, job: int) -> int:
        """Raises IndexError for a job that is none of this plan's: an earlier one settled it."""
        place = self._selection.place_of(job) if self._selection else job
        phase = self._phase(place)
        start = self._starts[phase]
        return start + self._permutations[phase].position_of(place - start)

    def owner(self, job: int) -> str:
        """The machine whose share a job is in. Raises IndexError as `position_of` does."""
        return self.owner_at(self.position_of(job))

    def owner_at(self, position: int) -> str:
        """Of the job that stands at this position."""
        phase = self._phase(position)
        for machine, bound in zip(self.machines, self._cut.bounds[1:], strict=True):
            if position < self._starts[phase] + bound[phase]:
                return machine.name
        raise IndexError(position)

    def prepare(self) -> None:
        """Do now what makes `jobs_between` and the pool's rows cheap, before workers are forked."""
        self._permutations.prepare()
        self.pool.prepare()

    def _places_between(self, start: int, stop: int) -> Iterator[int]:
        return chain.from_iterable(self._stretches(start, stop))

    def _stretches(self, start: int, stop: int) -> Iterator[Iterable[int]]:
        """The same, a phase after the other."""
        phase = self._phase(start) if start < stop else 0
        while start < stop:
            first = self._starts[phase]
            end = min(stop, first + self._sizes[phase])
            if start < end:
                places = self._permutations[phase].between(start - first, end - first)
                yield map(first.__add__, places) if first else places
                start = end
            phase += 1

    def _phase(self, position: int) -> int:
        if not 0 <= position < self.jobs:
            raise IndexError(position)
        return bisect_right(self._starts, position) - 1

    def _share(self, number: int) -> Share:
        machine = self.machines[number]
        audited = (number - 1) % len(self.machines)
        audit = audit_of(self.origin, audited, self._ranges(audited), self._audit) if audited != number else ()
        return Share(machine.name, machine.cores, self._ranges(number), audit)

    def _ranges(self, number: int) -> tuple[Range, ...]:
        lower, upper = self._cut.bounds[number : number + 2]
        return tuple(
            (start + first, start + stop) for start, first, stop in zip(self._starts, lower, upper, strict=True)
        )


def make_plan(
    pool: Pool,
    machines: Path | Sequence[Machine],
    settings: Settings,
    *,
    kind: str = "command",
    local_barriers: bool = False,
    watch: Watch = unwatched,
    costs_file: Path | None = None,
) -> Plan:
    """Hash the inputs and split the pool. Machines in no file are equal. `kind`: what the jobs are, `python` or
    `command`. `costs_file`: not the one beside the pool, but this."""
    if isinstance(machines, Path):
        named = load_machines(machines)
        hashed = hash_file("machines", machines)
        place = Place(str(machines))
    else:
        named = tuple(machines)
        hashed = hash_text("machines", machines_text(named))
        place = None
    costs_file = costs_file or pool.costs_file
    costs = source_of(pool, settings.run.cost, costs_file)
    files = [hashed, hash_file("costs", costs.path)] if costs and costs.is_file else [hashed]
    inputs = [
        *(hash_input(one) for one in pool.inputs),
        *files,
        *said_by(settings, kind, pool, costs_file),
    ]
    reaches = local_barriers or settings.run.barriers is Barriers.LOCAL or settings.join.at
    if len(pool.phases) > 1 and len(named) > 1 and not reaches:
        raise InputError(
            f"the pool has barriers, and a barrier cannot reach across {len(named)} machines that do not talk",
            where=place,
            way_out="Use --join DIR (all keep them together), --barriers local (each machine keeps its own), or one "
            "machine in machines.json.",
        )
    plan = Plan(
        pool,
        named,
        inputs,
        audit=settings.run.audit,
        order=settings.run.order,
        since=origin_of(settings.run.since),
        costs=costs,
        watch=watch,
    )
    refuse_other_origin(plan)
    refuse_the_rest_of_other_work(pool, plan)
    if costs:
        # What is wrong with a cost is told now, and not when somebody first asks for a share.
        _ = plan.loads
    return plan


def work_of(pool: Pool, settings: Settings, kind: str) -> bytes:
    """The work hash of a plan of this pool, whatever its machines."""
    inputs = [*(hash_input(one) for one in pool.inputs), *said_by(settings, kind, pool, pool.costs_file)]
    return digest_of(pool.kind, [one for one in inputs if _decides_work(one.role)], WORK_CONTEXT)


def _decides_numbers(role: str) -> bool:
    return role.startswith("pool") or role == "seed"


def _decides_work(role: str) -> bool:
    return role.startswith("pool") or role in WORK


def _kind_of(inputs: Sequence[HashedInput]) -> str:
    return PYTHON if any(one.role == KIND for one in inputs) else "command"
