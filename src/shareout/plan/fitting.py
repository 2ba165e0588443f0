"""What jobs take of a machine; and those that can never run where they are, found before the first one starts.

`plan` looks at every machine by what machines.json says of it, `run` at the host that it finds itself on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice

from shareout.config import RunSettings, Settings
from shareout.errors import InputError, Place, nearest
from shareout.fields import dataclass
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.pool import Need
from shareout.pool.needs import FIELDS, need_from
from shareout.units import parse_amount, told_filesize

MOST_MISTAKES = 5
NAMED = 8
# What jobs say is looked at once; a pool whose jobs all say something else must not fill the memory.
REMEMBERED = 100_000
# Among so many shuffled jobs, a machine that has any of them has one, but for the smallest of shares; the crew
# refuses what slips through here.
LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Demand:
    """What one job takes, all said."""

    cores: Fraction
    gpus: Fraction
    memory: int

    def and_more(self, other: Demand) -> Demand:
        """The larger of each."""
        return Demand(max(self.cores, other.cores), max(self.gpus, other.gpus), max(self.memory, other.memory))

    def with_memory(self, factor: Fraction) -> Demand:
        """The same with more memory."""
        return Demand(self.cores, self.gpus, int(self.memory * factor))


@dataclass(frozen=True, slots=True)
class Host:
    """What a machine has; None where that is not known."""

    name: str
    cores: Fraction
    gpus: int | None
    memory: int | None
    hidden_by: str = ""
    """The variable that hides all its GPUs."""

    @property
    def shown(self) -> str:
        """What it is called in a sentence."""
        return "this host" if self.name == ALL else self.name

    def too_much(self, demand: Demand) -> str:
        """Empty when it would fit while nothing else runs, else what is too much."""
        if demand.cores > self.cores:
            return f"{demand.cores} cores, and {self.shown} has {self.cores}"
        if self.gpus is not None and demand.gpus > self.gpus:
            why = f": {self.hidden_by} hides them all" if self.hidden_by else ""
            return f"{demand.gpus} {'GPU' if demand.gpus <= 1 else 'GPUs'}, and {self.shown} has {self.gpus}{why}"
        if self.memory is not None and demand.memory > self.memory:
            return f"{told_filesize(demand.memory)} of memory, and {self.shown} has {told_filesize(self.memory)}"
        return ""


def demand_of(settings: RunSettings, need: Need | None) -> Demand:
    """The run's setting, unless the job says otherwise."""
    need = need or Need()
    return Demand(
        parse_amount(need.cores) if need.cores else settings.cores_per_job,
        parse_amount(need.gpus) if need.gpus else settings.gpus_per_job,
        need.memory if need.memory is not None else settings.memory_per_job or 0,
    )


def is_packed(plan: Plan, settings: Settings) -> bool:
    """Whether jobs differ in what they take, or take more than cores."""
    run = settings.run
    if run.needs or run.gpus_per_job or run.memory_per_job is not None:
        return True
    return any(said != Need() for _, said in plan.pool.needs() if isinstance(said, Need))


def hosts_of(plan: Plan, settings: Settings) -> list[Host]:
    """All machines that have jobs, by what machines.json says of them."""
    slots = settings.run.slots
    return [
        Host(one.name, Fraction(max(one.cores, slots.of(one.cores) if slots else 0)), one.gpus, one.memory)
        for one in plan.machines
        if len(plan.share(one.name))
    ]


def refuse_unfit(plan: Plan, settings: Settings, hosts: Sequence[Host]) -> Demand:
    """InputError when there are jobs that one of these could never run and would have to. Otherwise the most that any
    job takes of each."""
    mistakes: list[str] = []
    most = demand_of(settings.run, None)
    spoken: set[str] = set()
    verdicts: dict[Need | tuple[str, str, str], Mapping[str, str]] = {}
    for jobs, said in plan.pool.needs(settings.run.needs):
        verdict = verdicts.get(said)
        if verdict is None:
            if len(verdicts) == REMEMBERED:
                # All at once, and not the one that was used least: a pool whose jobs say so many different things
                # hardly says one of them twice.
                verdicts.clear()
            verdict = verdicts[said] = _verdict(settings, said, hosts)
            # The most of each, and not the largest job: `unknown_of` asks about memory and GPUs one by one.
            if "" not in verdict:
                most = most.and_more(_demanded(settings, said))
            if isinstance(said, tuple):
                spoken |= {name for name, text in zip(FIELDS, said, strict=True) if text}
        if verdict:
            mistakes += _told(plan, jobs, verdict)
            if len(mistakes) >= MOST_MISTAKES:
                break
    if mistakes:
        raise InputError(
            "; ".join(mistakes[:MOST_MISTAKES]),
            where=Place(str(plan.pool.inputs[0].path)),
            way_out="Jobs that could never run where they are: lower their needs, or leave that machine out.",
        )
    _refuse_the_unspoken(plan, settings.run.needs, spoken)
    return most


def unknown_of(most: Demand, hosts: Sequence[Host]) -> list[str]:
    """What machines.json leaves open of these, where jobs take of it."""
    told = []
    asked = (("memory", told_filesize(most.memory), most.memory), ("gpus", f"{most.gpus} of the GPUs", most.gpus))
    for key, much, amount in asked:
        silent = [host.name for host in hosts if getattr(host, key) is None]
        if amount and silent:
            shown = ", ".join(silent[:NAMED]) + (" …" if len(silent) > NAMED else "")
            told.append(
                f"a job takes up to {much}; machines.json has no {key} of {shown}: whether it fits is seen there"
            )
    return told


def least_cores(plan: Plan, settings: Settings) -> Fraction:
    """The fewest cores that any job takes: what says how many may run at once."""
    least = settings.run.cores_per_job
    seen: set[str | None] = set()
    for _, said in plan.pool.needs(settings.run.needs):
        word = said.cores if isinstance(said, Need) else said[0]
        if word in seen or len(seen) == REMEMBERED:
            continue
        seen.add(word)
        cores = demand_of(settings.run, Need(cores=word.strip() if word else None)).cores
        least = min(least, cores) if cores else least
    return least


def _refuse_the_unspoken(plan: Plan, needs: Sequence[str], spoken: Collection[str]) -> None:
    """Fields that are named for needs, and that no row has."""
    names = getattr(plan.pool, "names", None) or ()
    missing = [name for name in needs if name not in spoken and name not in names]
    if missing and plan.jobs:
        fields = f"Its fields are {', '.join(names)}." if names else "Jobs of a task file say it by #SHAREOUT NEED."
        raise InputError(
            f"[run] needs names {missing[0]}, and no row has a field of that name{nearest(missing[0], names)}",
            where=Place(str(plan.pool.inputs[0].path)),
            way_out=f"{fields} For all jobs alike say {missing[0]}_per_job.",
        )


def _demanded(settings: Settings, said: Need | tuple[str, str, str]) -> Demand:
    return demand_of(settings.run, said if isinstance(said, Need) else need_from(said))


def _verdict(settings: Settings, said: Need | tuple[str, str, str], hosts: Sequence[Host]) -> Mapping[str, str]:
    """The machines for which it is too much, and what is; under no name what is wrong anywhere."""
    try:
        demand = _demanded(settings, said)
    except ValueError as error:
        return {"": str(error)}
    return {host.name: much for host in hosts if (much := host.too_much(demand))}


def _told(plan: Plan, jobs: Iterable[int], verdict: Mapping[str, str]) -> list[str]:
    """A sentence for each of those machines that has one of the jobs."""
    left = dict(verdict)
    told = []
    # Whose a job is takes a permutation backwards, and a need may be that of ten million jobs. One job of every machine
    # is enough for a refusal.
    for job in islice(jobs, LOOKED_AT):
        if "" in left:
            return [f"job {job}: {left['']}"]
        owner = ALL if ALL in left else _owner(plan, job)
        if owner in left:
            told.append(f"job {job} takes {left.pop(owner)}")
        if not left:
            break
    return told


def _owner(plan: Plan, job: int) -> str:
    try:
        return plan.owner(job)
    except IndexError:
        # Of a rest, jobs that are done belong to nobody.
        return ""
