"""A run on NATS servers that somebody has: hosts join as ever, and of a cluster one server may die."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.nats_theirs import Theirs, leads, theirs
from kit.program import Machine
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network: test_joined has it")

JOBS = 200
MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'


class Run:
    """`serve --nats` in one folder, and hosts with the same inputs in others."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.home, self.alice, self.bob, self.guest = (
            Machine(folder / name).jobs(*lines, machines=MACHINES) for name in ("home", "alice", "bob", "guest")
        )
        (self.guest.folder / "configs" / "machines.json").unlink()
        (self.guest.folder / "configs" / "jobs.txt").unlink()

    def serve(self, urls: str, *words: str) -> Any:
        serving = self.home.spawn("serve", "--nats", urls, *words)
        wait_until(lambda: list(self.home.folder.glob("runs/*/*/address")))
        return serving

    @property
    def token(self) -> Path:
        return next(self.home.folder.glob("runs/*/*/token"))

    def start(self, name: str, url: str) -> Any:
        host: Machine = getattr(self, name)
        said = ["--token-file", str(self.token)]
        if name == "guest":
            return host.spawn("join", url, *said, "--name", name, "--yes", "-j", "2")
        return host.start("--join", url, *said, machine=name)

    def end_all(self) -> None:
        for one in (self.home, self.alice, self.bob, self.guest):
            one.end_all()


def told(process: Any, code: int = 0, seconds: float = 90) -> str:
    _, said = process.communicate(timeout=seconds)
    text: str = said.decode()
    assert "Traceback" not in text
    assert process.returncode == code, text
    return text


def done(host: Machine) -> int:
    try:
        return sum(one["state"] == "done" for one in host.records())
    except (StopIteration, ValueError):
        return 0


def certificate(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("certificate"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path, *[f"sleep 0.1; echo {number}" for number in range(JOBS)])
    yield made
    made.end_all()


def streams_of(run: Run) -> str:
    from shareout.stores.nats.token import read_token

    entrance = read_token(str(run.token), {}, "").entrance
    assert entrance is not None
    return entrance.prefix.replace(".", "-")


def kill_the_leader(run: Run, cluster: Theirs, stream: str) -> int:
    name = f"{streams_of(run)}-{stream}"
    leader = int(wait_until(lambda: leads(cluster.ports, name)).rpartition("-")[2])
    cluster.kill(leader)
    return leader


@pytest.mark.slow
def test_a_run_on_a_cluster_goes_on_when_one_of_its_servers_dies_whichever_it_is(run: Run, tmp_path: Path) -> None:
    with theirs(tmp_path / "cluster", 3) as cluster:
        serving = run.serve(cluster.urls)
        # Each host knows one server by its call, and all of them by the token.
        hosts = [run.start(name, url) for name, url in zip(("alice", "bob"), cluster.urls.split(","), strict=False)]
        wait_until(lambda: done(run.alice) > 3 and done(run.bob) > 3, 60)
        first = kill_the_leader(run, cluster, "lanes")
        seen = done(run.alice), done(run.bob)
        wait_until(lambda: done(run.alice) > seen[0] + 3 and done(run.bob) > seen[1] + 3, 60)
        cluster.start(first)
        wait_until(lambda: leads([cluster.ports[first]], f"{streams_of(run)}-files"), 60)
        kill_the_leader(run, cluster, "files")
        for one in hosts:
            assert f"{JOBS} done, 0 failed" in told(one)
        assert "one copy" not in told(serving)
        merged = run.home.call("merge-results", "-o", "all.csv")
    assert "complete: 200 of 200 jobs" in merged.out
    by_itself = Machine(tmp_path / "by itself").jobs(
        *[f"sleep 0.1; echo {number}" for number in range(JOBS)], machines=MACHINES
    )
    by_itself.run("-j", "32", machine="all")
    other = by_itself.call("merge-results", "-o", "all.csv")
    assert certificate(merged.out) == certificate(other.out)


def test_hosts_with_a_token_alone_join_and_a_killed_serve_goes_on(run: Run, tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("ann:secret word".replace(" ", "-") + "\n")
    login.chmod(0o600)
    users = [{"user": "ann", "password": "secret-word"}]
    with theirs(tmp_path / "one", authorization={"users": users}) as server:
        serving = run.serve(server.urls, "--login", str(login))
        assert stat.S_IMODE(run.token.stat().st_mode) == 0o600
        prefix = streams_of(run)
        hosts = [run.start("guest", server.urls)]
        wait_until(lambda: done(run.guest) > 3, 60)
        os.kill(run.home.python(serving), 9)
        serving.wait()
        server.kill(0)
        server.start(0)
        # What its operators give may change: the run stays the same.
        serving = run.serve(server.urls, "--login", str(login), "--keep")
        assert streams_of(run) == prefix
        hosts += [run.start("alice", server.urls), run.start("bob", server.urls)]
        for one in hosts:
            assert "0 to do" in told(one)
        looked = run.home.call("status", server.urls, "--token-file", str(run.token), "--json").json
        assert looked["done"] == JOBS
        serving.terminate()
        said = told(serving, 143)
        assert "keeps one copy of what hosts tell" in said
        # Nobody serves now, and nobody else lays down what has arrived.
        assert "nothing is to do again" in run.home.call("requeue", "--failed").out
        assert "complete: 200 of 200 jobs" in run.home.call("merge-results", "-o", "all.csv").out
        refused = run.home.call("serve", "--port", "0", code=2).err
        assert f"this run lies on {server.urls}" in refused
