"""Hosts that have one address in common end together, whatever becomes of the server, of `serve`, or of a host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.network import networked, why_no_network
from kit.program import Machine
from kit.served import server_of, visitor
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network: test_joined has it")

DEAD = "6s"
MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'


class Served:
    """A folder where `serve` runs, and some hosts, each a folder with the same inputs and nothing in common."""

    def __init__(self, folder: Path, *lines: str, machines: str = MACHINES) -> None:
        self.home = Machine(folder / "home").jobs(*lines, machines=machines)
        self.hosts = {name: Machine(folder / name).jobs(*lines, machines=machines) for name in json.loads(machines)}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.serving: subprocess.Popen[bytes]

    def serve(self, *words: str) -> None:
        self.serving = self.home.spawn("serve", "--port", "0", "--dead", DEAD, *words)
        wait_until(lambda: self.port)

    @property
    def folder(self) -> Path:
        return next(self.home.folder.glob("runs/*/*/token")).parent

    @property
    def port(self) -> int:
        """0 while it does not answer."""
        import socket

        try:
            port = int((self.folder / "server" / "port").read_text())
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except (OSError, StopIteration, ValueError):
            return 0
        return port

    @property
    def server(self) -> int:
        """0 while there is none."""
        try:
            return int((self.folder / "server" / "server.pid").read_text())
        except (OSError, ValueError):
            return 0

    def words(self) -> list[str]:
        return ["--join", f"nats://127.0.0.1:{self.port}", "--token-file", str(self.folder / "token")]

    def join(self, name: str, *words: str) -> None:
        """As a host that has the program and the token, and nothing else."""
        host = self.hosts.setdefault(name, Machine(self.home.folder.parent / name))
        host.folder.mkdir(exist_ok=True)
        _, address, *token = self.words()
        self.processes[name] = host.spawn("join", address, *token, "--name", name, "--yes", "-j", "2", *words)

    def start(self, name: str, *words: str) -> None:
        self.processes[name] = self.hosts[name].start(*self.words(), *words, machine=name)

    def ended(self, name: str, code: int = 0, seconds: float = 90) -> str:
        process = self.serving if name == "serve" else self.processes[name]
        self.printed, told = process.communicate(timeout=seconds)
        text = told.decode()
        assert "Traceback" not in text
        assert process.returncode == code, text
        return text

    def done(self, name: str) -> int:
        try:
            return sum(one["state"] == "done" for one in self.hosts[name].records())
        except (StopIteration, json.JSONDecodeError):
            return 0

    def end_all(self) -> None:
        for one in (self.home, *self.hosts.values()):
            one.end_all()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Any]:
    all_of_them: list[Served] = []

    def make(*lines: str, **more: Any) -> Served:
        all_of_them.append(Served(tmp_path, *lines, **more))
        return all_of_them[-1]

    yield make
    for one in all_of_them:
        one.end_all()


def certificate(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("certificate"))


def alone(folder: Path, *lines: str) -> str:
    host = Machine(folder / "alone").jobs(*lines, machines=MACHINES)
    host.run("-j", "16", machine="all")
    told = host.call("merge-results", "-o", "all.csv")
    return certificate(told.out + told.err)


def test_hosts_without_a_common_folder_do_all_of_it_once_and_serve_has_all_of_it(made: Any, tmp_path: Path) -> None:
    lines = [f"sleep 0.1; echo {number}" for number in range(160)]
    served = made(*lines, machines='{"alice": [1, 2], "bob": [30, 2]}')
    served.serve()
    served.start("alice")
    served.start("bob")
    # While it goes on, whoever looks at the folder of `serve` sees all hosts.
    wait_until(lambda: '"live": true' in served.home.call("status", "--json", code=None).out, 60)
    for name in served.hosts:
        assert "160 done, 0 failed, 0 to do" in served.ended(name)
    told = served.ended("serve")
    assert "160 done, 0 failed, 0 to do" in told
    assert served.done("alice") > 16, "its share by the plan is 5 jobs"
    merged = served.home.call("merge-results", "-o", "all.csv").out
    assert "complete: 160 of 160 jobs, each counted once" in merged
    assert certificate(merged) == alone(tmp_path, *lines)
    assert len(served.home.call("list").out.splitlines()) == 160
    assert "output:\n    6\n" in served.home.call("show", "6").out
    # All is over: the same command says so and ends.
    served.serve()
    assert "160 done" in served.ended("serve")


def test_a_failing_job_is_the_exit_code_of_serve_as_well(made: Any) -> None:
    served = made("true", "false", "true")
    served.serve("--json")
    served.start("alice")
    served.start("bob")
    for name in served.hosts:
        served.ended(name, 1)
    told = served.ended("serve", 1)
    assert "2 done, 1 failed" in told
    facts = json.loads(served.printed)
    assert {**facts, "digest": ""} == {"digest": "", "jobs": 3, "done": 2, "failed": 1, "skipped": 0}


def test_the_page_of_serve_tells_of_hosts_that_have_no_folder_in_common(made: Any, tmp_path: Path) -> None:
    served = made(*[f"while test ! -e {tmp_path}/go; do sleep 0.05; done"] * 8)
    served.serve("--web")
    served.start("alice")
    # Also that of a host which has nothing here but the program.
    served.join("carol", "--web")
    served.start("bob")
    pages = []
    for folder, name in ((served.home.folder, "serve"), (served.hosts["carol"].folder, "carol")):
        wait_until(lambda folder=folder, name=name: list(folder.glob(f"runs/*/{name}_url")))
        pages.append(visitor(next(folder.glob(f"runs/*/{name}_url"))))
    followed = [one.follow() for one in pages]
    for states in followed:
        next(one for one in states if {"alice", "bob", "carol"} <= one.get("machines", {}).keys())
    (tmp_path / "go").touch()
    for name in ("alice", "bob", "carol", "serve"):
        served.ended(name)
    for page, states in zip(pages, followed, strict=True):
        # When a guest has ended others may be about to.
        last = next(one for one in states if one.get("over"))
        assert last["done"] == 8
        assert page is pages[1] or not last["live"]
        os.kill(server_of(page), signal.SIGTERM)


def test_what_a_dead_host_had_others_take_over(made: Any) -> None:
    served = made(*[f"sleep 0.05; echo {number}" for number in range(100)])
    served.serve()
    served.start("alice")
    served.start("bob")
    wait_until(lambda: served.done("bob") > 3 and served.done("alice") > 3, 60)
    os.kill(served.hosts["bob"].python(served.processes["bob"]), signal.SIGKILL)
    assert "took over" in served.ended("alice")
    served.ended("serve")
    assert "complete: 100 of 100" in served.home.call("merge-results", "-o", "all.csv").out


@pytest.mark.slow
def test_a_server_that_is_killed_or_hangs_is_started_anew_and_nothing_is_lost(made: Any) -> None:
    served = made(*[f"sleep 0.1; echo {number}" for number in range(240)])
    served.serve()
    port = served.port
    served.start("alice")
    served.start("bob")
    wait_until(lambda: served.done("bob") > 3 and served.done("alice") > 3, 60)
    first = served.server
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: served.port and served.server not in (0, first))
    assert served.port == port
    done, second = served.done("alice"), served.server
    wait_until(lambda: served.done("alice") > done + 3)
    os.kill(second, signal.SIGSTOP)
    wait_until(lambda: served.server not in (0, second), 60)
    for name in served.hosts:
        assert "240 done" in served.ended(name)
    told = served.ended("serve")
    assert "the server has died: it is started anew, on the same port" in told
    assert "the server does not answer: it is started anew" in told
    merged = served.home.call("merge-results", "-o", "all.csv").out
    assert "complete: 240 of 240 jobs" in merged


@pytest.mark.slow
def test_a_serve_that_is_killed_goes_on_by_the_same_command(made: Any) -> None:
    served = made(*[f"sleep 0.1; echo {number}" for number in range(240)])
    served.serve()
    served.start("alice")
    served.start("bob")
    for _ in range(2):
        done = served.done("alice")
        wait_until(lambda start=done: served.done("alice") > start + 3, 60)
        server = served.server
        os.kill(served.home.python(served.serving), signal.SIGKILL)
        served.serving.wait()
        # Its server is nobody's, and goes with it.
        wait_until(lambda pid=server: not Path(f"/proc/{pid}/exe").exists())
        served.serve()
    for name in served.hosts:
        assert "240 done" in served.ended(name)
    served.ended("serve")
    assert "complete: 240 of 240 jobs" in served.home.call("merge-results", "-o", "all.csv").out


def test_a_second_serve_of_the_run_is_refused(made: Any) -> None:
    served = made("sleep 60")
    served.serve()
    told = served.home.call("serve", "--port", "0", code=4)
    assert "in use" in told.err or "runs in" in told.err, told.err
    os.kill(served.home.python(served.serving), signal.SIGINT)
    assert "The same command goes on" in served.ended("serve", 130)


def test_whoever_has_another_token_or_plan_is_refused_in_a_sentence(made: Any, tmp_path: Path) -> None:
    served = made("true", "true")
    served.serve()
    alice, join = served.hosts["alice"], ["--join", f"nats://127.0.0.1:{served.port}"]
    run = ["run", "--machine", "alice", "--yes", *join]
    assert "must show its token" in alice.call(*run, code=2).err
    other = tmp_path / "other"
    other.write_text("A" * 32 + "\n")
    assert "open to others" in alice.call(*run, "--token-file", str(other), code=2).err
    other.chmod(0o600)
    told = alice.call(*run, "--token-file", str(other), code=2).err
    assert f"the token of {other} is not that of nats://127.0.0.1:{served.port}" in told
    alice.jobs("true", "false", machines=MACHINES)
    told = alice.call(*run, "--token-file", str(served.folder / "token"), code=2).err
    assert "is the ledger of another plan" in told
    # Nothing was begun by any of them.
    assert not list(alice.folder.glob("runs/*/alice/journal*"))
    nobody = alice.call(
        "run", "--machine", "alice", "--yes", "--join", "nats://127.0.0.1:9", "--token-file", str(other), code=2
    )
    assert "cannot be reached: connection refused" in nobody.err
    assert (
        "is for --join nats://"
        in alice.call("run", "--machine", "alice", "--yes", "--join", ".", "--token-file", str(other), code=2).err
    )


def test_a_port_that_is_taken_and_flags_that_cannot_be_meant_are_refused(made: Any) -> None:
    import socket

    served = made("true")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = served.home.call("serve", "--port", str(taken.getsockname()[1]), code=3)
        assert "is in use" in told.err
    assert "is no port" in served.home.call("serve", "--port", "70000", code=2).err
    assert "is too short" in served.home.call("serve", "--port", "0", "--dead", "1s", code=2).err


def test_a_host_waits_for_a_server_that_is_away_as_long_as_it_was_told(made: Any) -> None:
    served = made(*["sleep 0.1"] * 400)
    served.serve()
    served.start("alice", "--patience", "3s")
    wait_until(lambda: served.done("alice") > 3, 60)
    os.kill(served.home.python(served.serving), signal.SIGKILL)
    told = served.ended("alice", 3)
    assert "cannot be reached: connection refused, and that for 3s; mend it, and run the same command to go on" in told
    # What it had recorded is its own, and counts when it comes again.
    served.serve()
    done = served.done("alice")
    served.start("alice", "-n", "1")
    served.ended("alice")
    assert served.done("alice") == done + 1
    wait_until(lambda: f'"done": {done + 1}' in served.home.call("status", "--json", code=None).out, 60)


def test_hosts_with_nothing_but_the_program_and_the_token_join_and_leave(made: Any) -> None:
    served = made("true")
    pool = served.home.write("list", "".join(f"{number}\n" for number in range(90)))
    (served.home.folder / "configs/machines.json").unlink()
    served.serve(str(pool), "--template", "sleep 0.1; echo {} $DISBATCH_ENGINE_RANK")
    served.join("carol")
    served.join("dave", "-n", "5")
    served.ended("dave")
    assert served.done("dave") == 5
    # Killed and started again it is the same guest.
    wait_until(lambda: served.done("carol") > 10, 60)
    os.kill(served.hosts["carol"].python(served.processes["carol"]), signal.SIGKILL)
    served.processes["carol"].wait()
    served.join("carol")
    assert "90 done, 0 failed, 0 to do" in served.ended("carol")
    served.ended("serve")
    assert "complete: 90 of 90 jobs" in served.home.call("merge-results", "-o", "all.csv").out
    guests = [served.hosts[name].log() for name in ("carol", "dave")]
    ranks = [set(re.findall(r" \d+ ([0-9]+)$", log, re.MULTILINE)) for log in guests]
    assert sorted(map(sorted, ranks)) == [["0"], ["1"]]


def test_who_joins_what_is_not_served_or_is_not_meant_is_told(made: Any) -> None:
    served = made("true")
    served.serve()
    words = ["join", f"nats://127.0.0.1:{served.port}", "--token-file", str(served.folder / "token"), "--yes"]
    guest = Machine(served.home.folder.parent / "guest")
    guest.folder.mkdir()
    assert "not the expected" in guest.call(*words, "--expect", "lusab-babad", code=2).err
    assert "is a machine of the plan" in guest.call(*words, "--name", "alice", code=2).err
    assert "is no address" in guest.call("join", "nats://a:b", *words[2:], code=2).err
    assert not list(guest.folder.glob("runs/*/*/journal*"))


@pytest.mark.slow
def test_a_host_whose_line_is_cut_starts_nothing_that_others_have_by_then(made: Any) -> None:
    """Between two network namespaces: what is sent is lost, and nobody is told."""
    need_network()
    served = made(*[f"sleep 0.1; echo {number}" for number in range(160)])
    with networked(2) as network:
        for host, one in ((0, served.home), (0, served.hosts["alice"]), (1, served.hosts["bob"])):
            one.program = network.within(host, one.program)
        served.serving = served.home.spawn(
            "serve", "--bind", network.address(0), "--port", "4222", "--dead", DEAD, "--keep"
        )
        token = wait_until(lambda: next(served.home.folder.glob("runs/*/*/token"), None))
        wait_until(lambda: (token.parent / "server" / "server.pid").exists())
        join = ["--join", f"nats://{network.address(0)}:4222", "--token-file", str(token)]
        for name, host in served.hosts.items():
            served.processes[name] = host.start(*join, machine=name)
        wait_until(lambda: served.done("bob") > 3 and served.done("alice") > 3, 60)
        network.cut(1)
        # Alice takes over what bob has, and ends: not before all is done.
        assert "took over" in served.ended("alice")
        network.mend(1)
        told = served.ended("bob")
        assert "cannot be reached: " in told
        assert "alice has taken over" in told
        wait_until(lambda: "complete: 160 of 160" in served.home.call("merge-results", code=None).out)
        served.home.end_all()
    # What bob had begun, and could not tell, alice has run again; bob has begun nothing of it once it was hers.
    starts = {name: {one["job"]: one["start"] for one in host.records()} for name, host in served.hosts.items()}
    twice = starts["alice"].keys() & starts["bob"].keys()
    assert all(starts["bob"][job] < starts["alice"][job] for job in twice)


def test_the_host_that_serves_works_as_well_and_so_may_a_machine_in_its_folder(made: Any) -> None:
    served = made(*[f"sleep 0.1; echo {number}" for number in range(60)])
    served.serve("--work")
    served.hosts["alice"].folder = served.home.folder
    served.start("alice")
    served.ended("alice")
    served.ended("serve")
    # Nothing is found twice: what lies here as a run directory is not laid down once more.
    told = served.home.call("merge-results", "-o", "all.csv")
    assert "complete: 60 of 60 jobs, each counted once" in told.out
    assert "twice" not in told.err + told.out
    folders = {path.parent.name for path in served.home.folder.glob("runs/*/*/journal*")}
    assert "alice" in folders
    assert len(folders) == 2
    assert not list(served.home.folder.glob("runs/*/*/machines/*/journal*"))


def test_a_person_asks_from_the_folder_of_serve_from_elsewhere_and_when_it_has_ended(made: Any, tmp_path: Path) -> None:
    good = tmp_path / "good"
    served = made(*[f"test -e {good}"] * 3, *["sleep 0.1"] * 60)
    served.serve("--keep")
    address, token = served.words()[1], served.words()[3]
    asked = ["--join", address, "--token-file", token]
    elsewhere = Machine(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    # Before anybody has come: who joins skips it.
    assert "2 to be skipped; the hosts that work see it" in served.home.call("skip", "61", "62").out
    assert "no host of nats://" in elsewhere.call("drain", "carol", *asked, code=2).err
    served.join("carol")
    wait_until(lambda: served.done("carol") > 3, 60)
    assert "carol has answered: it lives" in served.home.call("release", "carol", code=1).err
    assert "carol is asked to go" in elsewhere.call("drain", "carol", *asked).out
    assert "this host is drained" in served.ended("carol", 3)
    assert "all hosts halt" in served.home.call("halt").out
    assert "halted by" in elsewhere.call("resume", *asked).out
    served.join("carol")
    assert "58 done, 3 failed, 0 to do" in served.ended("carol", 1)
    # What is looked at by the address is brought from there, to a host that has nothing.
    facts = json.loads(elsewhere.call("status", "--json", address, "--token-file", token).out)
    assert (facts["done"], facts["failed"], facts["skipped"]) == (58, 3, 2)
    assert len(elsewhere.call("list", "--failed", address, "--token-file", token).out.splitlines()) == 3
    assert "failed, exit status 1" in elsewhere.call("show", "0", address, "--token-file", token).out
    os.kill(served.home.python(served.serving), signal.SIGINT)
    served.ended("serve", 130)
    # Its server is started for the time of the question.
    assert "cannot be reached" in elsewhere.call("requeue", "--failed", *asked, code=2).err
    assert "3 to do again; the same `serve` again, and hosts" in served.home.call("requeue", "--failed").out
    good.touch()
    served.serve()
    served.join("carol")
    assert "61 done, 0 failed, 0 to do" in served.ended("carol")
    assert "61 done, 0 failed, 2 skipped, 0 to do" in served.ended("serve")


def need_network() -> None:
    if why := why_no_network():
        assert os.geteuid() != 0, why
        pytest.skip(why)
