"""A seed → a small plan, its settings, what its jobs do, and the faults that its starts will meet."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from blake3 import blake3

from shareout.config import Settings, apply, load_settings
from shareout.machines import Machine
from shareout.plan.digest import HashedInput
from shareout.plan.origin import Origin
from shareout.plan.plan import KIND, Plan
from shareout.pool import InputFile, Need, Phase, Row, Values
from simulated.programs import Script

KINDS = (
    "kill", "kill", "kill", "signal", "signal", "cut", "cut", "reset", "room", "eio", "short", "clock", "slow", "twice",
    "hold", "reuse", "rot",
)  # fmt: skip
CALLS = ("write", "sync", "sync", "read", "truncate", "rename", "open", "lock", "stat", "fork", "spawn")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, at one start of one machine."""

    kind: str
    machine: int
    start: int
    step: int
    """After so many calls of that start's processes; of kinds that hold all the time, of no meaning."""
    seconds: float
    number: int
    word: str

    def __str__(self) -> str:
        told = {
            "kill": f"of {self.word}",
            "rot": f"of {self.number} bytes",
            "signal": f"{_name(self.number)} to {self.word}",
        }
        told |= {"eio": f"at {self.word} {self.number}", "room": f"for {self.number} bytes"}
        told |= {"clock": f"by {self.seconds:.1f} s", "slow": f"{self.seconds:.2f} s", "twice": ""}
        what = told.get(self.kind, "")
        return f"{self.kind} {what} (machine {self.machine}, start {self.start}, step {self.step})"


def _name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else str(number)


class SeedPool:
    """A pool that is nowhere written down."""

    kind = "seeds"
    groups: Sequence[str] = ()
    start_commands: Sequence[Any] = ()
    stop_commands: Sequence[Any] = ()
    is_disbatch = False
    for_bash = False
    barriers: Sequence[Any] = ()
    inputs = (InputFile("pool", Path("/pool")),)

    def __init__(self, jobs: int, phases: Sequence[Phase], needs: Sequence[Need | None], shell: frozenset[int]) -> None:
        self.jobs = jobs
        self.phases = phases
        self._needs = needs
        self._shell = shell

    def __len__(self) -> int:
        return self.jobs

    def prepare(self) -> None:
        pass

    def row(self, job: int) -> Row:
        return Row(job, self.command(job))

    def arguments(self, job: int) -> tuple[Any, ...]:
        return (job,)

    def command(self, job: int) -> str:
        return f"/job {job} | cat" if job in self._shell else f"/job {job}"

    def values(self, job: int) -> Values:
        return Values(job, (self.command(job),), (), {})

    def group(self, job: int) -> str | None:
        return None

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        return self._needs[job] if self._needs else None

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Any]]:
        for job, need in enumerate(self._needs):
            if need is not None:
                yield (job,), need


@dataclass(slots=True)
class Case:
    """All of it."""

    seed: int
    plan: Plan
    settings: Settings
    scripts: list[Script]
    starts: int
    """How many starts of each machine may meet faults."""
    faults: list[Fault] = field(default_factory=list)
    later: Plan | None = None
    """The same jobs by other weights, from one start of each machine on."""
    later_from: int = 0
    brings: bool = False
    """Whether who begins finds the run directories of those that are over."""
    leaves: bool = False
    has_halt: bool = False
    is_python: bool = False

    def plan_at(self, start: int) -> Plan:
        """By which weights a start runs."""
        return self.later if self.later is not None and start >= self.later_from else self.plan

    def words(self) -> set[str]:
        """What there is in it."""
        limits = self.settings.limits
        found = {one.kind for one in self.faults} | {f"{one.kind}-{one.word}" for one in self.faults}
        found.add("python" if self.is_python else "commands")
        has = {
            "leaves": self.leaves,
            "halt": self.has_halt,
            "timeout": limits.timeout is not None,
            "starts": self.starts > 1,
            "audit": self.settings.run.audit > 0,
            "reweighed": self.later is not None,
            "brought": self.later is not None and self.brings,
            "delay": limits.retries > 0 and limits.retry_delay > 0,
            "retries": limits.retries > 0,
            "phases": len(self.plan.pool.phases) > 1,
            "check": any(one.check for one in self.plan.pool.phases),
            "child": any(one.child for one in self.scripts),
            "packed": any(True for _ in self.plan.pool.needs()),
        }
        return found | {word for word, is_so in has.items() if is_so}


@cache
def _defaults() -> Settings:
    return load_settings(Path("/nowhere"))


@cache
def _applied(flags: tuple[tuple[str, str], ...]) -> Settings:
    return apply(_defaults(), dict(flags))


def case_of(seed: int) -> Case:
    random = Random(seed)
    machines = random.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 4))
    jobs = random.choice((1, 2, *(random.randint(1, 8) for _ in range(3)), *(random.randint(2, 20) for _ in range(3)),
                          random.randint(10, 60)))  # fmt: skip
    settings, retries = _settings(random)
    pool = SeedPool(jobs, _phases(random, jobs), _needs(random, jobs), frozenset(
        job for job in range(jobs) if random.random() < 0.1))  # fmt: skip
    named = [Machine(f"m{number}", Fraction(random.randint(1, 3)), random.randint(1, 3)) for number in range(machines)]
    inputs = [HashedInput("pool", "", jobs, blake3(b"%d" % (seed % 4096)).digest())]
    is_python = random.random() < 0.35
    if is_python:
        inputs.append(HashedInput(KIND, "", 6, blake3(b"python").digest()))
    plan = Plan(pool, named, inputs, settings.run.audit, settings.run.order)  # type: ignore[arg-type]
    quick = random.random() < 0.2
    scripts = [_script(random, retries, quick=quick) for _ in range(jobs)]
    starts = random.choice((1, 1, 1, 1, 2, 2, 3))
    case = Case(seed, plan, settings, scripts, starts)
    case.is_python = is_python
    case.leaves = settings.commands.background == "leave"
    case.has_halt = settings.limits.halt is not None
    case.faults = _faults(random, machines, starts, jobs)
    _reweigh(case, Random(f"{seed} weights"), inputs)
    return case


def _reweigh(case: Case, random: Random, inputs: Sequence[HashedInput]) -> None:
    """Somebody corrects the weights between two starts; drawn apart, so that all else of a seed stays what it is."""
    plan, settings = case.plan, case.settings
    if len(plan.machines) == 1 or random.random() > 0.4:
        return
    named = [replace(one, perf=Fraction(random.randint(1, 6), 2)) for one in plan.machines]
    said = HashedInput("machines", "", 1, blake3(repr(named).encode()).digest())
    since = Origin(plan.digest, plan.work, plan.order)
    case.later = Plan(plan.pool, named, [*inputs, said], settings.run.audit, settings.run.order, since)
    case.later_from = random.randint(0, case.starts)
    case.brings = random.random() < 0.7


def _settings(random: Random) -> tuple[Settings, int]:
    flags: dict[str, str] = {"run.nice": "0"}
    retries = random.choice((0, 0, 1, 2, 3))
    if retries:
        flags["limits.retries"] = str(retries)
    if random.random() < 0.2:
        flags["limits.retry_delay"] = random.choice(("0.1s", "1s", "3s"))
    if random.random() < 0.15:
        flags["limits.timeout"] = random.choice(("1s", "3s", "300%"))
    if random.random() < 0.15:
        flags["limits.halt"] = random.choice(
            ("soon,fail=1", "now,fail=1", "now,fail=20%", "soon,done=3", "now,success=2")
        )
    if random.random() < 0.3:
        flags["limits.grace"] = random.choice(("0.1s", "1s"))
    if random.random() < 0.1:
        flags["commands.background"] = "leave"
    if random.random() < 0.1:
        flags["run.order"] = "given"
    if random.random() < 0.1:
        flags["logging.segment"] = "1000"
    if random.random() < 0.1:
        flags["run.slots"] = random.choice(("1", "5", "200%"))
    if random.random() < 0.05:
        flags["run.audit"] = "20%"
    return _applied(tuple(sorted(flags.items()))), retries


def _phases(random: Random, jobs: int) -> list[Phase]:
    cuts = sorted(random.sample(range(1, jobs), min(jobs - 1, random.choice((0, 0, 0, 1, 2))))) if jobs > 1 else []
    bounds = [0, *cuts, jobs]
    return [Phase(start, stop, start > 0 and random.random() < 0.3) for start, stop in pairwise(bounds)]


def _needs(random: Random, jobs: int) -> list[Need | None]:
    if random.random() > 0.15:
        return []
    return [random.choice((None, Need(cores="0.5"), Need(cores="1"))) for _ in range(jobs)]


def _script(random: Random, retries: int, *, quick: bool) -> Script:
    seconds = random.choice((0.002, 0.01, 0.03, random.random(), random.random() * 3))
    if quick and random.random() < 0.9:
        seconds = 0.002
    fails = random.choice((0, 0, 0, 0, 0, 1, retries, 99))
    how = random.choice((1, 2, 127, 137, -signal.SIGSEGV, -signal.SIGKILL))
    prints = random.choice((0, 0, 20, 300, 70_000 if random.random() < 0.1 else 20))
    child = random.choice(("plain", "session", "orphan")) if random.random() < 0.15 else ""
    term = random.choice(("ignores", "exits")) if random.random() < 0.15 else "dies"
    return Script(seconds, fails, how, prints, child, random.choice((0.01, 1.0, 30.0)), term)


def _faults(random: Random, machines: int, starts: int, jobs: int) -> list[Fault]:
    faults = []
    for machine in range(machines):
        for start in range(starts):
            often = random.choice((0, 1, 1, 1, 2, 3))
            faults += [_fault(random, machine, start, jobs // machines + 1) for _ in range(often)]
    return faults


def _fault(random: Random, machine: int, start: int, jobs: int) -> Fault:
    kind = random.choice(KINDS)
    step = random.choice((random.randrange(400), random.randrange(400 + 70 * jobs)))
    seconds, number, word = 0.0, 0, ""
    match kind:
        case "kill":
            word = random.choice(("main", "main", "guardian", "worker", "worker", "command", "any", "ours"))
        case "signal":
            number = random.choice(STOPPING)
            word = random.choice(("main", "tree", "again", "group"))
            seconds = random.choice((0.1, 0.7, 2.0))
        case "room":
            number = random.choice((0, 10, 100, 1000, random.randrange(20_000)))
        case "eio":
            word = random.choice(CALLS)
            number = random.choice((0, 1, random.randrange(10), random.randrange(60)))
        case "rot":
            number = random.choice((1, 8, 200))
            seconds = random.random()
        case "short":
            seconds = random.choice((0.1, 0.5, 1.0))
            word = "" if step % 3 else "dies"
        case "clock":
            seconds = random.choice((-3600.0, -5.0, -0.5, 0.5, 5.0, 3600.0, 1e6))
        case "slow":
            seconds = random.choice((0.1, 0.6, 3.0))
        case "twice":
            seconds = random.choice((0.0, 0.01, 0.5))
        case "hold":
            seconds = random.choice((0.1, 1.5, 6.0))
            word = random.choice(("main", "guardian", "worker", "command"))
    return Fault(kind, machine, start, step, seconds, number, word)
