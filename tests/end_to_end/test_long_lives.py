"""Many jobs, over many starts and in one: what a run holds of memory, descriptors and files does not grow with what it
has done. Jobs print into a log that rotates, and some are tried again."""

from __future__ import annotations

import os
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.program import Machine
from kit.tree import children_of

pytestmark = pytest.mark.module_only("the same code keeps the same things in both")

# Of each try that was not the only one of its job something is held for good: so these are few.
JOB = """
from shareout import run

def job(n, *, info):
    if n % 53 == 0:
        print("said", n, "once more" if info.attempt > 1 else "")
    if n % 10007 == 0 and info.attempt == 1:
        raise ValueError("not yet")
    return n

if __name__ == "__main__":
    run(job)
"""
SOAK_JOBS = int(os.environ.get("SHAREOUT_SOAK_JOBS", "10000000"))
LOOK_MS = 20
GROWTH = 1.02
PAGE_KB = os.sysconf("SC_PAGESIZE") // 1024


@dataclass(frozen=True)
class Held:
    """By a run at one moment."""

    parent_kb: int
    workers_kb: int
    """All of them together."""
    descriptors: int
    """Of the parent."""


def resident_kb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB


def watched(process: subprocess.Popen[bytes]) -> list[Held]:
    """Looks at a run until it ends; its first moments, in which not all is there yet, are left out."""
    looks = []
    handle = os.pidfd_open(process.pid)
    try:
        while not select.select([handle], [], [], LOOK_MS / 1000)[0]:
            try:
                workers = sum(map(resident_kb, children_of(process.pid)))
                open_now = len(os.listdir(f"/proc/{process.pid}/fd"))
                looks.append(Held(resident_kb(process.pid), workers, open_now))
            except OSError:
                continue
    finally:
        os.close(handle)
    _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    return looks[len(looks) // 4 :]


def beside(here: Machine) -> set[str]:
    """What there is in the run directory and in the folder for temporary files that is neither journal nor log."""
    names = {path.name for folder in (here.run_folder, here.folder / "tmp") for path in folder.rglob("*")}
    return {name for name in names if not name.startswith(("journal.", "log-"))}


def most(looks: list[Held]) -> tuple[int, int, int]:
    assert looks, "it was over before anybody could look"
    columns = zip(*((one.parent_kb, one.workers_kb, one.descriptors) for one in looks), strict=True)
    parent, workers, descriptors = map(max, columns)
    return parent, workers, descriptors


def has_grown(before: list[Held], after: list[Held], limit: float) -> list[str]:
    names = ("memory of the parent", "memory of the workers", "descriptors")
    pairs = zip(names, most(before), most(after), strict=True)
    return [f"{name}: {one} -> {other}" for name, one, other in pairs if other > one * limit]


def started(here: Machine, jobs: int, segment: str) -> Machine:
    (here.folder / "tmp").mkdir()
    here.environ = {"TMPDIR": str(here.folder / "tmp")}
    here.write("configs/jobs.grid.json", f'{{"n": {{"stop": {jobs}}}}}')
    here.write("configs/runner.config", f"[logging]\nsegment = {segment}\n[limits]\nretries = 1\n")
    return here.script(JOB)


def goes_on(here: Machine, *words: str) -> list[Held]:
    return watched(here.start("--quiet", *words, env={**os.environ, **here.environ}))


def all_is_there(here: Machine, jobs: int, starts: int) -> None:
    """Each job's result, and what each printed once; the log in segments, and a journal a start."""
    here.call("merge-results", "-o", "all.csv", "--quiet", timeout=600)
    with (here.folder / "all.csv").open("rb") as table:
        assert sum(block.count(b"\n") for block in iter(lambda: table.read(1 << 20), b"")) == jobs + 1
    assert len(list(here.run_folder.glob("journal.*.jsonl"))) == starts
    segments = sorted(here.run_folder.glob("log-*.gz"))
    assert len(segments) > 2
    zcat = subprocess.Popen(["zcat", *map(str, segments)], stdout=subprocess.PIPE)
    assert zcat.stdout
    with zcat:
        said = sum(b" out said " in line for line in zcat.stdout)
    # In its first try a job that fails has printed as well, where it is one that prints.
    assert said == len(range(0, jobs, 53)) + len(range(0, jobs, 53 * 10007))


def live_over_many_starts(here: Machine, jobs: int, starts: int, segment: str, growth: float) -> None:
    started(here, jobs, segment)
    lives, files = [], []
    for _ in range(starts):
        lives.append(goes_on(here, "-n", str(-(-jobs // starts))))
        files.append(beside(here))
    half = starts // 2
    third, last = lives[half : half + half // 2], lives[half + half // 2 :]
    assert not has_grown([look for life in third for look in life], [look for life in last for look in life], growth)
    assert files[half] == files[-1]
    all_is_there(here, jobs, starts)


def live_long(here: Machine, jobs: int, segment: str) -> None:
    started(here, jobs, segment)
    looks = goes_on(here)
    half = looks[len(looks) // 2 :]
    assert not has_grown(half[: len(half) // 2], half[len(half) // 2 :], GROWTH)
    all_is_there(here, jobs, 1)


def test_what_many_starts_hold_does_not_grow(here: Machine) -> None:
    """A few, so that what is lost at each start shows; of memory no more is said than that it is not kept in heaps."""
    live_over_many_starts(here, 48_000, 8, "4KiB", 1.1)


@pytest.mark.soak
def test_what_a_hundred_starts_hold_does_not_grow(here: Machine) -> None:
    live_over_many_starts(here, SOAK_JOBS, 100, "16KiB", GROWTH)


@pytest.mark.soak
def test_what_one_long_run_holds_does_not_grow(here: Machine) -> None:
    live_long(here, SOAK_JOBS, "16KiB")
