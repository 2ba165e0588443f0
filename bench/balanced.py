"""What it costs that hosts share their work: the same commands alone, by a folder, and over a network, in turn.

bench/balanced.py [--quick] [FOLDER]      FOLDER is asked as well: one that lies on another host, say

One host with two slots, and four with two each. 20,000 commands that do nothing tell whether a job ever waits for what
lies between the hosts; commands that take 50 ms tell whether a slot does. Starts and ends are taken off: what a run of
some jobs takes is taken away from what one of many does. Told are medians, and how many times as fast as alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp

from place import SHAREOUT

HOSTS = ("ann", "bea", "cleo", "dan")
SLOTS = 2
ROUNDS = 3
Way = Callable[[Path, Sequence[str]], list[subprocess.Popen[bytes]]]


@dataclass(frozen=True, slots=True)
class Work:
    """Lines of a pool, so many of them on so many hosts. What all slots together need for them, if it is known."""

    what: str
    line: str
    hosts: int
    few: int
    many: int
    each_s: float = 0.0

    def ideal_s(self) -> float:
        return (self.many - self.few) * self.each_s / (self.hosts * SLOTS)


NOTHING = "/bin/true {}"
WORK = (
    Work("commands that do nothing, one host", NOTHING, 1, 100, 20_000),
    Work("commands that do nothing, four hosts", NOTHING, 4, 100, 20_000),
    Work("commands of 50 ms, four hosts", "sleep 0.05; : {}", 4, 80, 2_400, 0.05),
)
SMALL = (
    Work("commands that do nothing, one host", NOTHING, 1, 20, 400),
    Work("commands of 50 ms, four hosts", "sleep 0.05; : {}", 4, 16, 80, 0.05),
)


def main(words: Sequence[str]) -> int:
    """Prints a table for each kind of work."""
    is_quick, folders = "--quick" in words, [word for word in words if not word.startswith("--")]
    elsewhere: dict[str, Way] = {f"by {folder}": partial(shared, above=Path(folder)) for folder in folders}
    ways: dict[str, Way] = {"alone": alone, "by a folder": shared, **elsewhere, "over a network": served}
    for work in SMALL if is_quick else WORK:
        told: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(2 if is_quick else ROUNDS):
            for way, begin in ways.items():
                told[way].append(taken_s(work, work.many, begin) - taken_s(work, work.few, begin))
        print(f"\n{work.what} of {SLOTS} slots: {work.few:,} taken away from {work.many:,}")
        for way, seconds in told.items():
            took = median(seconds)
            busy = f", slots busy {work.ideal_s() / took:.1%}" if work.each_s else ""
            least, most = min(seconds), max(seconds)
            times = f"{median(told['alone']) / took:.3f} times alone"
            print(f"{way:16} {took:7.2f} s ({least:.2f} … {most:.2f}), {times}{busy}", flush=True)
    return 0


def taken_s(work: Work, count: int, begin: Way) -> float:
    """Of one run, in a folder of its own."""
    with TemporaryDirectory() as name:
        here, hosts = Path(name), HOSTS[: work.hosts]
        for place in ("serving", *hosts):
            (here / place).mkdir()
            (here / place / "configs").symlink_to(here / "configs")
        (here / "configs").mkdir()
        (here / "configs" / "jobs.txt").write_text("".join(f"{work.line.format(at)}\n" for at in range(count)))
        (here / "configs" / "machines.json").write_text(json.dumps({key: [1, SLOTS] for key in hosts}))
        began = time.monotonic()
        for process in reversed(begin(here, hosts)):
            assert process.wait() == 0
        return time.monotonic() - began


def alone(here: Path, hosts: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    return [run(here / host, "run", "--machine", host) for host in hosts]


def shared(here: Path, hosts: Sequence[str], above: Path | None = None) -> list[subprocess.Popen[bytes]]:
    folder = mkdtemp(dir=above or here)
    return [run(here / host, "run", "--machine", host, "--join", folder) for host in hosts]


def served(here: Path, hosts: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """Its server is started as well."""
    serving = run(here / "serving", "serve", "--port", "0")
    while not (found := list(here.glob("serving/runs/*/*/address"))):
        assert serving.poll() is None
        time.sleep(0.01)
    address, token = found[0].read_text().split()
    words = ("--join", address, "--token-file", token)
    return [serving, *(run(here / host, "run", "--machine", host, *words) for host in hosts)]


def run(where: Path, *words: str) -> subprocess.Popen[bytes]:
    answer = () if words[0] == "serve" else ("--yes",)
    return subprocess.Popen([SHAREOUT, *words, *answer, "--quiet"], cwd=where, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
