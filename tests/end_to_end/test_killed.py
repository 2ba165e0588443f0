"""kill -9 of the parent, at any moment: nothing that the journal had is lost, nothing runs twice, nothing survives."""

from __future__ import annotations

import os
import random
import select
import signal
from collections import Counter
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import processes_in, processes_with, wait_until

# How often each program is killed: an executable starts more slowly, and dies by the same rules.
ROUNDS = {"module": 60, "executable": 20}


def kill_and_resume(here: Machine, jobs: int) -> None:
    """Kill after kill, each at a random moment: while it starts, or as soon as the journal has grown by some bytes;
    then one run to the end."""
    moment = random.Random(7)
    known: set[bytes] = set()
    for number in range(ROUNDS[here.way.name]):
        process = here.start("--quiet", start_new_session=True)
        if number % 4:
            wanted = grown(here) + moment.randrange(0, 400)
            wait_until(lambda process=process, wanted=wanted: grown(here) > wanted or process.poll() is not None)
        else:
            select.select([], [], [], moment.random() / 4)
        assert process.poll() is None, "there must be jobs left for every round"
        process.kill()
        # One that lives on holds its streams.
        process.communicate(timeout=20)
        wait_until(lambda: not processes_in(here.folder), 5)
        before, known = known, recorded(here)
        assert before <= known, "nothing that the journal had is lost"
    here.run("--quiet", timeout=120)
    counted = Counter(facts["job"] for facts in here.records() if facts["state"] == "done")
    assert counted == Counter(range(jobs)), "each job has exactly one counted outcome"
    assert len(here.log()) > 0


def grown(here: Machine) -> int:
    return sum(path.stat().st_size for path in here.folder.glob("runs/*/*/journal.*.jsonl"))


def recorded(here: Machine) -> set[bytes]:
    return {
        line
        for path in here.folder.glob("runs/*/*/journal.*.jsonl")
        for line in path.read_bytes().split(b"\n")[:-1]
        if b'"job"' in line
    }


@pytest.mark.slow
def test_commands_survive_kill_after_kill(here: Machine) -> None:
    here.jobs(*(f"sleep 0.00{number % 7} & sleep 0.00{number % 5}; echo {number}" for number in range(800)))
    kill_and_resume(here, 800)


@pytest.mark.slow
def test_python_jobs_survive_kill_after_kill(here: Machine) -> None:
    here.script(
        "import time\nfrom shareout import run\n"
        "def job(n):\n    time.sleep(0.001 * (n % 5))\n    return n * n\n"
        "if __name__ == '__main__':\n    run(job, pool=range(1700))\n"
    )
    kill_and_resume(here, 1700)
    here.call("merge-results", "--columns", "result", "-o", "all.csv")
    rows = (here.folder / "all.csv").read_text().splitlines()
    assert rows == ["job,result", *(f"{number},{number * number}" for number in range(1700))]


def test_nothing_of_a_killed_parent_lives_on(here: Machine, tmp_path: Path) -> None:
    """Not a command, not its background child, not a daemon in a session of its own."""
    word = f"7{os.getpid():07d}"
    here.jobs(f"sleep {word}", f"setsid sleep {word} & sleep {word}", f"(setsid sh -c 'sleep {word}' &); sleep {word}")
    process = here.start("-j", "3")
    wait_until(lambda: len(processes_with(word)) >= 5)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not processes_with(word), 1)


def test_python_workers_and_their_children_die_with_the_parent(here: Machine) -> None:
    word = f"6{os.getpid():07d}"
    here.script(
        "import subprocess\nfrom shareout import run\n"
        f"def job(n):\n    subprocess.run(['sleep', '{word}'])\n"
        "if __name__ == '__main__':\n    run(job, pool=range(2))\n"
    )
    process = here.start()
    wait_until(lambda: len(processes_with(word)) == 2)
    assert len(processes_in(here.folder)) >= 5, "the parent, its workers and their children"
    process.kill()
    process.communicate()
    wait_until(lambda: not processes_with(word), 1)
    wait_until(lambda: not processes_in(here.folder), 1)
