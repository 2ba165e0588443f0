"""A disk that is full, a run directory that goes away: nothing is lost or doubled, and the user reads what happened."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.program import Machine


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own under a folder; only root may make one."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def test_a_full_disk_fails_no_job_and_doubles_none(here: Machine) -> None:
    here.jobs(*["echo hello hello hello; head -c 2000 /dev/urandom | base64"] * 400)
    runs = here.folder / "runs"
    with small_disk(runs, "600k"):
        told = here.run("--quiet", code=3)
        assert "No space left on device" in told.err or "is full" in told.err
        before = Counter(facts["job"] for facts in here.records() if facts["state"] == "done")
        assert 0 < len(before) < 400
        remount(runs, "size=50m")
        here.run("--quiet")
        records = here.records()
        assert Counter(facts["job"] for facts in records if facts["state"] == "done") == Counter(range(400))
        assert not [facts for facts in records if facts["state"] == "failed"], "a full disk is no job's fault"
        remount(runs, "ro")
        assert "Read-only file system" in here.run("--retry-failed", code=3).err


@pytest.mark.parametrize("loud", [False, True])
def test_a_run_directory_that_is_removed_is_told(here: Machine, loud: bool) -> None:
    """Also while outputs are too large for a pipe, and workers look for their files."""
    work = "head -c 100000 /dev/zero | tr '\\0' x; echo" if loud else "sleep 0.05"
    here.jobs("test -e once || { touch once; rm -rf runs; }", *[work] * 60)
    told = here.run(code=3)
    assert "was removed or moved while the run was writing to it" in told.err
    assert not list(here.folder.glob("runs/*/*/journal.*.jsonl")), "nothing half is left"
    here.run("--quiet")
    assert len(here.records()) == 61


def test_a_run_directory_that_is_moved_is_told_and_goes_on_when_it_is_back(here: Machine) -> None:
    here.jobs("test -e once || { touch once; mv runs other; }", *["sleep 0.05"] * 60)
    assert "move it back" in here.run(code=3).err
    (here.folder / "other").rename(here.folder / "runs")
    here.run()
    assert Counter(facts["job"] for facts in here.records()) == Counter(range(61))


def test_jobs_that_print_into_a_reader_that_leaves_go_on(here: Machine) -> None:
    here.jobs(*(f"echo {number}" for number in range(200)))
    words = " ".join([*here.program, "run", "--machine", "alice", "--yes", "--tee", "--quiet"])
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -1; exit ${{PIPESTATUS[0]}}"], cwd=here.folder, capture_output=True, check=False
    )
    assert done.returncode == 74, done.stderr
    assert b"standard output is gone" in done.stderr
    assert len(here.records()) == 200
