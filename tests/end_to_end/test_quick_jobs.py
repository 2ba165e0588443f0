"""Jobs of microseconds: each is recorded before the next one begins, though nobody is told of each."""

from __future__ import annotations

import os
import signal

from kit.program import Machine
from kit.wait import processes_in, wait_until

ONE = '{"alice": [1, 1]}'


def script(here: Machine, body: str, jobs: int, machines: str = ONE) -> Machine:
    here.script(
        f"import logging, os, signal, threading, time\nfrom shareout import run\n{body}"
        f"if __name__ == '__main__':\n    run(job, pool=range({jobs}))\n",
        machines,
    )
    return here.write("configs/runner.config", "[run]\norder = given\n") and here


def test_what_is_done_is_in_the_journal_while_a_long_job_follows_it_in_the_batch(here: Machine) -> None:
    script(
        here,
        "def job(n):\n    if n == 4000:\n        while not os.path.exists('go'): time.sleep(0.01)\n",
        4100,
    )
    process = here.start()
    wait_until(lambda: any(here.folder.glob("runs/*/alice/journal.*.jsonl")) and len(here.records()) == 4000)
    here.write("go", "")
    assert process.wait() == 0
    assert len(here.records()) == 4100


def test_a_worker_that_is_killed_in_the_middle_of_many_loses_none_that_was_done(here: Machine) -> None:
    """Each leaves its mark in a file, and one of them kills its worker: what has left a mark once has no second one."""
    script(
        here,
        "done = open('done', 'a', buffering=1)\n"
        "def job(n):\n"
        "    if n % 1500 == 1499 and not os.path.exists(f'killed-{n}'):\n"
        "        open(f'killed-{n}', 'w').close()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    done.write(f'{n}\\n')\n",
        6000,
        '{"alice": [1, 2]}',
    )
    here.run("--retries", "1")
    marks = (here.folder / "done").read_text().split()
    assert sorted(map(int, marks)) == list(range(6000))
    assert sum(record["state"] == "retry" for record in here.records()) == 4


def test_children_and_threads_of_a_job_log_while_others_are_recorded(here: Machine) -> None:
    script(
        here,
        "def say(n, who):\n"
        "    for k in range(20): logging.warning('%s of %d says %d %s', who, n, k, 'x' * 500)\n"
        "def job(n):\n"
        "    if n % 100: return n\n"
        "    threading.Thread(target=say, args=(n, 'thread')).start()\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        say(n, 'child')\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    return n\n",
        3000,
    )
    here.run()
    assert sorted(record["result"] for record in here.records()) == list(range(3000))
    log = here.log()
    for n in range(0, 3000, 100):
        assert all(f"child of {n} says {k} " in log for k in range(20))
        assert all(f"thread of {n} says {k} " in log for k in range(20))


def test_results_larger_than_all_that_is_shared_stand_between_small_ones(here: Machine) -> None:
    script(here, "def job(n): return 'x' * (3_000_000 if n % 40 == 0 else n)\n", 200)
    here.run()
    assert {record["job"]: len(record["result"]) for record in here.records()} == {
        n: 3_000_000 if n % 40 == 0 else n for n in range(200)
    }


def test_one_that_fails_among_quick_ones_stops_the_run_at_once(here: Machine) -> None:
    script(here, "def job(n):\n    if n == 500: raise ValueError(n)\n    time.sleep(0.0005)\n", 100_000)
    here.run("--halt", "now,fail=1", code=None)
    assert len(here.records()) < 20_000


def test_a_parent_that_is_killed_leaves_no_worker(here: Machine) -> None:
    script(here, "open('worker', 'w').close()\ndef job(n): open(f'pid-{os.getpid()}', 'w').close()\n", 3_000_000)
    process = here.start()
    wait_until(lambda: any(here.folder.glob("pid-*")))
    workers = [int(path.name[4:]) for path in here.folder.glob("pid-*")]
    os.kill(here.python(process), signal.SIGKILL)
    process.wait()
    # Whoever adopts what is dead may not wait for it.
    wait_until(lambda: not set(workers) & set(processes_in(here.folder)))
