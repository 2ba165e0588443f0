"""What this user has no right to read ends every command alike, with 74: nothing is told as if it were not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.program import Machine
from shareout.cli import main, make_parser

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

COMMANDS = {
    "plan": ["plan"],
    "run": ["run", "--machine", "alice", "--yes"],
    "list": ["list"],
    "status": ["status"],
    "wait": ["wait"],
    "show": ["show", "0"],
    "explain": ["explain", "0"],
    "replay": ["replay", "0"],
    "skip": ["skip", "0"],
    "requeue": ["requeue", "0"],
    "export": ["export", "--format", "disbatch", "-o", "-"],
}
OF_RUNS = {
    **{name: words for name, words in COMMANDS.items() if name not in ("plan", "run")},
    "merge-results": ["merge-results"],
    "merge-logs": ["merge-logs"],
    "report": ["report", "-o", "-"],
    "rebalance": ["rebalance", "-o", "rest"],
}
ALL = {**COMMANDS, **OF_RUNS}
Call = Callable[[list[str]], str]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Where root has run, and anybody could go on."""
    machine = Machine(tmp_path_factory.mktemp("there")).jobs("true", "false")
    machine.write("configs/runner.config", "")
    machine.write("configs/header.csv", "status\n")
    machine.write("home.tar.gz", b"")
    machine.run("-q", code=1)
    with pytest.MonkeyPatch.context() as here:
        # Python may be in a place where only root can load what a command needs.
        here.chdir(machine.folder)
        for words in ALL.values():
            make_parser(words[0])
            if words[0] != "run":
                main(words)
        shutil.rmtree("rest")
    above = [path for path in machine.folder.parents if path.is_relative_to(tmp_path_factory.getbasetemp().parents[1])]
    for path in [*above, machine.folder, *machine.folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return machine


@pytest.fixture
def call(there: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """A command by somebody who has no rights; what it says, when it ends with 74."""
    monkeypatch.chdir(there.folder)

    def ended(words: list[str]) -> str:
        code = main(words)
        told = capsys.readouterr()
        assert (words, code, told.out) == (words, 74, ""), told.err
        return told.err.lower()

    os.seteuid(65534)
    try:
        yield ended
    finally:
        os.seteuid(0)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Nobody but root reads it meanwhile."""
    os.seteuid(0)
    mode = path.stat().st_mode
    path.chmod(0)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        path.chmod(mode)
        os.seteuid(65534)


@pytest.mark.parametrize("name", ["jobs.txt", "machines.json", "runner.config", "header.csv", ""])
def test_inputs_that_cannot_be_read_are_74_in_every_command(there: Machine, call: Call, name: str) -> None:
    before = len(there.records())
    with unreadable(there.folder / "configs" / name):
        for words in COMMANDS.values():
            told = call(words)
            assert f"configs/{name}".rstrip("/") in told, words
            assert "permission denied" in told
            assert "give yourself the right to it" in told
    assert len(there.records()) == before


@pytest.mark.parametrize("words", OF_RUNS.values(), ids=OF_RUNS)
def test_runs_that_cannot_be_read_are_74_in_every_command(there: Machine, call: Call, words: list[str]) -> None:
    with unreadable(there.folder / "runs"):
        told = call(words)
    assert "runs" in told
    assert "permission denied" in told


def test_an_archive_that_cannot_be_read_is_74(there: Machine, call: Call) -> None:
    with unreadable(there.folder / "home.tar.gz"):
        assert "home.tar.gz: permission denied" in call(["merge-results", "home.tar.gz"])
