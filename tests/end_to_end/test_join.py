"""Whether hosts can share a folder is told by two who try it, and what is in the way by one."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until


def beside(here: Machine, *words: str) -> subprocess.Popen[bytes]:
    """Another host that does the same."""
    process = subprocess.Popen(
        [*here.program, "join", "--probe", *words], cwd=here.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    here.started.append(process)
    return process


def test_two_hosts_that_see_each_other_can_share_a_folder(here: Machine) -> None:
    (here.folder / "shared folder").mkdir()
    other = beside(here, "shared folder")
    told = here.call("join", "--probe", "shared folder")
    assert told.out.splitlines()[-1] == "verdict     hosts can share this folder"
    assert f"other host  {os.uname().nodename}: " in told.out
    assert "give the same command on another host now; it is waited for 2m" in told.err
    assert b"verdict     hosts can share this folder" in other.communicate()[0]
    assert other.returncode == 0


def test_one_probe_after_the_other_leaves_nothing_in_the_way(here: Machine) -> None:
    (here.folder / "shared").mkdir()
    dead = beside(here, "shared")
    seats = here.folder / "shared/probe"
    wait_until(lambda: list(seats.glob("*/seats/*")))
    os.kill(here.python(dead), signal.SIGKILL)
    for _ in range(2):
        other = beside(here, "shared", "--json")
        facts = here.call("join", "--probe", "shared", "--json").json
        assert facts["host"] == os.uname().nodename
        assert facts["trips"]
        assert facts["way"] == "symlink"
        other.communicate()
        assert other.returncode == 0


def test_alone_it_says_what_this_host_finds(here: Machine) -> None:
    (here.folder / "shared").mkdir()
    told = here.call("join", "--probe", "shared", "--patience", "0")
    assert told.err == ""
    assert [line.split()[0] for line in told.out.splitlines()] == ["folder", "a", "a"]
    told = here.call("join", "--probe", "shared", "--patience", "1s", code=2)
    assert "shareout: nobody else was seen in shared for 1s" in told.err


@pytest.mark.module_only("what a folder is refused for is tried in tests/stores")
def test_what_cannot_be_one_is_refused(here: Machine, tmp_path: Path) -> None:
    assert "there is no folder none" in here.call("join", "--probe", "none", code=2).err
    here.write("file", "")
    assert "file is no folder" in here.call("join", "--probe", "file", code=2).err
    assert '--patience: "soon" is not a duration' in here.call("join", "--probe", ".", "--patience", "soon", code=2).err
    told = here.call("join", "--probe", "none", "--json", code=2)
    assert told.json["exit"] == 2
    assert not (here.folder / "none").exists()
