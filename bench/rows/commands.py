"""Commands: ours are all recorded with their output captured; what a peer records is said in the row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import peers
from measure import Aspect, Call, Row, each
from place import PYTHON, Place, run_commands, told_count

SHORT, FOR_A_SHELL, SENT_AWAY = "/bin/true", "true; true", "/bin/true > /dev/null 2>&1"
XARGS = "xargs -P2 -d'\\n' -n1 sh -c"
FUTURES = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def run(line): return subprocess.run(line, shell=True, capture_output=True).returncode
with ThreadPoolExecutor(2) as pool: list(pool.map(run, open(sys.argv[1])))
"""
JUGFILE = """
import subprocess
from jug import TaskGenerator
@TaskGenerator
def run(line): return subprocess.run(line, shell=True, capture_output=True).returncode
for line in open({pool!r}): run(line)
"""


HYPERQUEUE = """
import sys
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
if __name__ == "__main__":
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        job = Job()
        for line in open(sys.argv[1]): job.program(line.split(), stdout=None, stderr=None)
        client = cluster.client()
        client.wait_for_jobs([client.submit(job)])
"""


def short(place: Place) -> Iterator[Row]:
    count = place.sizes.commands
    here = place.commands(SHORT, count)
    parent = Aspect("parent's own CPU for a command", "µs", lambda run: run.own_cpu_s / count * 1e6, 150)
    aspects = [each("a short command, recorded, on two slots", count), parent]
    yield Row(f"{told_count(count)} short commands", XARGS, run_commands(here), xargs(here), 2, aspects=aspects)


def without_a_shell(place: Place) -> Iterator[Row]:
    """Nobody starts a shell, and xargs nothing but the program: it forks, ours spawns and records."""
    count = place.sizes.commands
    here = place.commands(SHORT, count)
    numbers = place.script(f"numbers-{count}", "".join(f"{number}\n" for number in range(count)))
    call = Call(["xargs", "-P2", "-n1", "true"], stdin=numbers)
    yield Row(f"{told_count(count)} short commands", "xargs -P2 -n1 true", run_commands(here), call, 1)


def sent_away(place: Place) -> Iterator[Row]:
    count = place.sizes.commands
    here = place.commands(SENT_AWAY, count)
    what = f"{told_count(count)} commands with redirections"
    yield Row(what, XARGS, run_commands(here), xargs(here), 1.5)


def for_a_shell(place: Place) -> Iterator[Row]:
    count = place.sizes.commands
    here = place.commands(FOR_A_SHELL, count)
    aspects = [each("a command for a shell, recorded, on two slots", count)]
    yield Row(f"{told_count(count)} commands for a shell", XARGS, run_commands(here), xargs(here), 1.0, aspects=aspects)


def against_parallel(place: Place) -> Iterator[Row]:
    count = place.sizes.some_commands
    here = place.commands(SHORT, count)
    call = Call([peers.program("parallel"), "-j2", "--joblog", here / "joblog", "-a", pool_of(here)])
    yield Row(f"{told_count(count)} short commands", "GNU parallel --joblog", run_commands(here), call, 4)


def against_hyperqueue(place: Place) -> Iterator[Row]:
    """A server, a worker of two cores and their client, all on this machine; the output of tasks is thrown away."""
    count = place.sizes.some_commands
    here = place.commands(SHORT, count)
    call = Call([peers.python(), place.script("hyperqueue_local.py", HYPERQUEUE), pool_of(here)])
    yield Row(f"{told_count(count)} short commands", "HyperQueue, a local cluster", run_commands(here), call)


def against_futures(place: Place) -> Iterator[Row]:
    count = place.sizes.some_commands
    here = place.commands(SHORT, count)
    call = Call([PYTHON, place.script("futures.py", FUTURES), pool_of(here)])
    yield Row(f"{told_count(count)} short commands", "concurrent.futures and subprocess", run_commands(here), call)


def against_jug(place: Place) -> Iterator[Row]:
    count = place.sizes.few_commands
    here = place.commands(SHORT, count)
    text = JUGFILE.format(pool=str(pool_of(here)))
    yield Row(
        f"{told_count(count)} short commands",
        "jug, two processes",
        run_commands(here),
        jug(place, "jug-commands", text),
    )


def against_disbatch(place: Place) -> Iterator[Row]:
    count = place.sizes.disbatch_commands
    here = place.commands(SHORT, count)
    folder = here / "disbatch"
    folder.mkdir()
    call = Call([peers.program("disbatch"), "-s", "localhost:2", pool_of(here)], cwd=folder)
    yield Row(f"{told_count(count)} short commands", "disBatch", run_commands(here), call)


def xargs(here: Path) -> Call:
    return Call(["xargs", "-P2", "-d\\n", "-n1", "sh", "-c"], stdin=pool_of(here))


def jug(place: Place, name: str, jugfile: str) -> Call:
    """Two processes on the same folder, which begins empty."""
    folder = place.folder / name
    folder.mkdir()
    (folder / "jugfile.py").write_text(jugfile)
    program = peers.program("jug")
    both = f"{program} execute jugfile.py & {program} execute jugfile.py; wait $!"
    return Call(["sh", "-c", f"rm -rf jugfile.jugdata; {both}"], cwd=folder)


def pool_of(here: Path) -> Path:
    return here / "configs" / "jobs.txt"
