"""Hosts that join a shared folder, each a folder of its own here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from kit.program import Machine

DEAD = "3s"


class Joiners:
    """Some that run as machines, some that come as guests, and the folder that all of them see."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shared = folder, folder / "shared"
        self.shared.mkdir(exist_ok=True)
        self.hosts: dict[str, Machine] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def host(self, name: str) -> Machine:
        """Its folder, made when it is first asked for."""
        if name not in self.hosts:
            self.hosts[name] = Machine(self.folder / name)
            self.hosts[name].folder.mkdir(exist_ok=True)
        return self.hosts[name]

    def run(self, name: str, *words: str, machine: str = "", dead: str = DEAD) -> subprocess.Popen[bytes]:
        """As a machine of the plan."""
        said = ("run", "--machine", machine or name, "--yes", "--join", str(self.shared), "--dead", dead, *words)
        return self._start(name, *said)

    def join(self, name: str, *words: str, said: str = "") -> subprocess.Popen[bytes]:
        """As a guest."""
        return self._start(name, "join", str(self.shared), "--yes", "--name", said or name, *words)

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        host = self.host(name)
        process = subprocess.Popen(
            [*host.program, *words], cwd=host.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, **host.environ},
        )  # fmt: skip
        host.started.append(process)
        self.processes[name] = process
        return process

    def ended(self, name: str, code: int = 0, seconds: float = 60) -> str:
        """What it told by then."""
        _, told = self.processes[name].communicate(timeout=seconds)
        text = told.decode()
        assert "Traceback" not in text
        assert self.processes[name].returncode == code, text
        return text

    def kill(self, name: str) -> None:
        os.kill(self.hosts[name].python(self.processes[name]), signal.SIGKILL)
        self.processes[name].wait()

    def done(self, name: str) -> int:
        try:
            return sum(one["state"] == "done" for one in self.hosts[name].records())
        except (StopIteration, json.JSONDecodeError):
            return 0

    def looker(self) -> Machine:
        """One who has neither inputs nor runs."""
        return self.host("looker")

    def merged(self) -> str:
        """Of what lies in the folder: what the merge says."""
        told = self.looker().call("merge-results", str(self.shared), "-o", "all.csv")
        return told.err + told.out

    def status(self) -> Any:
        return self.looker().call("status", str(self.shared), "--json").json

    def entries(self, below: str) -> dict[str, Any]:
        """What stands at the keys below a folder of the ledgers."""
        found = sorted(self.shared.glob(f"*/*/{below}"))
        return {path.name: json.loads(os.readlink(path).replace("\x1f", "/")) for path in found}

    def end_all(self) -> None:
        for host in self.hosts.values():
            host.end_all()
