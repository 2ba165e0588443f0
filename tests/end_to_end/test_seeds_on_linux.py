"""Small plans from seeds as in the simulated world, on the real one: real commands, signals and kills, the same laws
(`simulated/laws.py`). So few of them that they search little: they hold the simulated world against Linux.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.program import Machine
from kit.tree import send, shuffled, tree_of
from kit.wait import processes_in, wait_until
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, State
from simulated.laws import Broken, Execution, Journal, check_code, check_numbers, check_verdict
from simulated.programs import Script
from simulated.system.disk import Inode

SECONDS = 20.0
LEAST = 2
SOAK_SEEDS = int(os.environ.get("SHAREOUT_SOAK_ROUNDS", "50"))
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
FAULTS = ("none", "main", "guardian", "worker", "command", "ours", "tree", "stop", "stop twice", "hold", "two at once")
RETRIES = 1
TRACE = "trace"
LOCKED = 'exec 9>lock-$SHAREOUT_JOB; flock -n 9 || echo "t $SHAREOUT_JOB 0 0" >>trace'
BEGUN = 'echo "b $SHAREOUT_JOB $SHAREOUT_ATTEMPT $$" >>trace'
CHILDREN = {"": "", "plain": "sleep 7 & ", "session": "setsid sleep 7 & ", "orphan": "(setsid sleep 7 &); "}


def line_of(script: Script) -> str:
    """The command that does it, and notes down what became of it."""
    ended = 'echo "e $SHAREOUT_JOB $SHAREOUT_ATTEMPT {0}" >>trace; '
    bad = f"kill {script.how} $$" if script.how < 0 else f"exit {script.how}"
    traps = {"ignores": "trap '' TERM; ", "exits": f"trap '{ended.format(0)}exit 0' TERM; ", "dies": ""}
    return (
        f"{LOCKED}; {BEGUN}; {traps[script.term]}{CHILDREN[script.child]}sleep {script.seconds:.3f} & wait $!; "
        f"[ $SHAREOUT_ATTEMPT -gt {script.fails} ] && {{ {ended.format(0)}exit 0; }}; "
        f"{ended.format(script.how)}{bad}"
    )


def drawn_script(draw: random.Random) -> Script:
    return Script(
        draw.choice((0.01, 0.05, 0.2)),
        fails=draw.choice((0, 0, 0, 1)),
        how=draw.choice((1, 7, -signal.SIGSEGV, -signal.SIGKILL)),
        child=draw.choice(("", "", "plain", "session", "orphan")),
        term=draw.choice(("dies", "dies", "dies", "ignores", "exits")),
    )


@dataclass
class Round:
    """One plan, and what was seen of it."""

    here: Machine
    scripts: Sequence[Script]
    journal: Journal = field(default_factory=Journal)
    inodes: dict[Path, Inode] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    read: int = 0
    judged: int = 0
    starts: int = 0

    def look(self) -> None:
        paths = RunFolder(self.here.run_folder).journals() if any(self.here.folder.glob("runs/*/*/*.jsonl")) else []
        for path in paths:
            self.inodes.setdefault(path, Inode(1)).data = bytearray(path.read_bytes())
        self.journal.look([self.inodes[path] for path in paths], float(self.starts), str(self.starts))

    def check(self, code: int, stops: Sequence[int], hit: str, victims: Sequence[int]) -> None:
        """After a start: whatever holds in the simulated world."""
        done = {job for job in range(len(self.scripts)) if self.journal.is_done(job)}
        self.look()
        ran = self.traced(hit, victims)
        if again := done & {one.job for one in ran}:
            raise Broken(f"jobs {sorted(again)} ran again, and were done")
        self.executions += ran
        check_numbers(self.journal.attempts)
        new: Sequence[Attempt] = self.journal.attempts[self.judged :]
        for one in new:
            check_verdict(one, self.executions, RETRIES, None)
        self.judged = len(self.journal.attempts)
        states = [self.journal.states.get(job) for job in range(len(self.scripts))]
        check_code(code, states.count(None), states.count(State.FAILED), stops)
        self.starts += 1

    def traced(self, hit: str, victims: Sequence[int]) -> list[Execution]:
        """What ran since the last look; a job that has noted no end was ended by somebody."""
        path = self.here.folder / TRACE
        lines = path.read_text().splitlines() if path.exists() else []
        ran: dict[tuple[int, int], Execution] = {}
        for what, job, attempt, number in (line.split() for line in lines[self.read :]):
            key = int(job), int(attempt)
            if what == "t":
                raise Broken(f"job {job} runs twice at once")
            if what == "b":
                natural = 0 if key[1] > self.scripts[key[0]].fails else 1
                who = "fault" if int(number) in victims else hit
                ran[key] = Execution(*key, str(self.starts), natural, int(number), 0.0, None, -9, hit=who)
            elif (ended := ran.get(key)) is not None:
                # One that a killed run has left for a moment is nobody's any more.
                ended.status, ended.hit = int(number), ""
        self.read = len(lines)
        return list(ran.values())


Seen = tuple[list[int], str, list[int]]
"""Which signals a run was sent to stop it, how that ends jobs, and whom of them we have hit ourselves."""


def disturb(here: Machine, process: subprocess.Popen[bytes], fault: str, draw: random.Random) -> Seen:
    tree = tree_of(here, process)
    stop, gap = draw.choice(STOPS), draw.choice((0.0, 0.001, 0.05))
    match fault:
        case "main":
            send([tree.parent], signal.SIGKILL)
        case "guardian" | "worker" | "command":
            # Of a command that has not noted its beginning nobody would know that it ran.
            noted = {int(line.split()[3]) for line in (here.folder / TRACE).read_text().splitlines()}
            jobs = [pid for pid in tree.jobs if pid in noted]
            found = {"guardian": tree.guardian, "worker": tree.workers, "command": jobs}[fault]
            victims = draw.sample(found, min(1, len(found)))
            send(victims, signal.SIGKILL)
            return [], "us", victims
        case "ours":
            send(shuffled(tree.ours, draw), signal.SIGKILL, gap)
        case "tree":
            send(shuffled(tree.all, draw), stop, min(gap, 0.9 / len(tree.all)))
            return [stop], "stop", []
        case "stop":
            send([tree.parent], stop)
            return [stop], "us", []
        case "stop twice":
            send([tree.parent, tree.parent], signal.SIGTERM, 0.6)
            return [signal.SIGTERM], "us", []
        case "hold":
            held = draw.sample(tree.all, 1)
            send(held, signal.SIGSTOP, 0.3)
            send(held, signal.SIGCONT)
        case "two at once":
            here.run("--quiet", "-j", "2", "--retries", str(RETRIES), code=None)
    return [], "us", []


def search_seed(here: Machine, seed: int) -> None:
    """An undisturbed run, then the same plan with faults, then starts until all is over."""
    draw = random.Random(seed)
    scripts = [drawn_script(draw) for _ in range(draw.randint(3, 8))]
    here.jobs(*map(line_of, scripts))
    flags = ("--quiet", "-j", "2", "--retries", str(RETRIES), "--grace", draw.choice(("0.1s", "1s")))
    here.run(*flags)
    wanted = here.call("merge-results", "--json").json["certificate"]
    (here.folder / "runs").rename(here.folder / f"undisturbed-{seed}")
    (here.folder / TRACE).unlink()
    one = Round(here, scripts)
    told = f"seed {seed}"
    try:
        for _ in range(draw.choice((1, 1, 2))):
            fault, moment = draw.choice(FAULTS), draw.randint(1, len(scripts))
            told += f", {fault} at {moment}"
            process = here.start(*flags, start_new_session=True)
            wait_until(lambda process=process, moment=moment: has_come_to(one, process, moment))
            seen = disturb(here, process, fault, draw) if process.poll() is None else ([], "us", [])
            process.communicate(timeout=30)
            if fault != "ours":
                # Where none of ours has had a moment to look, the next start ends what has cut every tie.
                wait_until(lambda: not processes_in(here.folder), 5)
            one.check(process.returncode, *seen)
        code = here.run(*flags, "--retry-failed", code=None).code
        assert not processes_in(here.folder)
        one.check(code, [], "us", [])
        assert code == 0, f"ended with {code}"
        assert here.call("merge-results", "--json").json["certificate"] == wanted, "another certificate"
    except (Broken, AssertionError) as error:
        raise AssertionError(f"{told}: {error}") from error


def has_come_to(one: Round, process: subprocess.Popen[bytes], begun: int) -> bool:
    """So many jobs of this start have begun, or it is over."""
    path = one.here.folder / TRACE
    lines = path.read_text().splitlines()[one.read :] if path.exists() else []
    return sum(line.startswith("b ") for line in lines) >= begun or process.poll() is not None


def afresh(folder: Path) -> None:
    for name in ("runs", TRACE):
        if (folder / name).exists():
            (folder / name).rename(folder / f"{name}-{time.monotonic_ns()}")


@pytest.mark.slow
@pytest.mark.module_only("other tests kill and stop the executable; here the simulated world is held against Linux")
def test_no_seed_breaks_a_promise_on_linux(here: Machine) -> None:
    base, end = int(os.environ.get("SHAREOUT_TEST_SEED") or random.randrange(1 << 32)), time.monotonic() + SECONDS
    number = 0
    while number < LEAST or time.monotonic() < end:
        search_seed(here, base + number)
        afresh(here.folder)
        number += 1
    print(f"{number} seeds from {base} on")


@pytest.mark.soak
@pytest.mark.module_only("the same as above")
def test_many_seeds_break_no_promise_on_linux(here: Machine) -> None:
    base = random.randrange(1 << 32)
    for number in range(SOAK_SEEDS):
        search_seed(here, base + number)
        afresh(here.folder)
