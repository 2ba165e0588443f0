"""Many jobs, over many starts and in one: what a run holds of memory, descriptors and files does not grow with what it
has done. Jobs print into a log that rotates, and some are tried again.

What is kept for good is there at nearly every look: so it raises the lower quartile of them. The highest is what some
turn had in hands, and which turn had most is chance: it has a bound of its own, and is not held against that of another
time. What the C library keeps of memory that it was given back is as chance has it, too: it is told to keep none.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from kit.program import Machine
from kit.tree import children_of
from shareout.run.hands.ring import SEGMENT_BYTES, SEGMENTS

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
# A guardian, and a worker a slot.
CHILDREN = 3
KEEPS_NOTHING = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
# All that two workers may have said since the last turn: as it was taken in pieces, put together for each, and for the
# journal. And a file that takes the place of another, with its folder.
IN_HANDS_KB = 3 * 2 * SEGMENTS * SEGMENT_BYTES // 1024
IN_HANDS_DESCRIPTORS = 2
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
    """Looks at a run while all its processes are there; its first moments, in which not all else is, are left out."""
    looks: list[Held] = []
    handle = os.pidfd_open(process.pid)
    try:
        while not select.select([handle], [], [], LOOK_MS / 1000)[0]:
            try:
                workers = [size for child in children_of(process.pid) if (size := resident_kb(child))]
                open_now = len(os.listdir(f"/proc/{process.pid}/fd"))
                if len(workers) >= CHILDREN:
                    looks.append(Held(resident_kb(process.pid), sum(workers), open_now))
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


NAMES = ("memory of the parent", "memory of the workers", "descriptors")
IN_HANDS = (IN_HANDS_KB, IN_HANDS_KB, IN_HANDS_DESCRIPTORS)


def has_grown(before: list[Held], after: list[Held], limit: float) -> list[str]:
    """What is held for good after all was done, and what was in hands at any time."""
    assert before, "it was over before anybody could look"
    assert after, "it was over before anybody could look"
    kept, left = lower_quartile(before), lower_quartile(after)
    grown = [
        f"{name}: {one} -> {other}" for name, one, other in zip(NAMES, kept, left, strict=True) if other > one * limit
    ]
    peaks = zip(NAMES, left, highest(before + after), IN_HANDS, strict=True)
    return grown + [f"{name}: {one} for good, and once {peak}" for name, one, peak, more in peaks if peak > one + more]


def lower_quartile(looks: list[Held]) -> tuple[int, ...]:
    return tuple(sorted(column)[len(column) // 4] for column in zip(*map(astuple, looks), strict=True))


def highest(looks: list[Held]) -> tuple[int, ...]:
    return tuple(map(max, zip(*map(astuple, looks), strict=True)))


def started(here: Machine, jobs: int, segment: str) -> Machine:
    (here.folder / "tmp").mkdir()
    here.environ = {"TMPDIR": str(here.folder / "tmp"), **KEEPS_NOTHING}
    here.write("configs/jobs.grid.json", f'{{"n": {{"stop": {jobs}}}}}')
    here.write("configs/runner.config", f"[logging]\nsegment = {segment}\n[limits]\nretries = 1\n")
    return here.script(JOB)


def goes_on(here: Machine, *words: str) -> list[Held]:
    return watched(here.start("--quiet", *words, env={**os.environ, **here.environ}))


def all_is_there(here: Machine, jobs: int, starts: int) -> None:
    """Each job's result, and what each printed once; the log in segments, and a journal a start."""
    here.call("merge-results", "-o", "all.csv", "--quiet", timeout=3600)
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


def live_over_many_starts(here: Machine, jobs: int, starts: int, segment: str, growth: float) -> str:
    started(here, jobs, segment)
    lives, files = [], []
    for _ in range(starts):
        lives.append(goes_on(here, "-n", str(-(-jobs // starts))))
        files.append(beside(here))
    half = starts // 2
    third, last = lives[half : half + half // 2], lives[half + half // 2 :]
    before, after = [look for life in third for look in life], [look for life in last for look in life]
    assert not has_grown(before, after, growth)
    assert files[half] == files[-1]
    all_is_there(here, jobs, starts)
    return as_told(before, after)


def live_long(here: Machine, jobs: int, segment: str) -> str:
    started(here, jobs, segment)
    looks = goes_on(here)
    half = looks[len(looks) // 2 :]
    before, after = half[: len(half) // 2], half[len(half) // 2 :]
    assert not has_grown(before, after, GROWTH)
    all_is_there(here, jobs, 1)
    return as_told(before, after)


def as_told(before: list[Held], after: list[Held]) -> str:
    """Of the last half, by its two quarters: kept, and at most."""
    of_each = zip(NAMES, *(zip(lower_quartile(one), highest(one), strict=True) for one in (before, after)), strict=True)
    return "; ".join(f"{name} {low}…{high}, then {then_low}…{then}" for name, (low, high), (then_low, then) in of_each)


def test_what_many_starts_hold_does_not_grow(here: Machine) -> None:
    """A few, so that what is lost at each start shows; of memory no more is said than that it is not kept in heaps."""
    live_over_many_starts(here, 48_000, 8, "4KiB", 1.1)


@pytest.mark.soak
def test_what_a_hundred_starts_hold_does_not_grow(
    here: Machine, record_property: Callable[[str, object], None]
) -> None:
    record_property("told", live_over_many_starts(here, SOAK_JOBS, 100, "16KiB", GROWTH))


@pytest.mark.soak
def test_what_one_long_run_holds_does_not_grow(here: Machine, record_property: Callable[[str, object], None]) -> None:
    record_property("told", live_long(here, SOAK_JOBS, "16KiB"))
