"""What an executable needs is held against what a host tells of itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shareout.errors import UsageError
from shareout.launch.needs import Needs, lacks, needs_of
from shareout.launch.spread import cores_of, machines_text
from shareout.machines import load_machines

TOLD = {"system": "Linux", "arch": "x86_64", "glibc": "2.36", "free": "1000000", "tmp": "/tmp"}
NEEDS = Needs(("x86_64", "amd64"), (2, 31), 1 << 20)


def test_a_host_that_has_all_lacks_nothing() -> None:
    assert lacks(NEEDS, TOLD) == ""


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("system", "Darwin", "is Darwin"),
        ("arch", "aarch64", "is aarch64, and the program is for x86_64"),
        ("glibc", "2.17", "has glibc 2.17, and the program needs 2.31"),
        ("free", "100", "KiB free"),
        ("tmp", "", "noexec"),
        ("lacks", "nohup\ndd", "has no nohup, no dd"),
        ("ends", "yes", "KillUserProcesses"),
        ("closed", "/root", "no right to write in /root"),
    ],
)
def test_what_a_host_lacks_is_named(key: str, value: str, why: str) -> None:
    assert why in lacks(NEEDS, {**TOLD, key: value})


def test_an_executable_tells_its_machine_and_a_script_nothing(tmp_path: Path) -> None:
    assert needs_of(Path(sys.executable), 5).machines
    script = tmp_path / "main"
    script.write_text("#!/bin/sh\n")
    assert needs_of(script, 5) == Needs(bytes=5)


def test_a_list_of_hosts_is_read_as_disbatch_does(tmp_path: Path) -> None:
    assert cores_of(["a:4,b:8", "a:2"]) == {"a": 6, "b": 8}
    for wrong in ("a", "a:", ":4", "a:x", "a:0", "a:4,,b:1", "a:-1"):
        with pytest.raises(UsageError, match="HOST:CORECOUNT"):
            cores_of([wrong])
    file = tmp_path / "machines.json"
    file.write_text(machines_text({"me@a": 6, "b": 8}))
    assert [(one.name, one.cores, one.ssh) for one in load_machines(file)] == [("a", 6, "me@a"), ("b", 8, "b")]
