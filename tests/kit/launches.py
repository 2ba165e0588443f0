"""Launches over ssh, as a user at one terminal starts them: on hosts that are each a real sshd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.far_hosts import SSHD, Net
from kit.network import SERVER, Network
from kit.program import Machine
from kit.wait import processes_with, wait_until


@contextmanager
def hosts_for(here: Machine, folder: Path, network: Network | None = None) -> Iterator[Net]:
    """Hosts that this machine's ssh knows; none is up yet. With a network each has a cable, and so has this one."""
    assert Path(SSHD).exists(), "these tests need openssh-server; `make test` installs it"
    one = Net(folder, network)
    # A socket's path must be short, and that of a test is not.
    one.temporary = Path(tempfile.mkdtemp(prefix="launch-"))
    here.program = network.within(SERVER, here.program) if network else here.program
    here.environ = {**one.environ(), "TMPDIR": str(one.temporary)}
    try:
        yield one
    finally:
        here.end_all()
        one.end()
        shutil.rmtree(one.temporary)


def runner(here: Machine) -> list[str]:
    """What is copied there: the executable itself, or a script that starts the sources."""
    if here.way.name == "executable":
        return []
    script = here.folder.parent / "runner"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shareout "$@"\n')
    script.chmod(0o755)
    return ["--exe", str(script)]


def started(here: Machine, *words: str) -> subprocess.Popen[bytes]:
    with said(here).open("wb") as told:
        process = subprocess.Popen(
            [*here.program, "launch", *runner(here), *words], cwd=here.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=told, env={**os.environ, **here.environ},
        )  # fmt: skip
    here.started.append(process)
    return process


def said(here: Machine) -> Path:
    """What a launch that was started tells people."""
    return here.folder.parent / "said"


def until(here: Machine, line: str) -> None:
    wait_until(lambda: line in said(here).read_text())


def waiting(here: Machine, net: Net, count: int = 4) -> Path:
    """Jobs that wait for the file that is given back."""
    go = net.folder / "go"
    return here.jobs(*[f"while [ ! -e {go} ]; do sleep 0.02; done"] * count, machines=net.machines()) and go


def two(net: Net) -> None:
    for name in ("alice", "bob"):
        net.host(name).start()


def nothing_is_left(net: Net) -> None:
    """No process of the client's ssh, no socket, nothing that is not whole."""
    wait_until(lambda: not processes_with(f"{net.folder}/config"))
    assert not list(net.temporary.iterdir())
    assert not [one for host in net.hosts.values() for one in host.home.rglob(".part-*")]
