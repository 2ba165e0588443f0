"""How many commands a second hosts are given over a network, and how soon one begins, beside HyperQueue and Dask.

bench/network_quality.py [COMMANDS] [SUBMITS] [ROUNDS]

Each has a server and two workers of one slot on this machine, which are at work before anything is timed. First so many
commands at once, `/bin/true`, until the program that gave them knows the end of each; then one after the other, each
given to workers that have nothing to do: from its submission until it begins, and until the program knows its end. All
three in turn; told are medians. Ours are recorded, with what they printed; of theirs nothing is kept. Where a machine
does other things as well, only the processor's time that all processes of a side take for a command tells something:
what is taken for none is taken away from it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import peers
from place import SHAREOUT

FEW = 10
"""Commands of a run that tells what starts and ends cost."""
HYPERQUEUE = """
import json, sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
count, submits = int(sys.argv[1]), int(sys.argv[2])
if __name__ == "__main__":
    with LocalCluster() as cluster:
        for _ in range(2): cluster.start_worker(WorkerConfig(cores=1))
        client = cluster.client()
        def run(count):
            job = Job()
            for _ in range(count): job.program(["/bin/true"], stdout=None, stderr=None)
            client.wait_for_jobs([client.submit(job)])
        run(10)
        began = time.time(); run(count); all_s = time.time() - began
        known = []
        for _ in range(submits):
            time.sleep(0.05); began = time.time(); run(1); known.append(time.time() - began)
    print(json.dumps({"all": all_s, "known": known}))
"""
DASK = """
import json, subprocess, sys, time
from dask.distributed import Client, LocalCluster
count, submits = int(sys.argv[1]), int(sys.argv[2])
def job(n):
    began = time.time()
    subprocess.run(["/bin/true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return began
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(job, range(-10, 0)))
        began = time.time(); client.gather(client.map(job, range(count))); all_s = time.time() - began
        known, begun = [], []
        for n in range(submits):
            time.sleep(0.05); began = time.time()
            begun.append(client.submit(job, count + n).result() - began); known.append(time.time() - began)
    print(json.dumps({"all": all_s, "known": known, "begun": begun}))
"""
OURS = """
import json, sys, time
from shareout import Feed
count, submits = int(sys.argv[1]), int(sys.argv[2])
with Feed(sys.argv[3], sys.argv[4]) as feed:
    feed.map(["/bin/true"] * 10); feed.sync()
    began = time.time(); feed.map(["/bin/true"] * count); feed.sync(); all_s = time.time() - began
    known, begun = [], []
    for _ in range(submits):
        time.sleep(0.05); began = time.time()
        ended = feed.submit("/bin/true").result(); known.append(time.time() - began); begun.append(ended.start - began)
    feed.end()
print(json.dumps({"all": all_s, "known": known, "begun": begun}))
"""
Told = dict[str, object]


def main(words: list[str]) -> int:
    """Prints a table, and whether the goals are met."""
    count, submits, rounds = (int(word) for word in [*words, *("4000", "40", "3")[len(words) :]])
    peers.install()
    sides: dict[str, Callable[[int, int], Told]] = {
        "shareout serve": ours,
        "HyperQueue": lambda *sizes: asked([peers.python(), "-c", HYPERQUEUE], *sizes),
        "Dask": lambda *sizes: asked([peers.python(), "-c", DASK], *sizes),
    }
    found: dict[str, list[Told]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(measured(side, count, submits))
    print(f"load {os.getloadavg()[0]:.1f}; {count:,} commands at once, {submits} one by one; medians of {rounds}")
    print(f"{'':16} {'commands/s':>11} {'CPU each':>10} {'begins':>9} {'is told':>9}")
    rates, costs = {}, {}
    for name, told in found.items():
        rates[name] = median(count / float(str(one["all"])) for one in told)
        costs[name] = median(float(str(one["each"])) for one in told)
        print(
            f"{name:16} {rates[name]:11,.0f} {costs[name] * 1e6:7,.0f} µs {ms(told, 'begun'):>9} {ms(told, 'known'):>9}"
        )
    us = "shareout serve"
    for peer, at_least in (("HyperQueue", 3), ("Dask", 10)):
        by_cpu = costs[peer] / costs[us]
        print(f"{rates[us] / rates[peer]:.1f} times {peer}, by CPU {by_cpu:.1f} times; the goal is {at_least}")
    return 0


def measured(side: Callable[[int, int], Told], count: int, submits: int) -> Told:
    """With the processor's time for a command."""
    began = children_s()
    side(FEW, 0)
    few = children_s() - began
    began = children_s()
    side(count, 0)
    many = children_s() - began
    return {**side(count, submits), "each": (many - few) / (count - FEW)}


def children_s() -> float:
    """What all that has been waited for has taken of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ms(told: list[Told], what: str) -> str:
    """The median of all rounds."""
    every = [second for one in told for second in one.get(what, [])]  # type: ignore[attr-defined]
    return f"{median(every) * 1000:.1f} ms" if every else "-"


def ours(count: int, submits: int) -> Told:
    """A server, and two hosts of one slot each, in folders of their own."""
    with TemporaryDirectory() as folder, served(Path(folder)) as (address, token):
        return asked([sys.executable, "-c", OURS], count, submits, address, token)


@contextmanager
def served(home: Path) -> Iterator[tuple[str, str]]:
    """Its address and its token's file, while hosts are there."""
    serve = [SHAREOUT, "serve", "--stream", "bench", "--port", "0"]
    server = subprocess.Popen(serve, cwd=home, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    address = server.stderr.readline().split()[-1]
    token = next(home.glob("runs/*/*/token"))
    hosts: list[subprocess.Popen[str]] = []
    for name in ("ann", "bea"):
        (home / name).mkdir()
        words = ["join", address, "--token-file", str(token), "--name", name, "--yes", "--quiet", "-j", "1"]
        hosts.append(subprocess.Popen([SHAREOUT, *words], cwd=home / name, stderr=subprocess.DEVNULL, text=True))
    while len(list(home.glob("*/runs/*/*/journal.*"))) < len(hosts):
        time.sleep(0.05)
    yield address, str(token)
    for one in [*hosts, server]:
        one.wait()


def asked(call: list[str], count: int, submits: int, *more: str) -> Told:
    """What it prints at its end."""
    done = subprocess.run(
        [*call, str(count), str(submits), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
