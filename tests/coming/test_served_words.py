"""Who comes from servers of tasks: spit's and Runmaker's words in `examples/coming`, and disBatch's contexts."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from kit.fed import Fed
from kit.program import Machine
from kit.wait import wait_until

WRAPPERS = Path(__file__).parents[2] / "examples" / "coming"
SPIT = tomllib.loads((Path(__file__).parent / "transcripts" / "spit.toml").read_text())
PROG = '#!/bin/sh\necho "got $*"; test "$2" != 3 || test -e ../mended\n'
TASKS = """\
#DISBATCH PERENGINE START echo start $DISBATCH_ENGINE_RANK >> ../engines
#DISBATCH PERENGINE STOP echo stop $DISBATCH_ENGINE_RANK >> ../engines
#DISBATCH PREFIX touch ../began-$DISBATCH_REPEAT_INDEX; while [ ! -e ../go ]; do sleep 0.02; done;
#DISBATCH REPEAT 6 exit $((DISBATCH_REPEAT_INDEX == 5))
#DISBATCH PREFIX
#DISBATCH BARRIER CHECK
touch ../behind
"""


class Wrapped:
    """The wrappers, with our program on their path, in a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        program = folder / "bin" / "shareout"
        for one in (program.parent, folder / "there", folder / "here"):
            one.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(Machine.way.runner())} "$@"\n')
        program.chmod(0o755)
        self.environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(folder)}

    def start(self, where: str, name: str, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(WRAPPERS / name), *words], cwd=self.folder / where, env=self.environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def port(self, told: IO[str] | None) -> str:
        """Where it is served: that is told when hosts may come."""
        assert told is not None
        found = next(found for line in told if (found := re.search(r" at nats://[^:]+:(\d+)", line)))
        copy = self.folder / ".spit.token"
        copy.touch(0o600)
        copy.write_text(next((self.folder / "there").glob("runs/*/*/token")).read_text())
        return found[1]

    def end(self) -> None:
        for one in self.started:
            if one.poll() is None:
                os.killpg(one.pid, signal.SIGKILL)
            one.communicate()


@pytest.fixture
def wrapped(tmp_path: Path) -> Iterator[Wrapped]:
    made = Wrapped(tmp_path)
    yield made
    made.end()


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def marks(text: str) -> list[str]:
    """What became of which task, in spit's words."""
    found = (re.search(r"op=(mark-\w+),.*task_id=(.*)", line) for line in text.splitlines())
    return sorted(f"{one[1]} {one[2]}" for one in found if one)


def test_spits_server_and_workers_by_their_own_words_and_again_after_they_ended(wrapped: Wrapped) -> None:
    there = wrapped.folder / "there"
    (there / "infile.txt").write_text(SPIT["infile"])
    (wrapped.folder / "prog").write_text(PROG)
    (wrapped.folder / "prog").chmod(0o755)
    server = wrapped.start("there", "spit-server.sh", "-p", "0", "infile.txt", "done.txt", "--dead", "6s")
    words = ["-p", wrapped.port(server.stderr), "-x", "1", "-o", "-c", "../prog given"]
    workers = wrapped.start("here", "spit-workers.sh", *words)
    printed = workers.communicate(timeout=60)[0]
    assert re.match(r"worker_count=1\nwork_dir=\nbatch_id=.+-[0-9]+\n", printed)
    assert sorted(line.partition(": ")[2] for line in printed.splitlines()[3:]) == [
        line for line in SPIT["workers"].splitlines() if line.startswith("got")
    ]
    log = server.communicate(timeout=60)[0]
    assert server.returncode == 1
    assert marks(log) == marks(SPIT["server"])
    assert {"ready", "stats", "exit"} <= set(re.findall(r"op=([\w-]+)", log))
    assert log.splitlines()[-1].endswith("ntodo=0,nassigned=0,ndone=2,nfailed=1")
    assert sorted((there / "done.txt").read_text().splitlines()) == sorted(SPIT["done"].split("\n")[:-1])
    # The same again: what had failed runs again, and nothing else.
    (wrapped.folder / "mended").touch()
    server = wrapped.start("there", "spit-server.sh", "-p", "0", "infile.txt", "done.txt", "--dead", "6s")
    words[1] = wrapped.port(server.stderr)
    workers = wrapped.start("here", "spit-workers.sh", *words)
    assert "got given 3\n" in workers.communicate(timeout=60)[0]
    server.communicate(timeout=60)
    assert server.returncode == 0
    assert sorted((there / "done.txt").read_text().splitlines()) == ["1", "3", "it is 5"]


def test_runmakers_server_and_client_by_their_own_words(wrapped: Wrapped) -> None:
    there = wrapped.folder / "there"
    (there / "runs.txt").write_text(". echo a; echo A\n. echo b\nd echo done\n")
    server = wrapped.start("there", "runmaker4-server.sh", "-p", "0", "runs.txt", "--dead", "6s")
    assert server.stdout is not None
    port = wrapped.port(server.stdout)
    told = next(line for line in server.stdout if line.startswith("Token for runmaker4-client"))
    file = wrapped.folder / ".runmaker4.token"
    assert file.stat().st_mode & 0o777 == 0o600
    token = file.read_text().strip()
    assert told == f"Token for runmaker4-client.sh: {token} (written to {file})\n"
    wrong = "A" * 32 if token != "A" * 32 else "B" * 32
    refused = wrapped.start("here", "runmaker4-client.sh", "-p", port, "--token", wrong, "localhost")
    assert "is not that of" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    client = wrapped.start("here", "runmaker4-client.sh", "-j2", "-p", port, "--token", token, "localhost")
    assert sorted(client.communicate(timeout=60)[0].splitlines()) == ["0: A", "0: a", "1: b"]
    assert client.returncode == 0
    assert server.poll() is None, "it stays"
    home = Machine(there)
    wait_until(lambda: home.call("export", "--format", "runmaker").out == "d echo a; echo A\nd echo b\nd echo done\n")


def test_disbatchs_contexts_have_a_limit_a_label_and_soft_ends_and_a_check_is_of_all_engines(
    fed: Fed, tmp_path: Path
) -> None:
    fed.home.write("Tasks", TASKS)
    fed.serve("Tasks")
    fed.join("A", words=["-j", "1", "-n", "1"])
    fed.join("B", words=["-j", "2"])
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 3, 30)
    # Softly: it ends what runs, and takes nothing more.
    fed.home.call("drain", "B")
    fed.join("late", words=["-j", "1"])
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 4, 30)
    assert all(process.poll() is None for process in fed.processes.values())
    (tmp_path / "go").touch()
    assert "1 done" in fed.ended(fed.processes["A"], None)
    assert "2 done" in fed.ended(fed.processes["B"], None)
    fed.ended(fed.processes["late"], 1)
    fed.ended(fed.serving, 1)
    assert sorted((tmp_path / "engines").read_text().split("\n")[:-1]) == [
        f"{what} {rank}" for what in ("start", "stop") for rank in range(3)
    ], "each has run them once, and has a rank of its own"
    assert not (tmp_path / "behind").exists()
    state = fed.home.call("list", "--json", code=None).json
    assert {one["machine"] for one in state if one["state"] in "d!"} == {"A", "B", "late"}
    assert [one["state"] for one in state] == [*"ddddd", "!", "."]
