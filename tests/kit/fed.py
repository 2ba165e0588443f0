"""A run whose jobs come while it is served, and hosts that join it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit.program import Machine


class Fed:
    """A folder where `serve` runs, and hosts that have the program and the token."""

    def __init__(self, folder: Path) -> None:
        self.home = Machine(folder / "home")
        self.hosts: dict[str, Machine] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.home.folder.mkdir()

    def serve(self, *words: str, **how: Any) -> None:
        self.serving = self.home.spawn("serve", "--port", "0", "--dead", "6s", *words, **how)
        assert self.serving.stderr is not None
        # It is told when all that hosts need is there.
        told = self.serving.stderr.readline()
        assert b"at nats://" in told, told

    @property
    def address(self) -> str:
        port = next(self.home.folder.glob("runs/*/*/server/port")).read_text().strip()
        return f"nats://127.0.0.1:{port}"

    @property
    def token(self) -> Path:
        return next(self.home.folder.glob("runs/*/*/token"))

    def join(self, name: str, script: str = "", words: Sequence[str] = ("-j", "2")) -> None:
        """`script`: of the host's own program."""
        host = self.hosts[name] = Machine(self.home.folder.parent / name)
        host.folder.mkdir()
        if script:
            self.program(host, script)
        who = ["--token-file", str(self.token), "--name", name, "--yes"]
        self.processes[name] = host.spawn("join", self.address, *who, *words)

    def program(self, machine: Machine, script: str) -> None:
        """It runs this one."""
        machine.write("main.py", script)
        machine.program = machine.way.script("main.py")

    def end_all(self) -> None:
        """Whatever a test has left."""
        for one in (self.home, *self.hosts.values()):
            one.end_all()

    def done(self, name: str) -> int:
        try:
            return sum(one["state"] == "done" for one in self.hosts[name].records())
        except (StopIteration, json.JSONDecodeError):
            return 0

    def ended(self, process: subprocess.Popen[bytes], code: int | None = 0) -> str:
        told = process.communicate(timeout=90)[1].decode()
        assert "Traceback" not in told
        assert code is None or process.returncode == code, told
        return told
