"""A seed → a few machines that share a ledger, what their jobs do, and what goes wrong; then all of it, watched."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from blake3 import blake3

import shareout.joining.far_side
import shareout.joining.ways.folder as folder_module
from shareout.entry import Entry as EntryScript
from shareout.errors import ShareoutError, of_system
from shareout.joining.member import Member
from shareout.joining.pieces.held import Held, Limits
from shareout.joining.pieces.places import Places
from shareout.joining.request import JoinRequest
from shareout.joining.terms import roots_of
from shareout.ledger.entry import NOBODY, Entry, name_of, root_begins
from shareout.machines import Machine
from shareout.plan.digest import HashedInput
from shareout.plan.plan import Plan
from shareout.pool import Phase
from shareout.record.outcome import Attempt, State
from shareout.run.request import RunRequest
from shareout.run.session import run_share
from shareout.stores.charter import Charter
from simulated.laws import Broken
from simulated.plans import SeedPool, _applied
from simulated.programs import Command, Script
from simulated.stand_in import CALLS
from simulated.system.disk import Disk
from simulated.system.handles import NothingOpened
from simulated.system.kernel import Kernel, Killed, Process, Stuck
from simulated.system.paths import SimPath
from simulated.together.laws import LOOKS_S, Standing, Watch, entry_at, records_of, unclaimed
from simulated.together.store import Shelves, SimStore

KINDS = (
    "kill", "kill", "reset", "die", "hold", "hold", "hold", "away", "away", "away", "liaison", "stop", "guardian",
)  # fmt: skip
LONGEST_S = 900.0
MOST_STEPS = 3_000_000
JUST_S = 0.003
"""From a worker's look to the start of the command."""
MOST_STARTS = 12


class Fault(NamedTuple):
    """One thing that goes wrong."""

    kind: str
    machine: int
    when: float
    seconds: float
    after: int = 0
    """Where that is not 0, when so many commands have begun, of the machine that begins the last of them."""

    def __str__(self) -> str:
        when = f"after {self.after} commands" if self.after else f"of m{self.machine} at {self.when:.2f} s"
        return f"{self.kind} {when} for {self.seconds:.2f} s"


class Run(NamedTuple):
    """A command that has begun."""

    job: int
    machine: int
    tree: str
    when: float


class Nobody:
    """A listener that keeps what was said."""

    wants_every_attempt = False

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def began(self, counts: Any) -> None:
        return

    def finished(self, attempts: Any, counts: Any) -> None:
        return

    def tick(self, counts: Any, running: Any) -> None:
        return

    def said(self, line: str) -> None:
        self._told.append(line)

    def ended(self, counts: Any, reason: str) -> None:
        return


class Farm:
    """All of it, from one seed."""

    def __init__(self, seed: int, seen: Counter[str], kept: Collection[int] | None = None) -> None:
        random = self.random = Random(seed)
        self.seen = seen
        jobs, machines = random.choice((3, 8, 20, 40, 120)), random.choice((2, 2, 3))
        retries = random.choice((0, 0, 1))
        flags = {"run.nice": "0", **({"limits.retries": "1"} if retries else {})}
        self.settings = _applied(tuple(sorted(flags.items())))
        longest = random.choice((0.05, 0.5, 3.0))
        self.scripts = [
            Script(random.random() * longest, random.choice((0,) * 12 + (1, 99)), prints=random.choice((0, 20)))
            for _ in range(jobs)
        ]
        self.fails = {job for job, one in enumerate(self.scripts) if one.fails > retries}
        named = [Machine(f"m{at}", Fraction(random.choice((1, 1, 5))), random.randint(1, 2)) for at in range(machines)]
        inputs = [HashedInput("pool", "", jobs, blake3(b"%d" % seed).digest())]
        pool = SeedPool(jobs, [Phase(0, jobs, False)], [], frozenset())
        self.plan = Plan(pool, named, inputs, self.settings.run.audit, self.settings.run.order)  # type: ignore[arg-type]
        if jobs > 100:
            self._slow_down()
        self.shelves = Shelves(Random(f"{seed} store"))
        self.shelves.refuses = random.choice((0.0, 0.0, 0.05, 0.2))
        self.shelves.longest_s = random.choice((0.002, 0.02, 0.2))
        self.shelves.slack_s = random.choice((0.0, 0.0, float("inf")))
        length = random.choice((2.0, 10.0, 30.0))
        faults = [
            Fault(
                random.choice(KINDS),
                random.randrange(machines),
                random.random() * length,
                random.random() * 25,
                random.choice((0, random.randint(1, jobs))),
            )
            for _ in range(random.choice((0, 1, 2, 3, 5)))
        ]
        if jobs > 100 and random.random() < 0.7:
            # In the middle of a batch, until others have it.
            faults.append(Fault("hold", 0, 0.0, 10 + 15 * random.random(), random.randint(5, jobs * 3 // 4)))
        self.faults = [one for at, one in enumerate(faults) if kept is None or at in kept]
        self.broken: Broken | None = None
        self.told: list[str] = []
        self.runs: list[Run] = []
        self.runs_now: dict[Process, Run] = {}
        self.mains: list[Process | None] = [None] * machines
        self.starts = [0] * machines
        self.turned_away = [0] * machines
        """Starts that found no store: however many there are, the run is no nearer to its end."""
        self.over: dict[int, int] = {}
        """Machines that have come to the end, and with which code; -1: dead for good."""
        self.held: dict[int, list[Process]] = {}
        self.went_on: dict[int, float] = {}
        self.stopped: dict[int, float] = {}
        self.died: dict[int, float] = {}
        """When machines died for good."""
        self.befell: dict[int, float] = {}
        """When something befell them last: a start, or a fault."""
        self.well: set[int] = set()
        """Positions whose jobs have ended well."""
        self.held_there: dict[str, Held] = {}
        """What workers have, of the newest start of each machine."""
        self.watch = Watch(self, self.shelves.dead_s)

    def _slow_down(self) -> None:
        """First many short ones, then a few long ones: how fast a host was says nothing of how fast it is."""
        for machine in self.plan.machines:
            mine = [at for start, stop in self.plan.share(machine.name).ranges for at in range(start, stop)]
            for number, at in enumerate(mine):
                job = self.plan.job_at(at)
                seconds = 0.02 if number < len(mine) * 0.9 else 6 + 6 * self.random.random()
                self.scripts[job] = replace(self.scripts[job], seconds=seconds)

    # -- the whole

    def run(self) -> str:
        """What is wrong; empty when all laws hold."""
        kernel = self.kernel = Kernel(Random(self.random.random()), turn=self.random.choice((4, 16, 40)))
        disk = Disk(self.random)
        CALLS.kernel, CALLS.disk, CALLS.boot = kernel, disk, "boot-1"
        CALLS.programs, CALLS.on_write, CALLS.on_crash = self._command, lambda opened: None, self._bug
        CALLS.short, CALLS.on_short = 0.0, lambda opened: None
        kernel.on_death = self._died
        self.shell = kernel.new(kernel.init, "shell")
        began = kernel.now
        for number in range(len(self.mains)):
            root = f"/h{number}"
            disk.folders[root] = set()
            disk.folders["/"].add(root)
            disk.safe_folders.add(root)
            kernel.at(began + self.random.random() * self.random.choice((0.1, 4.0)), self._start, number)
        for fault in self.faults:
            if not fault.after:
                kernel.at(began + fault.when, self._befall, fault)
        kernel.at(began + LOOKS_S, self._look)
        try:
            kernel.run(latest=began + LONGEST_S, most_steps=MOST_STEPS)
            if self.broken is None:
                # What was left of the dead has had time to end.
                kernel.at(kernel.now + 5, kernel.end)
                kernel.run(latest=kernel.now + 20, most_steps=MOST_STEPS)
                self._judge()
        except Stuck as error:
            return f"no end: {error}; {self.told[-4:]}"
        except Broken as error:
            return str(error)
        return str(self.broken) if self.broken else ""

    def _start(self, number: int) -> None:
        if self.mains[number] is not None or number in self.over:
            return
        self.starts[number] += 1
        self._disturb(number)
        if self.starts[number] > MOST_STARTS + self.turned_away[number]:
            self._breaks(f"m{number} has not come to its end in {MOST_STARTS} starts: {self.told[-4:]}")
            return
        main = self.mains[number] = self.kernel.new(self.shell, "main")
        main.tree = f"{number}.{self.starts[number]}"
        main.group = main.pid
        main.environ = {b"PATH": b"/bin"}
        main.handles = {handle: NothingOpened() for handle in range(3)}
        main.handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}
        self.kernel.begin(main, lambda: self._main(number))

    def _main(self, number: int) -> int:
        name = self.plan.machines[number].name
        join = JoinRequest(Path("/shared") / name, self.shelves.dead_s)
        request = RunRequest(self.plan, self.settings, name, SimPath(f"/h{number}"), EntryScript(), join=join)  # type: ignore[arg-type]
        try:
            return run_share(request, [Nobody(self.told)]).exit_code  # type: ignore[list-item]
        except Killed:
            raise
        except KeyboardInterrupt:
            return 143
        except ShareoutError as error:
            self.told.append(f"m{number}: {error.what}")
            return error.exit_code
        except OSError as error:
            known = of_system(error)
            return known.exit_code if known else self._bug(error)
        except BaseException as error:  # noqa: BLE001
            return self._bug(error)

    def _died(self, process: Process) -> None:
        run = self.runs_now.pop(process, None)
        if run and process.status == 0:
            self.well.add(self.plan.position_of(run.job))
        if run is None and process in self.mains:
            number = self.mains.index(process)
            self.mains[number] = None
            self._disturb(number)
            status = process.status or 0
            code = status >> 8 if status >= 256 or status == 0 else -status
            self.seen[f"exit {code}"] += 1
            if code in (0, 1):
                self.over[number] = code
            elif number not in self.over:
                away_until = self.shelves.away_until.get(self.plan.machines[number].name, 0.0)
                self.turned_away[number] += code == 2 and self.kernel.now < away_until
                self.kernel.at(self.kernel.now + self.random.choice((0.01, 1.0, 20.0)), self._start, number)
            if len(self.over) == len(self.mains) and all(one is None for one in self.mains):
                self.kernel.end()

    # -- what goes wrong

    def _disturb(self, number: int, seconds: float = 0.0) -> None:
        self.befell[number] = max(self.befell.get(number, 0.0), self.kernel.now + seconds)

    def _befall(self, fault: Fault) -> None:
        number = fault.machine
        tree = [one for one in self.kernel.living() if one.tree.startswith(f"{number}.")]
        self.seen[f"fault {fault.kind}"] += 1
        # Until it is over, at the earliest.
        self._disturb(number, fault.seconds if fault.kind in ("away", "hold") else 0.0)
        match fault.kind:
            case "away":
                self.shelves.away_until[self.plan.machines[number].name] = self.kernel.now + fault.seconds
            case "hold":
                self._send(tree, signal.SIGSTOP)
                self.kernel.at(self.kernel.now + fault.seconds, self._go_on, number, tree)
            case "stop":
                self.stopped[number] = self.kernel.now
                self._send([one for one in tree if one.role == "main"], signal.SIGTERM)
            case "reset" | "die":
                alive = [at for at in range(len(self.mains)) if self.over.get(at) != -1]
                if fault.kind == "die" and len(alive) > 1 and number not in self.over:
                    self.over[number] = -1
                    self.died[number] = self.kernel.now
                self._send(tree, signal.SIGKILL)
                if len(self.over) == len(self.mains) and all(one is None for one in self.mains):
                    self.kernel.end()
            case role:
                word = "main" if role == "kill" else role
                self._send([one for one in tree if one.role == word], signal.SIGKILL)

    def _go_on(self, number: int, tree: Sequence[Process]) -> None:
        self.went_on[number] = self.kernel.now
        self._disturb(number)
        self._send(tree, signal.SIGCONT)

    def _send(self, processes: Sequence[Process], signal_number: int) -> None:
        for one in processes:
            self.kernel.send(self.shell, one, signal_number)

    # -- what the laws look at

    def _look(self) -> None:
        if what := self.watch.look(self.kernel.now, is_quick=self.shelves.is_quick):
            self._breaks(what)
        self.kernel.at(self.kernel.now + LOOKS_S, self._look)

    def machines(self) -> list[tuple[str, int]]:
        return [(one.name, one.cores) for one in self.plan.machines]

    def rests_since(self, number: int) -> float | None:
        since = max(self.befell.get(number, 0.0), self.shelves.began.get(f"m{number}", float("inf")))
        return since if self.mains[number] is not None and since <= self.kernel.now else None

    def running(self, number: int) -> int:
        return sum(one.machine == number for one in self.runs_now.values())

    def begun(self, number: int) -> set[int]:
        begun = {self.plan.position_of(one.job) for one in self.runs if one.machine == number}
        held = self.held_there.get(f"m{number}")
        handed = held._handed.values() if held else ()
        return self.well | begun | {at for ranges in handed for start, stop in ranges for at in range(start, stop)}

    def newest(self) -> list[Standing]:
        found = [Standing(lane, *entries[-1]) for lane, entries in self._lanes()]
        return [one for one in found if not one.entry.is_final]

    def dead_since(self, name: str) -> float | None:
        return self.died.get(int(name[1:]))

    # -- the laws

    def _command(self, process: Process, program: str, words: Sequence[Any]) -> Command | None:
        job = int(process.environ.get(b"SHAREOUT_JOB", b"-1"))
        if job < 0:
            self.kernel.at(self.kernel.now + 0.01, self.kernel.die, process, 0)
            return None
        number = int(process.tree.split(".")[0])
        run = Run(job, number, process.tree, self.kernel.now)
        self._check_start(run)
        self.runs.append(run)
        self.runs_now[process] = run
        for fault in self.faults:
            if fault.after == len(self.runs):
                # Not within a call: as soon as anybody else has the processor.
                self.kernel.at(self.kernel.now, self._befall, fault._replace(machine=number))
        attempt = int(process.environ.get(b"SHAREOUT_ATTEMPT", b"0"))
        return Command(self.kernel, process, self.scripts[job], attempt, lambda one, other: None)

    def _check_start(self, run: Run) -> None:
        at, name = self.plan.position_of(run.job), f"m{run.machine}"
        said = f"m{run.machine} begins job {run.job} at {run.when:.3f}"
        if any(one.job == run.job and one.machine == run.machine for one in self.runs_now.values()):
            self._breaks(f"{said} while it runs there")
        owner, since = self._owner(at)
        # In the instant between look and start it may have become another's, and somebody may have been held there.
        instant = max(since, self.went_on.get(run.machine, 0.0))
        if owner != name and run.when - instant > JUST_S:
            self._breaks(f"{said}, which is {owner or 'nobody'}'s since {since:.3f}: {self._history(at)}")
        if self.shelves.done.get(run.job, run.when) < self._seized_at(at):
            self._breaks(f"{said}, which stood in the store as done when it was taken over: {self._history(at)}")
        before = [one for one in self.runs if one.job == run.job]
        if before and before[-1].tree == run.tree and self.scripts[run.job].fails:
            return
        if before and before[-1].tree == run.tree and not self._was_seized(at, before[-1].when):
            self._breaks(f"{said} once more: {before}, {self._history(at)}")
        # What was stopped with its run has been given back.
        is_given = before and self.stopped.get(before[-1].machine, 0.0) >= before[-1].when - JUST_S
        is_given = is_given or self._was_passed_on(at)
        if before and before[-1].machine != run.machine and not is_given and not self._was_seized(at, 0.0):
            self._breaks(f"{said}, after m{before[-1].machine}, and nobody took it over: {self._history(at)}")

    def _was_passed_on(self, at: int) -> bool:
        """A try that failed was: the next one is anybody's."""
        asides = (one for _, entries in self._lanes() for one, _ in entries if one.verb == "aside" and one.kid)
        return any(one.kid[0] <= at < one.kid[2] and one.kid_begins().owner == NOBODY for one in asides if one.kid)

    def _lanes(self) -> list[tuple[str, list[tuple[Entry, float]]]]:
        """Each with its entries, and since when they stand."""
        found = []
        waiting = [
            (root.lane, root_begins(root.low, root.hi), 0.0) for root in roots_of(self.plan) if root.low < root.hi
        ]
        while waiting:
            lane, entry, since = waiting.pop()
            entries = [(entry, since)]
            while stands := self.shelves.keys.get(f"lanes/{lane}/{len(entries)}"):
                entry = entry_at(lane, len(entries), stands.text)
                entries.append((entry, stands.since))
                if entry.kid:
                    waiting.append((entry.nonce, entry.kid_begins(), stands.since))
            found.append((lane, entries))
        return found

    def _owner(self, at: int) -> tuple[str, float]:
        """Whose a position is now, and since when it is not another's."""
        for _, entries in self._lanes():
            newest, since = entries[-1]
            if newest.low <= at < newest.hi:
                return (name_of(newest.owner) if at < newest.res else ""), since
        return "final", max((one.since for one in self.shelves.keys.values()), default=0.0)

    def _was_seized(self, at: int, since: float) -> bool:
        return self._seized_at(at, is_opened_too=True) >= since

    def _seized_at(self, at: int, *, is_opened_too: bool = False) -> float:
        """When a position was taken over last; opened by the next start of the same machine, too."""
        last = -1.0
        for _, entries in self._lanes():
            for before, (entry, when) in pairwise(entries):
                is_taken = entry.verb == "seize" or (is_opened_too and entry.verb == "open" and before[0].owner)
                if is_taken and before[0].low <= at < before[0].hi:
                    last = max(last, when)
        return last

    def _history(self, at: int) -> list[str]:
        told = []
        for lane, entries in self._lanes():
            for entry, when in entries:
                if entry.low <= at < entry.hi or (entry.kid and entry.kid[0] <= at < entry.kid[2]):
                    told.append(f"{lane} {when:.3f} {entry.verb} {entry.low},{entry.res},{entry.hi} {entry.owner}")
        return told

    def _judge(self) -> None:
        """At the end."""
        final = [entries[-1][0].is_final or entries[-1][0].verb == "seize" for _, entries in self._lanes()]
        if not all(final):
            raise Broken(f"a lane is not final at the end: {[entries[-1] for _, entries in self._lanes()]}")
        states: dict[int, State] = {}
        for (_, file), data in self.shelves.files.items():
            if not file.startswith("journal"):
                continue
            records = list(records_of(data))
            if what := unclaimed(records):
                raise Broken(f"{file}: {what}")
            for record in records:
                is_final = isinstance(record, Attempt) and record.state in (State.DONE, State.FAILED)
                if is_final and states.get(record.job) is not State.DONE:
                    states[record.job] = record.state
        for job in range(len(self.scripts)):
            wanted = State.FAILED if job in self.fails else State.DONE
            # What had failed on a host that was taken over from is tried once more, and may do better then.
            is_tried_again = wanted is State.FAILED and self._was_seized(self.plan.position_of(job), 0.0)
            if states.get(job) is not wanted and not (is_tried_again and states.get(job) is State.DONE):
                raise Broken(f"job {job} is {states.get(job)} in the journals of the store, and should be {wanted}")
        for number, code in self.over.items():
            if code != -1 and code != int(State.FAILED in states.values()):
                raise Broken(f"m{number} ended with {code}, and {len(self.fails)} jobs fail: {self.told[-4:]}")
        if living := [one for one in self.kernel.living() if one.tree]:
            raise Broken(f"these live on: {living}")

    def _breaks(self, what: str) -> None:
        if self.broken is None:
            self.broken = Broken(what)
            self.kernel.end()

    def _bug(self, error: BaseException) -> int:
        import traceback

        self._breaks(f"a bug of ours: {''.join(traceback.format_exception(error)[-6:])}")
        return 70


FARMS: list[Farm] = []


def put_in_place() -> None:
    """The store that runs open is the simulated one."""

    def opened(folder: Path, charter: Charter) -> SimStore:
        return SimStore(FARMS[-1].shelves, folder.name)

    folder_module.open_folder = opened  # type: ignore[assignment]
    folder_module.open_elders = lambda folder, charter: []
    begin = Held.__init__

    def begun(held: Held, member: Member, limits: Limits, places: Places) -> None:
        begin(held, member, limits, places)
        FARMS[-1].held_there[name_of(member.host.me)] = held

    Held.__init__ = begun  # type: ignore[method-assign]
    folder_module.FolderWay.is_mounted = lambda way: True  # type: ignore[method-assign]
    assert shareout.joining.far_side


def run_seed(seed: int, seen: Counter[str], kept: Collection[int] | None = None) -> str:
    """What is wrong; empty when all laws hold."""
    FARMS[:] = [Farm(seed, seen, kept)]
    return FARMS[-1].run()
