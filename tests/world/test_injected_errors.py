"""Every system call that writes fails, one after the other, with every error of a disk, in every command: it is told
with an exit code, is never taken for a bug of ours, and loses nothing. The same command given again completes.

A seeded twentieth of all is tried each time; `-m soak` tries every one.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from kit.program import Machine
from shareout.cli import main

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EINTR)
COMMANDS = {
    "run": ["run", "--machine", "alice", "--yes", "-q"],
    "plan": ["plan"],
    "init": ["init", "--configs", "fresh"],
    "status": ["status"],
    "list": ["list"],
    "show": ["show", "1"],
    "explain": ["explain", "1"],
    "replay": ["replay", "1"],
    "requeue": ["requeue", "1"],
    "skip": ["skip", "1"],
    "csv": ["merge-results", "-o", "table.csv"],
    "sqlite": ["merge-results", "-o", "table.sqlite"],
    "merge-logs": ["merge-logs", "-o", "all.log"],
    "export": ["export", "--format", "joblog", "-o", "joblog"],
    "report": ["report", "-o", "page.html"],
    "rebalance": ["rebalance", "-o", "rest"],
}
JOBS = 6
SEED = int(os.environ.get("SHAREOUT_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("faulty") / "faulty.so"
    source = Path(__file__).with_name("faulty.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


class Injector:
    """Calls a command in a fresh copy of a folder, with one fault."""

    def __init__(self, library: Path, template: Path, place: Path) -> None:
        self._library, self._template, self._place = library, template, place

    def call(self, name: str, at: int, number: int) -> tuple[Machine, subprocess.CompletedProcess[bytes]]:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._template, self._place)
        here = Machine(self._place)
        environ = {
            **os.environ, "LD_PRELOAD": str(self._library), "FAULT_AT": str(at), "FAULT_ERRNO": str(number),
            "FAULT_COUNT": str(self._place / "calls"), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        call = [*here.program, *COMMANDS[name]]
        done = subprocess.run(call, cwd=here.folder, env=environ, capture_output=True, timeout=60, check=False)
        return here, done

    def calls(self, name: str) -> int:
        """How many there are without a fault."""
        here, done = self.call(name, 0, 0)
        assert done.returncode in (0, 1), done.stderr
        return int((here.folder / "calls").read_text())


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def injector(faulty: Path, tmp_path: Path, command: str) -> Iterator[Injector]:
    before = Machine(tmp_path / "before")
    before.folder.mkdir()
    before.jobs(*(f"echo {number}" for number in range(JOBS)))
    if command == "rebalance":
        before.run("-q", "-n", "3")
    elif command != "run":
        before.run("-q")
    return Injector(faulty, before.folder, tmp_path / "after")


def again(here: Machine, words: list[str]) -> tuple[int, str]:
    """A command without a fault. In this process, which is quicker by far."""
    with pytest.MonkeyPatch.context() as there, redirect_stdout(StringIO()) as out:
        there.chdir(here.folder)
        return main(words), out.getvalue()


def check(injector: Injector, command: str, faults: list[tuple[int, int]]) -> None:
    for at, number in faults:
        here, done = injector.call(command, at, number)
        told = f"{command}, call {at}, {errno.errorcode[number]}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}"
        # What a run cannot record ends it with 3, resumable; no output was asked of it.
        assert done.returncode in ((0, 3) if command == "run" else (0, 1, 2, 3, 4, 74)), told
        assert b"Traceback" not in done.stderr, told
        if done.returncode:
            assert done.stderr, told
        # Nothing is lost: the same again, without a fault, and all is there.
        if command == "rebalance":
            shutil.rmtree(here.folder / "rest", ignore_errors=True)
        if command == "run":
            assert here.call(*COMMANDS[command], code=None).code == 0, told
        elif command not in ("init", "replay"):
            code, _ = again(here, COMMANDS[command])
            assert code in ((0, 1, 2) if command in ("skip", "requeue") else (0,)), f"{told}\nthen: {code}"
        if command in ("requeue", "skip"):
            here.run("-q")
        if command != "rebalance":
            code, out = again(here, ["merge-results", "-o", "whole.csv"])
            assert code == 0, told
            assert "complete: " in out, told


def test_a_twentieth_of_all_errors_of_the_disk_are_told_and_lose_nothing(injector: Injector, command: str) -> None:
    faults = [(at, number) for at in range(1, injector.calls(command) + 1) for number in ERRORS]
    print(f"SHAREOUT_SEED={SEED}: of {len(faults)} faults")
    chosen = random.Random(f"{SEED} {command}").sample(faults, -(-len(faults) // 20))
    check(injector, command, chosen)


@pytest.mark.soak
def test_all_errors_of_the_disk_are_told_and_lose_nothing(injector: Injector, command: str) -> None:
    faults = [(at, number) for at in range(1, injector.calls(command) + 1) for number in ERRORS]
    print(f"{command}: {len(faults)} faults")
    check(injector, command, faults)
