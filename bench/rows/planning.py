"""Planning: a file of many lines, and a grid that is never written out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from measure import Call, Row, peak_memory
from place import PYTHON, SHAREOUT, Place, told_count

FIRST_JOB = """
from pathlib import Path
from shareout.cli.options import Common
from shareout.cli.planning import plan_of
plan, _ = plan_of(Common(Path("configs"), Path("runs"), False, False), None)
print(plan.pool.command(plan.job_at(plan.share("a").ranges[0][0])))
"""
# As programs do that hold their pool: all of it in a list, shuffled by a seed from its pickle, and cut in two.
STRAIGHT = """
import hashlib, pickle, random, sys
jobs = open(sys.argv[1]).read().splitlines()
seed = hashlib.sha256(pickle.dumps(jobs)).digest()
random.Random(seed).shuffle(jobs)
share = jobs[: len(jobs) // 2]
print(share[0])
"""


def of_lines(place: Place) -> Iterator[Row]:
    count, rounds = place.sizes.lines, place.sizes.rounds
    here = place.inputs("lines", {"jobs.txt": ""})
    pool = here / "configs" / "jobs.txt"
    write_lines(pool, count)
    ours = Call([PYTHON, place.script("first.py", FIRST_JOB)], cwd=here)
    what = f"plan {told_count(count)} lines, to the first job's text"
    memory = peak_memory(f"plan {told_count(count)} lines", 100)
    yield Row(what, "shuf", ours, Call(["shuf", pool]), 3, rounds, [memory])
    straight = Call([PYTHON, place.script("straight.py", STRAIGHT), pool])
    yield Row(what, "a list, shuffled, pickled", ours, straight, None, rounds)


def of_grid(place: Place) -> Iterator[Row]:
    ten = place.inputs("ten", {"jobs.grid.json": '{"a": {"stop": 10}}'})
    trillion = place.inputs("trillion", {"jobs.grid.json": '{"a": {"stop": 1000000}, "b": {"stop": 1000000}}'})
    plan = [SHAREOUT, "plan", "--quiet"]
    memory = peak_memory("plan a grid of 10^12")
    # As fast as a tenth allows: the two differ by less than a machine's noise.
    ours, theirs = Call(plan, cwd=trillion), Call(plan, cwd=ten)
    yield Row("plan a grid of 10^12", "ours, a grid of 10", ours, theirs, 0.9, place.sizes.many_rounds, [memory])


def write_lines(path: Path, count: int) -> None:
    """Command lines of 34 bytes."""
    with path.open("wb") as file:
        for start in range(0, count, 100_000):
            stop = min(start + 100_000, count)
            file.write(b"".join(b"./simulate -a 0.%06d -n %07d\n" % (n % 999983, n) for n in range(start, stop)))
