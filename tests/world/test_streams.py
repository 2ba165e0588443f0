"""Standard streams that are closed, full, broken or of another alphabet: told, with an exit code, and no run harmed."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.shell import in_shell

NAMES = ["echo one", "echo two", "echo drei — ü"]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that has run."""
    machine = Machine(tmp_path_factory.mktemp("there")).jobs(*NAMES)
    machine.run("-q")
    return machine


@pytest.mark.parametrize("words", ["list", "show 0", "--version", "--help", "plan --json", "status", "merge-logs runs"])
def test_what_was_asked_for_and_cannot_be_written_is_74(there: Machine, words: str) -> None:
    closed = in_shell(there, words, ">&-")
    assert (closed.code, "standard output cannot be written: it is closed" in closed.err) == (74, True)
    full = there.folder / "full"
    if not full.exists():
        os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    told = in_shell(there, words, "> full")
    assert (told.code, "No space left on device" in told.err) == (74, True)


@pytest.mark.parametrize("words", ["list", "plan --machine alice --ids", "show 0"])
def test_a_reader_that_leaves_is_told_nothing_and_the_exit_code_is_74(there: Machine, words: str) -> None:
    told = in_shell(there, words, "| :")
    assert told.err == ""
    # Little output may have been taken before the reader left.
    assert told.code in (0, 74)


def test_a_reader_that_has_left_before_is_74(there: Machine) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*there.program, "list"], cwd=there.folder, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (74, b"")


def test_a_tee_that_nobody_reads_lets_the_run_go_on_and_tells(tmp_path: Path) -> None:
    here = Machine(tmp_path).jobs(*["echo line"] * 30)
    told = in_shell(here, "run --machine alice --yes -q --tee", "> >(:)")
    assert len(here.records()) == 30
    reader, writer = os.pipe()
    os.close(reader)
    call = [*here.program, "run", "--machine", "alice", "--yes", "-q", "--tee", "--runs", "others"]
    done = subprocess.run(call, cwd=here.folder, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.returncode == 74, told
    assert b"standard output is gone (Broken pipe)" in done.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
@pytest.mark.parametrize("words", ["--help", "run --help", "list", "show 2", "plan", "status", "report -o page.html"])
def test_any_locale_will_do(there: Machine, environ: dict[str, str], words: str) -> None:
    told = in_shell(there, words, "", **environ)
    assert told.code == 0, told.err


def test_quiet_tells_what_is_wrong_and_nothing_else(here: Machine) -> None:
    here.jobs("true", "true")
    assert here.run("-q").err == ""
    here.jobs("exit 1", "exit 2").write("configs/runner.config", "[hooks]\non_finish = exit 9\n")
    told = here.run("-q", code=1)
    assert "2 failed" in told.err
    assert "exit 9" in told.err
    here.jobs(*["sleep 0.4"] * 30)
    assert "to do" in here.run("-q", "--until", "2s", code=3).err


@pytest.mark.parametrize("shell", ["/nonexistent", "/etc/passwd", "/"])
def test_a_shell_that_is_none_is_refused_before_any_job_starts(here: Machine, shell: str) -> None:
    here.jobs("echo a; echo b")
    assert f"{shell} is no program" in here.run("--shell", shell, code=2).err
    assert not list(here.folder.glob("runs/*/*/journal*"))
