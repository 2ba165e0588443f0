"""However one process of a merge ends, it leaves nobody waiting: neither the others, whose turn comes after its own,
nor who started them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from merge.test_results import attempt, header, journal, merged
from shareout.errors import CannotWrite, RunDirectoryDamaged
from shareout.merge import results
from shareout.merge.gather import NeedsMore
from shareout.merge.processes import divided
from shareout.merge.proof.complete import open_journals
from shareout.merge.results import Merge
from shareout.merge.sheet import sheet_for
from shareout.merge.tables.csv import Csv
from shareout.merge.target import Relay, Target


@pytest.fixture(autouse=True)
def _nobody_waits_for_ever() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise AssertionError("somebody waits for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _needs_more() -> None:
    raise NeedsMore


def _finds_no_room() -> None:
    raise OSError(28, "No space left on device")


def _finds_damage() -> None:
    raise RunDirectoryDamaged("the result is no JSON")


def _has_a_bug() -> None:
    raise ZeroDivisionError


def _is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _is_killed_in_its_answer() -> None:
    # The child's own copy: what it says from here on is one byte, and then it is no more.
    def write(handle: int, data: bytes) -> int:
        written = os_write(handle, data[:1])
        _is_killed()
        return written

    os_write, os.write = os.write, write


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    ("end", "told"),
    [
        (_needs_more, NeedsMore),
        (_finds_no_room, OSError),
        (_finds_damage, RunDirectoryDamaged),
        (_has_a_bug, RuntimeError),
        (_is_killed, CannotWrite),
        (_is_killed_in_its_answer, CannotWrite),
    ],
)
def test_one_that_ends_early_ends_those_that_wait_for_their_turn_behind_it(
    number: int, end: Callable[[], None], told: type[Exception]
) -> None:
    relay = Relay(3, 0)

    def work(one: int) -> dict[str, Any]:
        if one == number:
            end()
            return {}
        for _ in range(2):
            relay.turn(one, 1)
        return {}

    with pytest.raises(told):
        divided(3, work, NeedsMore)
    relay.close()


def test_two_records_of_one_job_end_a_merge_of_several_partitions_to_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Partitions as of a large pool, with six records.
    monkeypatch.setattr(results, "PARTITION_ROWS", 1)
    jobs = 200_000
    lines = [
        attempt(0, 0, "first", at=1),
        attempt(0, 0, "second", at=2),
        *(attempt(job, job, "x") for job in (1, 2, 3)),
    ]
    folder = journal(tmp_path / "a", header("a", jobs, (0, jobs)), [*lines, attempt(jobs - 1, jobs - 1, "last")])
    with (
        Merge(open_journals([folder], print), tmp_path, lean=True, processes=2) as merge,
        Target(tmp_path / "t.csv") as target,
    ):
        merge.gather()
        with pytest.raises(NeedsMore):
            merge.write_text(Csv(), sheet_for("first", (), "python", "none", merge.starts()), target, packed=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    merged([folder], tmp_path / "t.csv", processes=2)
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "0,first"


ABANDONED = """
import os, signal, sys
from shareout.merge.processes import divided
from shareout.merge.target import Relay
relay = Relay(2, 0)
def work(number):
    if number == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        raise ValueError
    os.write(1, b"waits\\n")
    relay.turn(1, 1)
    return {}
divided(2, work)
"""


def test_those_that_wait_end_with_who_started_them() -> None:
    started = subprocess.Popen([sys.executable, "-c", ABANDONED], stdout=subprocess.PIPE)
    assert started.stdout
    assert started.wait() == -signal.SIGKILL
    # Whoever still holds the other end of this pipe is one of the processes that were left behind.
    while select.select([started.stdout], [], [], 20)[0]:
        if not os.read(started.stdout.fileno(), 100):
            break
    else:
        pytest.fail("a process of the merge is left behind")
    started.stdout.close()
