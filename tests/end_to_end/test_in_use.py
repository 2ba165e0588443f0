"""A folder whose run goes on: whatever is copied from it or removed in it, the run lives on, and no other begins."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from kit.program import Machine
from kit.wait import wait_until

GATE = "touch begun; while [ ! -e go ]; do sleep 0.01; done"


def begun(here: Machine) -> subprocess.Popen[bytes]:
    here.jobs(GATE, "true")
    process = here.start("-j", "1")
    wait_until((here.folder / "begun").exists)
    return process


def goes_on(here: Machine, process: subprocess.Popen[bytes]) -> None:
    """To its own good end."""
    (here.folder / "go").touch()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0, told.decode()
    ended = sorted((facts["job"], facts["state"], facts["try"]) for facts in here.records())
    assert ended == [(0, "done", 1), (1, "done", 1)]


def test_a_copy_of_a_folder_whose_run_goes_on_is_run_apart_and_ends_nothing_of_it(here: Machine) -> None:
    process = begun(here)
    original = here.folder
    here.folder = original.with_name(f"{original.name}-copy")
    shutil.copytree(original, here.folder, symlinks=True)
    (here.folder / "go").touch()
    told = here.run(timeout=20)
    assert "ended first" not in told.err
    assert len(here.records()) == 2
    here.folder = original
    goes_on(here, process)


@pytest.mark.parametrize("removed", [["lock"], ["owner.json"], ["lock", "owner.json"]], ids=" ".join)
def test_a_run_that_goes_on_is_refused_by_its_number_whatever_was_removed(here: Machine, removed: list[str]) -> None:
    process = begun(here)
    for name in removed:
        (here.run_folder / name).unlink()
    told = here.run(code=4, timeout=20)
    assert "is in use by" in told.err
    if removed != ["owner.json"]:
        assert f"process {here.python(process)}" in told.err
    goes_on(here, process)
