"""Plan, merge and status are promised where Linux is not: a run's directories are brought there. The modules, calls and
files that only Linux has, or Unix, are taken away, and the same words are told.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from kit.program import Machine

BARE = """
import builtins, io, os, signal, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for name in (
    "fork", "forkpty", "fstatvfs", "getloadavg", "getuid", "geteuid", "killpg", "nice", "pidfd_open", "posix_spawn",
    "pread", "pwrite", "register_at_fork", "sched_getaffinity", "set_blocking", "setsid", "wait4", "waitid",
):
    delattr(os, name)
def without_proc(real):
    def call(path, *more, **named):
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", os.fsdecode(path))
        return real(path, *more, **named)
    return call
builtins.open = io.open = without_proc(builtins.open)
for name in ("open", "listdir", "scandir", "stat"):
    setattr(os, name, without_proc(getattr(os, name)))
from shareout.cli import main
sys.exit(main(sys.argv[1:]))
"""
CALLS = [
    ["plan"], ["plan", "--json"], ["plan", "--machine", "alice", "--ids"], ["plan", "--card"], ["status", "--json"],
    ["status", "--active"], ["list"], ["show", "1"], ["merge-results", "-o", "-"],
    ["merge-results", "-o", "-", "--columns", "all"], ["merge-results", "--json", "-o", "t.sqlite"],
    ["merge-results", "-o", "t.csv.gz", "--json"], ["merge-logs"], ["merge-logs", "--raw"], ["explain", "1"],
    ["export", "--format", "joblog"],
]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    here = Machine(tmp_path_factory.mktemp("elsewhere"))
    here.jobs(*(f"echo {number}; echo no >&2" for number in range(20)), machines='{"alice": [1, 1], "bob": [1, 1]}')
    for name in ("alice", "bob"):
        here.run("--quiet", machine=name)
    return here


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_it_tells_the_same_where_there_is_no_linux(ran: Machine, words: list[str]) -> None:
    called = [
        subprocess.run([*program, *words], cwd=ran.folder, capture_output=True, text=True, check=False)
        for program in (ran.program, [sys.executable, "-c", BARE])
    ]
    linux, elsewhere = ((one.returncode, one.stdout, one.stderr) for one in called)
    assert linux[0] == 0, linux
    assert elsewhere == linux


def test_a_run_is_refused_in_words(ran: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE, "run", "--machine", "alice", "--yes"],
        cwd=ran.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "jobs run on Linux, and `run` runs some" in done.stderr
