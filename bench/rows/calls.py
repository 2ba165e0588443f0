"""Python jobs: ours are all recorded in a journal; the peers hand results back and keep nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import peers
from measure import Aspect, Call, Row, each, peak_memory
from place import PYTHON, Place, journal_of, run_calls, told_count
from rows.commands import jug
from shareout.record.journal import parse
from shareout.record.outcome import Attempt

POOL = """
import multiprocessing
def job(n): return n
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        for _ in pool.imap_unordered(job, range({count}), chunksize={chunk}): pass
"""
EXECUTOR = """
from concurrent.futures import ProcessPoolExecutor
def job(n): return n
if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        for _ in pool.map(job, range({count})): pass
"""
JOBLIB = """
from joblib import Parallel, delayed
def job(n): return n
if __name__ == "__main__":
    Parallel(n_jobs=2)(delayed(job)(n) for n in range({count}))
"""
DASK = """
from dask.distributed import Client, LocalCluster
def job(n): return n
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(job, range({count})))
"""
JUGFILE = """
from jug import TaskGenerator
@TaskGenerator
def job(n): return n
for n in range({count}): job(n)
"""
SLEEP = """
import time
from shareout import run
def job(n): time.sleep(1)
if __name__ == "__main__": run(job)
"""
# A long job among many short ones: whoever makes batches of what was short so far lets others wait behind it.
UNEVEN = """
import time
from {where} import {what}
def job(n): time.sleep(1 if n % 100 == 50 else 0.001)
if __name__ == "__main__": {call}
"""


def against_pool(place: Place) -> Iterator[Row]:
    count = place.sizes.calls
    theirs = Call([PYTHON, place.script("pool.py", POOL.format(count=count, chunk=1))])
    ours = run_calls(place.calls(count))
    memory = peak_memory(f"{told_count(count)} no-op Python jobs")
    parent = Aspect("parent's own CPU for a Python job", "µs", lambda run: run.own_cpu_s / count * 1e6, None)
    one = each("a no-op Python job, recorded, on two slots", count)
    peer = "multiprocessing.Pool, chunksize=1"
    yield Row(
        f"{told_count(count)} no-op Python jobs", peer, ours, theirs, 5, place.sizes.rounds, [memory, one, parent]
    )


def against_pool_in_chunks(place: Place) -> Iterator[Row]:
    """What it costs to record each job before the next one begins: here nobody knows which of a thousand have ended."""
    count = place.sizes.calls
    theirs = Call([PYTHON, place.script("pool-in-chunks.py", POOL.format(count=count, chunk=1000))])
    what, peer = f"{told_count(count)} no-op Python jobs", "multiprocessing.Pool, chunksize=1000"
    yield Row(what, peer, run_calls(place.calls(count)), theirs, None, place.sizes.rounds)


def against_joblib(place: Place) -> Iterator[Row]:
    count = place.sizes.calls
    theirs = Call([peers.python(), place.script("with-joblib.py", JOBLIB.format(count=count))])
    ours = run_calls(place.calls(count))
    yield Row(f"{told_count(count)} no-op Python jobs", "joblib.Parallel(n_jobs=2)", ours, theirs, 1, 5)


def against_executor(place: Place) -> Iterator[Row]:
    count = place.sizes.some_calls
    theirs = Call([PYTHON, place.script("executor.py", EXECUTOR.format(count=count))])
    yield Row(f"{told_count(count)} no-op Python jobs", "ProcessPoolExecutor", run_calls(place.calls(count)), theirs)


def against_dask(place: Place) -> Iterator[Row]:
    count = place.sizes.some_calls // 5
    theirs = Call([peers.python(), place.script("with-dask.py", DASK.format(count=count))])
    yield Row(f"{told_count(count)} no-op Python jobs", "Dask, a local cluster", run_calls(place.calls(count)), theirs)


def against_jug(place: Place) -> Iterator[Row]:
    count = place.sizes.few_calls
    theirs = jug(place, "jug-calls", JUGFILE.format(count=count))
    yield Row(f"{told_count(count)} no-op Python jobs", "jug, two processes", run_calls(place.calls(count)), theirs)


def long(place: Place) -> Iterator[Row]:
    """What is lost between jobs, by the journal: a start is a row of its own."""
    here = place.calls(place.sizes.long_calls, SLEEP, "sleep")
    between = Aspect("lost between jobs of 1 s", "%", lambda run: lost(here), 1)
    yield Row("", "", run_calls(here), None, aspects=[between], rounds=place.sizes.rounds)


def lost(here: Path) -> float:
    """Of all slots, from the first start to the last end, how many hundredths of the time no job ran."""
    attempts = [one for line in journal_of(here).read_bytes().splitlines() if isinstance(one := parse(line), Attempt)]
    slots = {one.slot for one in attempts}
    span = max(one.end for one in attempts) - min(one.start for one in attempts)
    return 100 * (1 - sum(one.duration for one in attempts) / (span * len(slots)))


def uneven(place: Place) -> Iterator[Row]:
    """1000 jobs of 1 ms and ten of 1 s among them: nobody on two slots is below half of their sum."""
    count = 1000
    ours = run_calls(place.calls(count, UNEVEN.format(where="shareout", what="run", call="run(job)"), "uneven"))
    what = f"{told_count(count - 10)} jobs of 1 ms and 10 of 1 s on 2 slots"
    least = (10 + (count - 10) * 0.001) / 2
    yield Row(what, "half of their sum", ours, least, 0.9, place.sizes.rounds)
    call = f"Parallel(n_jobs=2)(delayed(job)(n) for n in range({count}))"
    text = UNEVEN.format(where="joblib", what="Parallel, delayed", call=call)
    theirs = Call([peers.python(), place.script("uneven.py", text)])
    yield Row(what, "joblib.Parallel(n_jobs=2)", ours, theirs, None, place.sizes.rounds)


def uneven_with_costs(place: Place) -> Iterator[Row]:
    """The same where it is known how long each takes: the long ones run first, and the slots end together."""
    here = place.calls(1000, UNEVEN.format(where="shareout", what="run", call="run(job)"), "uneven-with-costs")
    costs = "".join(f"{job},{1 if job % 100 == 50 else 0.001}\n" for job in range(1000))
    (here / "configs" / "costs.csv").write_text(f"job,cost\n{costs}")
    between = Aspect("lost of 990 jobs of 1 ms and 10 of 1 s, costs known", "%", lambda run: lost(here), 2)
    yield Row("", "", run_calls(here), None, aspects=[between], rounds=place.sizes.rounds)
