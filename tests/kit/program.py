"""Runs the real program as a user does, in a folder of its own, and compares both streams and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kit.ways import MODULE, Way
from shareout.record.folder import RunFolder


@dataclass(frozen=True)
class Told:
    """What a call printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Machine:
    """One folder with inputs: a machine, as far as the program can tell."""

    # How the program is reached. End-to-end tests run on each way: tests/end_to_end/conftest.py sets it.
    way: ClassVar[Way] = MODULE

    folder: Path
    program: list[str] = field(default_factory=lambda: Machine.way.runner())
    environ: Mapping[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        return path

    def jobs(self, *lines: str, machines: str = '{"alice": [1, 2]}') -> Machine:
        self.write("configs/jobs.txt", "".join(f"{line}\n" for line in lines))
        self.write("configs/machines.json", machines)
        return self

    def script(self, text: str, machines: str = '{"alice": [1, 2]}') -> Machine:
        """An entry script; the program is then that script."""
        self.write("main.py", text)
        self.write("configs/machines.json", machines)
        self.program = self.way.script("main.py")
        return self

    def call(self, *words: str, stdin: bytes = b"", timeout: float = 60, code: int | None = 0) -> Told:
        done = subprocess.run(
            [*self.program, *words], cwd=self.folder, input=stdin, capture_output=True, timeout=timeout,
            env={**os.environ, **self.environ}, check=False,
        )  # fmt: skip
        told = Told(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
        # Only a replay shows one: its job's own.
        is_jobs = words[:1] == ("replay",) and "shareout/" not in told.err
        assert "Traceback" not in told.err or is_jobs, told.err
        if code is not None:
            assert told.code == code, f"{words} ended with {told.code}\n{told.out}\n{told.err}"
        return told

    def run(self, *words: str, machine: str = "alice", code: int | None = 0, timeout: float = 60) -> Told:
        return self.call("run", "--machine", machine, "--yes", *words, code=code, timeout=timeout)

    def start(self, *words: str, machine: str = "alice", **more: Any) -> subprocess.Popen[bytes]:
        """The same without waiting for it."""
        return self.spawn("run", "--machine", machine, "--yes", *words, **more)

    def spawn(self, *words: str, **more: Any) -> subprocess.Popen[bytes]:
        """Any command, without waiting for it."""
        more.setdefault("env", {**os.environ, **self.environ})
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(
            [*self.program, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
        )
        self.started.append(process)
        return process

    def end_all(self) -> None:
        """What a test that failed has left running waits for things that nobody does any more."""
        for process in self.started:
            # Leaving it waits, and closes its pipes: a test need not read them.
            with process:
                process.kill()

    def python(self, process: subprocess.Popen[bytes]) -> int:
        """The process that runs Python: the one that was started, or the child of a one-file program's loader."""
        return self.way.python(process.pid)

    @property
    def run_folder(self) -> Path:
        # A run has a log a moment before it has a journal.
        found = (one for name in ("journal.*.jsonl", "log-*.gz") for one in self.folder.glob(f"runs/*/*/{name}"))
        return next(found).parent

    def records(self, folder: Path | None = None) -> list[dict[str, Any]]:
        """The attempts in the journals, in order."""
        journals = RunFolder(folder or self.run_folder).journals()
        lines = [line for journal in journals for line in journal.read_bytes().splitlines()]
        return [facts for line in lines if "job" in (facts := json.loads(line))]

    @property
    def journal(self) -> Path:
        """Of the last start."""
        return RunFolder(self.run_folder).journals()[-1]

    def log(self) -> str:
        """What `zcat` reads of the log; it must not complain."""
        segments = sorted(str(path) for path in self.run_folder.glob("log-*.gz"))
        return subprocess.run(["zcat", *segments], capture_output=True, check=True).stdout.decode("utf-8", "replace")
