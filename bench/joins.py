"""What hundreds of hosts cost who serves them: how soon all have joined, what it takes then, and when nothing happens.

bench/joins.py [HOSTS]     prints it; 500 unless it is said

Hosts are clients as a host's own process has one, 50 of them in each of some processes, which come at the same moment:
each opens its own lane by an entry, so that a stretch of positions is its own, and tells how it is. Then they go on as
hosts do that wait: a beat, and a look at others', as often as so many hosts do it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from shareout.ledger.entry import Entry, root_begins
from shareout.ledger.times import Times
from shareout.stores.nats.address import address_of
from shareout.stores.nats.link import Server
from shareout.stores.nats.opening import open_nats, secured
from shareout.stores.nats.store import NatsStore
from shareout.stores.nats.token import read_token

IN_ONE, JOBS_EACH, QUIET_S = 50, 20, 20.0
DEAD_S = 15.0
LOOKED_AT = 32


def main(arguments: Sequence[str]) -> int:
    hosts = int(arguments[0]) if arguments else 500
    with TemporaryDirectory() as name, _served(Path(name), hosts) as (home, serving):
        server = int(next(home.glob("runs/*/*/server/server.pid")).read_text())
        bare = _memory(serving) + _memory(server)
        context = get_context("spawn")
        ready, told = context.Barrier(hosts // IN_ONE + 1), context.Queue()
        is_quiet, end = context.Event(), context.Event()
        crowds = [
            context.Process(target=_crowd, args=(str(home), first, hosts, ready, told, is_quiet, end))
            for first in range(0, hosts, IN_ONE)
        ]
        for one in crowds:
            one.start()
        ready.wait()
        began = time.monotonic()
        for _ in range(hosts):
            told.get(timeout=120)
        print(f"{hosts} hosts had joined, each with a stretch of its own, after {time.monotonic() - began:.1f} s")
        print(f"serve and its server: {_memory(serving) + _memory(server):.0f} MB; {bare:.0f} MB before")
        print(f"of a core, hosts that say nothing: {_taken(serving, server)}")
        is_quiet.set()
        # Looks at others begin as they do in a host: some time after the first beat.
        time.sleep(3)
        print(f"of a core, hosts that wait for work: {_taken(serving, server)}")
        print(f"serve and its server: {_memory(serving) + _memory(server):.0f} MB")
        end.set()
        for one in crowds:
            one.join()
    return 0


@contextmanager
def _served(folder: Path, hosts: int) -> Iterator[tuple[Path, int]]:
    (folder / "configs").mkdir()
    (folder / "configs" / "jobs.txt").write_text("true\n" * hosts * JOBS_EACH)
    machines = {f"host{number}": [1, 1] for number in range(hosts)}
    (folder / "configs" / "machines.json").write_text(json.dumps(machines))
    words = [sys.executable, "-m", "shareout", "serve", "--port", "0", "--keep", "--quiet"]
    process = subprocess.Popen(words, cwd=folder)
    while not list(folder.glob("runs/*/*/address")):
        time.sleep(0.05)
    try:
        yield folder, process.pid
    finally:
        process.terminate()
        process.wait()


def _crowd(home: str, first: int, hosts: int, ready: Any, told: Any, is_quiet: Any, end: Any) -> None:
    address, token_file = next(Path(home).glob("runs/*/*/address")).read_text().splitlines()
    # A host does this once; here it is the same for all.
    server = secured(address_of(address), read_token(token_file, {}, ""))
    ready.wait()
    every_s = Times.of(DEAD_S, 0).beat(hosts)
    threads = [
        Thread(target=_host, args=(number, every_s, server, told, is_quiet, end))
        for number in range(first, first + IN_ONE)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _host(number: int, every_s: float, server: Server, told: Any, is_quiet: Any, end: Any) -> None:
    store = open_nats(server, None, "the bench")
    name, low = f"host{number}", number * JOBS_EACH
    me, begins = f"{name}/1-{number:08x}", root_begins(low, low + JOBS_EACH)
    entry = begins._replace(verb="open", res=low + 5, owner=me, by=me, nonce=os.urandom(8).hex())
    assert isinstance(entry, Entry)
    assert store.put(f"lanes/{number}.0/1", entry.text()) == entry.text()
    store.beat(name, _beat(me, 0))
    told.put(number)
    is_quiet.wait()
    _wait_for_work(store, name, me, every_s, end)
    store.close()


def _wait_for_work(store: NatsStore, name: str, me: str, every_s: float, end: Any) -> None:
    # Not all in step.
    due = time.monotonic() + int.from_bytes(os.urandom(1)) / 256 * every_s
    count = 1
    while not end.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + every_s, time.monotonic() - every_s)
        count += 1
        store.beat(name, _beat(me, count))
        store.beats(LOOKED_AT)


def _beat(me: str, count: int) -> bytes:
    live = {"updated": round(time.time(), 3), "counts": {"done": count, "failed": 0, "skipped": 0, "running": 1}}
    live |= {"slots": 8, "rate": 1.25, "host": "node17.cluster.example.org", "pid": 12_345, "running": [[1, 2, 3]] * 8}
    return json.dumps({"owner": me, "count": count, "rate": 1.25, "leaves": False, "live": live}).encode()


def _memory(pid: int) -> float:
    """Resident, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def _taken(serving: int, server: int) -> str:
    before = [_cpu_s(pid) for pid in (serving, server)]
    time.sleep(QUIET_S)
    used = [(_cpu_s(pid) - was) / QUIET_S for pid, was in zip((serving, server), before, strict=True)]
    return f"{sum(used):.1%} (serve {used[0]:.1%}, its server {used[1]:.1%})"


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
