"""Requeue and skip of many jobs: what they take of memory is of a few bytes a job; and the sets that they keep."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kit.program import Machine
from shareout.number_set import PAGE, NumberSet
from shareout.record.amend import Places

JOBS = 50_000
KILOBYTES = 3_000
"""Sixty bytes a job; as objects they would be three times that."""


@given(st.lists(st.integers(0, 3 * PAGE) | st.integers(10**15, 10**15 + 9)))
def test_a_set_of_numbers_is_one(numbers: list[int]) -> None:
    found, wanted = NumberSet(), set[int]()
    for number in numbers:
        assert found.add(number) == (number not in wanted)
        wanted.add(number)
    assert list(found) == sorted(wanted)
    assert len(found) == len(wanted)
    assert [one for start, stop in found.ranges() for one in range(start, stop)] == sorted(wanted)
    assert all(before[1] < after[0] for before, after in pairwise(found.ranges()))
    assert all(number in found for number in wanted)
    assert PAGE * 5 not in found


def test_places_may_be_large() -> None:
    found, pairs = Places(), [(1, 2), (1 << 40, 3), (4, 1 << 50)]
    for job, position in pairs:
        found.add(job, position)
    assert list(found) == pairs


def test_all_of_many_jobs_are_taken_back_and_skipped_in_little_memory(tmp_path: Path) -> None:
    one = Machine(tmp_path).script(f"""
from shareout import run

def job(number: int) -> int:
    return number

if __name__ == "__main__":
    run(job, pool=range({JOBS}))
""")
    one.run("--quiet")
    assert used(one, "requeue", "--all") < used(one, "requeue", "7") + KILOBYTES
    assert used(one, "skip", f"8-{JOBS - 1}") < used(one, "skip", "7") + KILOBYTES
    assert one.call("status", "--json").json["skipped"] == JOBS - 7


def used(one: Machine, *words: str) -> int:
    """Kilobytes at the most."""
    process = subprocess.Popen([*one.program, *words, "--quiet"], cwd=one.folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss
