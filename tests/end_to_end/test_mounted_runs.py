"""One machine's run directory, seen through two mounts that no lock crosses: whoever comes second does not write."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.mounts import Mounts, mounting, need_mounts
from kit.program import Machine
from kit.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.module_only("the mounts are the same for both")]

JOBS = 60


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[Mounts]:
    need_mounts()
    (tmp_path / "mounts").mkdir()
    with mounting(tmp_path / "mounts", 2) as made:
        Machine(made.folder).jobs(*["sleep 0.1"] * JOBS)
        yield made


def recorded(mounts: Mounts) -> int:
    return sum(path.read_bytes().count(b'"done"') for path in mounts.folder.glob("runs/*/alice/journal*"))


def begun(mounts: Mounts) -> tuple[Machine, subprocess.Popen[bytes], Machine]:
    """A run that goes on through the first mount, and the other one."""
    first, second = (Machine(mounts.of(host, "dcache_timeout=1").point) for host in (1, 2))
    process = first.start()
    wait_until(lambda: recorded(mounts) > 3)
    return first, process, second


def test_through_another_mount_a_run_that_goes_on_is_refused_with_how_long_ago_it_moved(mounts: Mounts) -> None:
    first, process, second = begun(mounts)
    told = second.run(code=4)
    assert f"is in use by process {first.python(process)} on {os.uname().nodename}" in told.err
    assert "it last moved " in told.err
    # One that stands still lives.
    process.send_signal(signal.SIGSTOP)
    assert "is in use by process" in second.run(code=4).err
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert recorded(mounts) == JOBS
    assert len(list(mounts.folder.glob("runs/*/alice/journal*"))) == 1


def test_through_another_mount_a_run_that_was_killed_is_gone_on_with_at_once(mounts: Mounts) -> None:
    first, process, second = begun(mounts)
    os.kill(first.python(process), signal.SIGKILL)
    process.communicate()
    second.run()
    assert recorded(mounts) == JOBS


def test_a_copy_that_a_mount_shows_is_run_apart_while_the_original_goes_on(mounts: Mounts) -> None:
    _, process, second = begun(mounts)
    copy = second.folder / "copy"
    copy.mkdir()
    shutil.copytree(second.folder / "configs", copy / "configs")
    shutil.copytree(second.folder / "runs", copy / "runs")
    Machine(copy).run()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_run_whose_place_another_has_taken_stops_and_says_whose_it_is(mounts: Mounts) -> None:
    """Somebody said that its host is dead, and it was not."""
    Machine(mounts.folder).jobs(*["sleep 0.1"] * 240)
    _, process, second = begun(mounts)
    process.send_signal(signal.SIGSTOP)
    note = next(mounts.folder.glob("runs/*/alice/owner.json"))
    # As `release` does it for a host that stands still.
    note.unlink()
    other = second.start()
    wait_until(note.exists)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4, err
    assert f"process {second.python(other)} on" in err.decode()
    _, err = other.communicate(timeout=60)
    assert other.returncode == 0, err


def test_guests_join_through_mounts_and_a_second_one_of_a_name_is_refused(mounts: Mounts, tmp_path: Path) -> None:
    joiners = Joiners(tmp_path)
    joiners.shared = mounts.folder
    joiners.host("alice").jobs(*["sleep 0.2"] * 120)
    joiners.run("alice", dead="8s")
    views = {name: mounts.of(host, "dcache_timeout=1").point for host, name in ((1, "gast"), (2, "twin"))}
    wait_until(lambda: joiners.done("alice") > 2)
    joiners.shared = views["gast"]
    joiners.join("gast", "-j", "2")
    wait_until(lambda: joiners.done("gast") > 2, seconds=40)
    joiners.shared = views["twin"]
    joiners.join("twin", "-j", "2", said="gast")
    assert "gast is alive elsewhere: it has moved in" in joiners.ended("twin", code=4)
    for name in ("alice", "gast"):
        assert "120 done, 0 failed, 0 to do" in joiners.ended(name)
    joiners.shared = mounts.folder
    assert "complete: 120 of 120 jobs" in joiners.merged()
