"""Signals to a whole run: to the parent, its helpers and the jobs, in any order. Whoever sends them (a time limit, a
reboot, `scancel`, `systemctl stop`, an impatient user with `kill -9`), the same call goes on with it: no job has
failed, none is charged an attempt, nothing lives on, and nothing runs twice at once.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kit.program import Machine
from kit.tree import Tree, send, shuffled, tree_of
from kit.wait import processes_in, processes_with, wait_until

JOBS = 6
SLOTS = 3
SOAK_ROUNDS = int(os.environ.get("SHAREOUT_SOAK_ROUNDS", "50"))
STOPS = [
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1,
    signal.SIGUSR2, signal.SIGQUIT, signal.SIGXCPU, signal.SIGALRM,
]  # fmt: skip

WAITING = "touch begun-$SHAREOUT_JOB; while [ ! -e go ]; do sleep 0.01; done"
# Its child is hit: then the command ends by itself, with a status of its own.
OF_A_CHILD = f"bash -c '{WAITING}; exit 0'; [ $? = 0 ] || exit 7"
# Beside Python: a program that it runs, and that takes the signal first; and a plain wait.
PYTHON = f"""
import os, subprocess, time
from shareout import run

def job(n):
    if n % 2:
        subprocess.run(['sh', '-c', 'touch begun-%d; {WAITING.partition("; ")[2]}' % n], check=True)
    open(f'begun-{{n}}', 'w').close()
    while not os.path.exists('go'):
        time.sleep(0.01)
    return n

if __name__ == '__main__':
    run(job, pool=range({JOBS}))
"""

Order = Callable[[Tree, random.Random], list[list[int]]]
"""Who gets it, in groups: within one there is no pause."""

ORDERS: dict[str, Order] = {
    "parent first": lambda tree, moment: [[*tree.loader, tree.parent], [*tree.guardian, *tree.workers], tree.jobs],
    "jobs first": lambda tree, moment: [tree.jobs, [*tree.guardian, *tree.workers], [tree.parent, *tree.loader]],
    "helpers first": lambda tree, moment: [[*tree.guardian, *tree.workers], tree.jobs, [tree.parent, *tree.loader]],
    "in any order": lambda tree, moment: [[pid] for pid in shuffled(tree.all, moment)],
    "all at once": lambda tree, moment: [shuffled(tree.all, moment)],
    "twice": lambda tree, moment: [shuffled(tree.all, moment)] * 2,
}


def seeded() -> random.Random:
    """Shown when the test fails, and settable."""
    seed = int(os.environ.get("SHAREOUT_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SHAREOUT_TEST_SEED={seed}")
    return random.Random(seed)


def prepared(here: Machine, kind: str) -> Machine:
    if kind == "python":
        return here.script(PYTHON)
    return here.jobs(*[WAITING if kind == "command" else OF_A_CHILD] * JOBS)


def afresh(here: Machine, number: int) -> None:
    """Another run of the same inputs, as if there had been none."""
    if (here.folder / "runs").exists():
        (here.folder / "runs").rename(here.folder / f"runs-{number}")
    for path in [here.folder / "go", *here.folder.glob("begun-*")]:
        path.unlink(missing_ok=True)


def started(here: Machine) -> subprocess.Popen[bytes]:
    process = here.start("-j", str(SLOTS), "--grace", "1s", start_new_session=True)
    wait_until(lambda: len(list(here.folder.glob("begun-*"))) >= SLOTS)
    return process


def stop_and_resume(here: Machine, order: str, moment: random.Random, gaps: Sequence[float] = ()) -> None:
    """One round: a signal to everything, at most a second from first to last; then the same call again."""
    process = started(here)
    groups = ORDERS[order](tree_of(here, process), moment)
    number = moment.choice(STOPS)
    gaps = gaps or ([0.01, 0.6] if order == "twice" else [0.0, 0.001, 0.05, 0.9 / len(groups)])
    gap = moment.choice(gaps)
    for pids in groups:
        send(pids, number)
        if gap:
            wait_a_moment(gap)
    (here.folder / "go").touch()
    _, told = process.communicate(timeout=30)
    seen = f"{number.name}, {order}, {gap:.3f} s apart: exit {process.returncode}\n{told.decode()}"
    assert process.returncode in (0, 3, 130, 143), seen
    here.run("-j", str(SLOTS), timeout=60)
    states = [(facts["state"], facts["job"]) for facts in here.records()]
    done = {facts["job"]: facts["try"] for facts in here.records() if facts["state"] == "done"}
    assert {state for state, _ in states} <= {"done", "stopped"}, f"{seen}\n{states}"
    assert done == dict.fromkeys(range(JOBS), 1), f"{seen}\n{states}"
    assert not processes_in(here.folder), seen


def wait_a_moment(seconds: float) -> None:
    """Signals come apart in time: that is what is tested, and nothing tells when it is over."""
    import select

    select.select([], [], [], seconds)


@pytest.mark.parametrize("kind", ["command", "python"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_signal_to_everything_fails_no_job_and_costs_no_attempt(here: Machine, order: str, kind: str) -> None:
    stop_and_resume(prepared(here, kind), order, seeded())


@pytest.mark.module_only("the same code judges in both")
@pytest.mark.parametrize("order", ORDERS)
def test_a_command_whose_child_was_hit_first_has_not_failed(here: Machine, order: str) -> None:
    stop_and_resume(prepared(here, "of a child"), order, seeded(), [0.001, 0.01, 0.03])


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["command", "python"])
@pytest.mark.parametrize("order", ORDERS)
def test_round_after_round_of_signals_to_everything(here: Machine, order: str, kind: str) -> None:
    moment = seeded()
    prepared(here, kind)
    for number in range(SOAK_ROUNDS):
        afresh(here, number)
        stop_and_resume(here, order, moment)


# What is killed with -9, one after the other.
KILLS: dict[str, Order] = {
    "guardian": lambda tree, moment: [tree.guardian],
    "guardian, then parent": lambda tree, moment: [tree.guardian, [tree.parent]],
    "parent, then guardian": lambda tree, moment: [[tree.parent], tree.guardian],
    "guardian, workers, parent": lambda tree, moment: [tree.guardian, tree.workers, [tree.parent]],
    "workers, guardian, parent": lambda tree, moment: [tree.workers, tree.guardian, [tree.parent]],
    "parent, workers, guardian": lambda tree, moment: [[tree.parent], tree.workers, tree.guardian],
    "loader or parent": lambda tree, moment: [tree.loader or [tree.parent]],
    "everything at once": lambda tree, moment: [shuffled(tree.ours, moment)],
}


def kill_and_resume(here: Machine, order: str, moment: random.Random) -> None:
    """One round. Each job holds a lock of its own, with its children: who finds it held runs twice at once."""
    word, far = f"5{os.getpid():07d}", f"4{os.getpid():07d}"
    child, daemon = f"sleep {word}", f"env -i {path_of('setsid')} {path_of('sleep')} {far}"
    locked = "exec 9>lock-$SHAREOUT_JOB; flock -n 9 || touch twice-$SHAREOUT_JOB"
    here.jobs(*[f"{locked}; [ -e go ] || {{ {child} & ({daemon} &); {WAITING}; }}"] * JOBS, "[ -e go ] && false")
    process = started(here)
    wait_until(lambda: len(processes_with(f"sleep\0{word}")) == len(processes_with(f"sleep\0{far}")) == SLOTS)
    tree = tree_of(here, process)
    groups, gap = KILLS[order](tree, moment), moment.choice([0.0, 0.0001, 0.001, 0.05])
    for pids in groups:
        send(pids, signal.SIGKILL)
        if gap:
            wait_a_moment(gap)
    if order == "guardian":
        wait_until(lambda: (now := tree_of(here, process)).guardian and now.guardian != tree.guardian, 2)
        (here.folder / "go").touch()
        process.communicate(timeout=30)
        assert process.returncode == 1, "it has gone on, and tells that a job has failed"
        states = sorted((facts["job"], facts["state"]) for facts in here.records())
        assert states == [*((job, "done") for job in range(JOBS)), (JOBS, "failed")]
    else:
        process.communicate(timeout=30)
        wait_until(lambda: not processes_with(f"sleep\0{word}"), 2)
        # Where none of ours has had a moment to look, what has cut every tie is found at the next start. A loader is no
        # help: it knows of its one child only.
        killed = {pid for pids in groups for pid in pids}
        if (gap == 0.05 and len(groups) > 1) or not killed.issuperset({*tree.ours} - {*tree.loader}):
            wait_until(lambda: not processes_with(f"sleep\0{far}"), 2)
        (here.folder / "go").touch()
        here.run("-j", str(SLOTS), code=1)
    assert not processes_with(f"sleep\0{word}")
    assert not processes_with(f"sleep\0{far}")
    assert not processes_in(here.folder)
    assert not list(here.folder.glob("twice-*")), "no job ran twice at once"


def path_of(name: str) -> str:
    """Where a program is, for whoever has no PATH."""
    return next(str(path) for path in (Path("/usr/bin", name), Path("/bin", name)) if path.exists())


@pytest.mark.parametrize("order", KILLS)
def test_kill_9_in_any_order_leaves_nothing_alive_and_runs_nothing_twice(here: Machine, order: str) -> None:
    kill_and_resume(here, order, seeded())


@pytest.mark.soak
@pytest.mark.parametrize("order", KILLS)
def test_round_after_round_of_kills(here: Machine, order: str) -> None:
    moment = seeded()
    for number in range(SOAK_ROUNDS):
        afresh(here, number)
        kill_and_resume(here, order, moment)
