"""Machines that join one folder: they end together, and what one leaves undone others do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kit.joiners import DEAD, Joiners
from kit.mounts import mounting, need_mounts
from kit.program import Machine
from kit.tree import descendants, send
from kit.wait import wait_until
from shareout.status.lanes import lanes_in

MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'


class Hosts(Joiners):
    """Machines of one plan, each with a folder of the same inputs, and the folder that all of them mount."""

    def __init__(self, folder: Path, *lines: str, machines: str = MACHINES) -> None:
        super().__init__(folder)
        self.hosts = {name: Machine(folder / name).jobs(*lines, machines=machines) for name in json.loads(machines)}
        self.mounted: dict[str, Path] = {}
        """Where a host sees the folder, when not in its own place."""

    def start(self, name: str, *words: str, dead: str = DEAD) -> subprocess.Popen[bytes]:
        folder = str(self.mounted.get(name, self.shared))
        process = self.hosts[name].start("--join", folder, "--dead", dead, *words, machine=name)
        self.processes[name] = process
        return process

    def records(self, name: str) -> list[dict[str, Any]]:
        return self.hosts[name].records()

    def verbs(self) -> Counter[str]:
        found = self.shared.glob("*/*/lanes/*/*")
        # As the folder spells what is put there.
        return Counter(json.loads(os.readlink(one).replace("\x1f", "/"))["verb"] for one in found)


@pytest.fixture
def end_all() -> Iterator[list[Hosts]]:
    made: list[Hosts] = []
    yield made
    for hosts in made:
        hosts.end_all()


def alone(folder: Path, *lines: str) -> str:
    """What one machine that does all of it certifies."""
    host = Machine(folder / "alone").jobs(*lines, machines=MACHINES)
    host.run(machine="all")
    told = host.call("merge-results", "-o", "all.csv")
    return certificate(told.out + told.err)


def certificate(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("certificate"))


def test_two_that_join_a_folder_do_all_of_it_once_whatever_their_weights(tmp_path: Path, end_all: list[Hosts]) -> None:
    lines = [f"sleep 0.05; echo {number}" for number in range(240)]
    hosts = Hosts(tmp_path, *lines, machines='{"alice": [1, 2], "bob": [30, 2]}')
    end_all.append(hosts)
    hosts.start("alice")
    hosts.start("bob")
    for name in hosts.hosts:
        assert "240 done, 0 failed, 0 to do" in hosts.ended(name)
    assert hosts.done("alice") + hosts.done("bob") == 240
    assert hosts.done("alice") > 24, "its share by the plan is 8 jobs"
    merged = hosts.merged()
    assert "complete: 240 of 240 jobs, each counted once" in merged
    assert certificate(merged).split()[1] == certificate_of_alone(tmp_path, lines)
    check_claims(hosts, certificate(merged))


def check_claims(hosts: Hosts, proof: str) -> None:
    """A merge holds them against the entries that are there."""
    viewer = hosts.hosts["alice"]
    claims = json.loads(viewer.call("merge-results", str(hosts.shared), "--json").out)["claims"]
    assert claims == {"compared": True, "amiss": {}}
    # At home there are none.
    homes = [str(hosts.hosts[name].folder / "runs") for name in ("alice", "bob")]
    told = viewer.call("merge-results", *homes)
    assert "what they claimed was not compared" in told.err
    assert certificate(told.out) == proof
    # bob has what an entry gave to somebody else, then one that is not there: a backup is.
    lane = next(hosts.shared.glob("*/*/lanes/1.0"))
    entries = sorted((int(one.name), one) for one in lane.iterdir())
    first, text = entries[0][1], os.readlink(entries[0][1])
    first.unlink()
    first.symlink_to(re.sub(r'"owner":"bob.1-\w+"', '"owner":"carol\x1f1-abcd"', text))
    told = viewer.call("merge-results", str(hosts.shared))
    assert re.search(r"bob claims what no entry gave it, \d+ jobs?: lane 1.0, entry 1 is of carol/1-abcd", told.err)
    first.unlink()
    told = viewer.call("merge-results", str(hosts.shared))
    assert re.search(r"bob claims what no entry gave it, \d+ jobs?: there is no lane 1.0, entry 1", told.err)
    assert certificate(told.out) == proof
    first.symlink_to(text)


def certificate_of_alone(folder: Path, lines: list[str]) -> str:
    return alone(folder, *lines).split()[1]


def test_what_a_dead_one_had_is_taken_over_and_nothing_runs_twice_that_it_had_recorded(
    tmp_path: Path, end_all: list[Hosts], record_property: Callable[[str, object], None]
) -> None:
    hosts = Hosts(tmp_path, *[f"sleep 0.05; echo {number}" for number in range(100)])
    end_all.append(hosts)
    hosts.start("alice")
    hosts.start("bob")
    wait_until(lambda: hosts.done("bob") > 10)
    wait_until(lambda: shipped(hosts, "bob"))
    hosts.kill("bob")
    killed = time.monotonic()
    (ledger,) = hosts.shared.glob("*/*")
    wait_until(lambda: "bob" not in {one.machine for one in lanes_in(ledger).held})
    # Twice the silence after which a host is dead, and ten seconds: so long it may take where hosts have a core.
    took, most = time.monotonic() - killed, 2 * float(DEAD.rstrip("s")) + 10
    record_property("told", f"all that a dead host had was another's after {took:.1f} s, of {most:g} s")
    told = hosts.ended("alice")
    assert "took over" in told
    assert "from bob, of which nothing was heard for 3 s" in told
    assert "100 done, 0 failed, 0 to do" in told
    assert hosts.verbs()["seize"] >= 1
    assert not shipped(hosts, "bob") & {one["job"] for one in hosts.records("alice")}
    assert "complete: 100 of 100 jobs" in hosts.merged()


def shipped(hosts: Hosts, name: str) -> set[int]:
    """The jobs of which records of this host have arrived in the folder."""
    lines = [
        line
        for path in hosts.shared.glob(f"*/*/machines/{name}/journal*")
        for line in path.read_bytes().splitlines(keepends=True)
    ]
    return {json.loads(line)["job"] for line in lines if line.startswith(b'{"job"') and line.endswith(b"\n")}


@pytest.mark.module_only("the same as above")
def test_one_that_was_killed_and_starts_again_goes_on_at_once_with_what_it_had(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    """It is not waited for: nobody else is there to take anything over, and DEAD is an hour."""
    hosts = Hosts(tmp_path, *[f"sleep 0.05; echo {number}" for number in range(60)], machines='{"alice": [1, 2]}')
    end_all.append(hosts)
    hosts.start("alice", dead="1h")
    wait_until(lambda: hosts.done("alice") > 5)
    hosts.kill("alice")
    hosts.start("alice", dead="1h")
    assert "60 done, 0 failed, 0 to do" in hosts.ended("alice")
    assert max(Counter(one["job"] for one in hosts.records("alice")).values()) == 1
    assert "complete: 60 of 60 jobs, each counted once" in hosts.merged()


@pytest.mark.module_only("the same processes and signals as in other tests of both")
def test_one_that_stood_still_for_too_long_starts_nothing_that_was_taken_over(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    hosts = Hosts(tmp_path, *["sleep 0.05; date +%s.%N" for _ in range(100)])
    end_all.append(hosts)
    hosts.start("alice")
    bob = hosts.start("bob")
    wait_until(lambda: hosts.done("bob") > 10)
    tree = [bob.pid, *descendants(bob.pid)]
    send(tree, signal.SIGSTOP)
    hosts.ended("alice")
    went_on = time.time()
    send(tree, signal.SIGCONT)
    assert "has taken over" in hosts.ended("bob")
    late = [one for one in hosts.records("bob") if one["start"] > went_on + 0.5]
    assert not late
    assert "complete: 100 of 100 jobs" in hosts.merged()


@pytest.mark.module_only("the same signals as in other tests of both")
def test_one_that_is_stopped_gives_back_what_it_has_not_begun_and_nobody_waits_for_it(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    hosts = Hosts(tmp_path, *[f"sleep 0.05; echo {number}" for number in range(100)])
    end_all.append(hosts)
    hosts.start("alice", dead="1h")
    hosts.start("bob", dead="1h")
    wait_until(lambda: hosts.done("bob") > 10)
    hosts.processes["bob"].send_signal(signal.SIGTERM)
    hosts.ended("bob", code=3)
    assert "100 done, 0 failed, 0 to do" in hosts.ended("alice")
    assert hosts.verbs()["seize"] == 0
    assert "complete: 100 of 100 jobs, each counted once" in hosts.merged()


@pytest.mark.module_only("the same signals as in other tests of both")
def test_what_was_stopped_with_its_run_is_done_by_others(tmp_path: Path, end_all: list[Hosts]) -> None:
    """It has a record, of a job that is not over."""
    hosts = Hosts(tmp_path, *["touch begun; until [ -e gate ]; do sleep 0.05; done"] * 6)
    end_all.append(hosts)
    (hosts.hosts["bob"].folder / "gate").touch()
    alice = hosts.start("alice", dead="1h")
    wait_until((hosts.hosts["alice"].folder / "begun").exists)
    alice.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        # Another one within a second is the same one.
        alice.wait(1.5)
    alice.send_signal(signal.SIGTERM)
    hosts.ended("alice", code=143)
    hosts.start("bob", dead="1h")
    assert "6 done, 0 failed, 0 to do" in hosts.ended("bob")
    assert "stopped" in {one["state"] for one in hosts.records("alice")}
    assert "complete: 6 of 6 jobs, each counted once" in hosts.merged()


@pytest.mark.module_only("the same files are read")
def test_the_folder_itself_tells_how_far_all_are_while_they_run(tmp_path: Path, end_all: list[Hosts]) -> None:
    hosts = Hosts(tmp_path, *["sleep 0.1"] * 150)
    end_all.append(hosts)
    hosts.start("alice")
    hosts.start("bob")
    looker = Machine(tmp_path / "looker")
    looker.folder.mkdir()
    wait_until(lambda: shipped(hosts, "alice") and shipped(hosts, "bob"))

    def status() -> Any:
        return looker.call("status", str(hosts.shared), "--json").json

    seen = wait_until(lambda: (told := status()) and len(told["active"]) >= 3 and told)
    assert seen["jobs"] == 150
    assert 0 < seen["done"] < 150
    assert {name: one["live"] for name, one in seen["machines"].items()} == {"alice": True, "bob": True}
    assert {one["machine"] for one in seen["active"]} == {"alice", "bob"}
    assert {one["machine"] for one in seen["lanes"]["held"]} <= {"alice", "bob", None}
    assert sum(one["jobs"] for one in seen["lanes"]["held"]) >= 150 - seen["done"] - 60
    assert "has to do" in looker.call("status", str(hosts.shared)).out
    for name in hosts.hosts:
        hosts.ended(name)
    seen = status()
    assert (seen["done"], seen["todo"]) == (150, 0)
    assert seen["lanes"]["held"] == []
    assert "150 done" in looker.call("status", str(hosts.shared)).out


@pytest.mark.module_only("the same files are read")
def test_the_folder_tells_who_has_a_job_who_is_silent_and_what_was_taken_over(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    hosts = Hosts(tmp_path, *["until [ -e gate ]; do sleep 0.05; done"] * 8)
    end_all.append(hosts)
    bob = hosts.start("bob")
    wait_until(lambda: hosts.verbs()["open"])
    looker = hosts.hosts["alice"]

    def explained(job: int) -> str:
        return str(looker.call("explain", str(job), "--in", str(hosts.shared)).out)

    wait_until(lambda: any("it runs now, on bob" in explained(job) for job in range(8)))
    whose = [explained(job) for job in range(8)]
    assert sum("its machine has not come yet" in one for one in whose) == 4, "alice's share"
    assert any("bob has" in one for one in whose)
    tree = [bob.pid, *descendants(bob.pid)]
    send(tree, signal.SIGKILL)
    bob.wait()
    (looker.folder / "gate").touch()
    hosts.start("alice")
    hosts.ended("alice")
    told = looker.call("status", str(hosts.shared), "--json").json["lanes"]
    assert {(one["from"], one["by"]) for one in told["taken"]} == {("bob", "alice")}
    assert sum(one["jobs"] for one in told["taken"]) >= 2
    assert "from bob by alice, at " in looker.call("status", str(hosts.shared)).out
    assert "it is done, by alice" in explained(0)


@pytest.mark.module_only("pure counting")
def test_who_joined_tells_by_its_code_that_a_job_of_any_host_has_failed(tmp_path: Path, end_all: list[Hosts]) -> None:
    hosts = Hosts(tmp_path, *["sleep 0.05"] * 39, "exit 7")
    end_all.append(hosts)
    hosts.start("alice")
    hosts.start("bob")
    for name in hosts.hosts:
        assert "39 done, 1 failed, 0 to do" in hosts.ended(name, code=1)


@pytest.mark.module_only("refused before anything runs")
def test_what_is_no_folder_to_share_is_refused_with_a_sentence(tmp_path: Path) -> None:
    host = Machine(tmp_path / "alice").jobs("true", machines=MACHINES)
    told = host.run("--join", str(tmp_path / "nowhere"), code=2)
    assert "nowhere" in told.err
    (tmp_path / "file").write_text("")
    assert "file" in host.run("--join", str(tmp_path / "file"), code=2).err
    for words in (["--retry-failed"], ["--anew"]):
        assert f"{words[0]} is about one machine's share" in host.run("--join", str(tmp_path), *words, code=2).err
    assert "all is no machine" in host.run("--join", str(tmp_path), machine="all", code=2).err
    assert not (host.folder / "runs").exists()


@pytest.mark.module_only("pure counting")
def test_who_comes_first_says_for_all_after_how_long_silence_a_host_is_dead(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    """By another time one would take over what the other may still start."""
    hosts = Hosts(tmp_path, *["sleep 0.1"] * 60)
    end_all.append(hosts)
    hosts.start("alice", dead="1h")
    wait_until(lambda: hosts.done("alice") > 2)
    hosts.start("bob", dead="2s")
    assert "a host is dead after 1h, as whoever came first has said, and not 2s" in hosts.ended("bob")
    hosts.ended("alice")
    assert hosts.verbs()["seize"] == 0


@pytest.mark.module_only("the folder is lost for the one process that touches it")
def test_a_folder_that_is_lost_stops_what_is_new_and_loses_nothing(tmp_path: Path, end_all: list[Hosts]) -> None:
    hosts = Hosts(tmp_path, *["sleep 0.05"] * 1000)
    end_all.append(hosts)
    hosts.start("alice")
    wait_until(lambda: hosts.done("alice") > 5)
    shutil.rmtree(hosts.shared)
    stderr = hosts.processes["alice"].stderr
    assert stderr is not None
    seen: list[bytes] = []
    while b"then nothing new is started" not in (seen or [b""])[-1]:
        seen.append(stderr.readline())
        assert seen[-1], b"".join(seen)
    hosts.processes["alice"].send_signal(signal.SIGTERM)
    assert "what was recorded here lies here" in hosts.ended("alice", code=3)
    here = hosts.hosts["alice"]
    done = len(here.records())
    assert f"{done} of 1000 jobs" in here.call("merge-results", "--partial", "-o", "all.csv", code=1).out


@pytest.mark.module_only("refused before anything runs")
def test_who_has_shared_before_makes_no_new_ledger_in_a_folder_that_is_not_mounted(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    """In the place of one that is not mounted there is an empty folder: a ledger there is nobody else's."""
    hosts = Hosts(tmp_path, *["true"] * 4, machines='{"alice": [1, 2]}')
    end_all.append(hosts)
    hosts.start("alice")
    hosts.ended("alice")
    hosts.shared.rename(tmp_path / "elsewhere")
    hosts.shared.mkdir()
    told = hosts.hosts["alice"].run("--join", str(hosts.shared), code=2)
    assert "has no ledger, and this machine has shared its work in one: it is not mounted" in told.err
    assert not list(hosts.shared.iterdir())
    made = told.err.partition("mkdir ")[2].split()[0]
    Path(made).mkdir()
    hosts.hosts["alice"].run("--join", str(hosts.shared))


@pytest.mark.slow
@pytest.mark.module_only("the mounts are the same for both")
def test_hosts_that_mount_the_folder_by_sshfs_share_it_though_one_loses_it_for_a_while(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    need_mounts()
    (tmp_path / "mounts").mkdir()
    with mounting(tmp_path / "mounts", 2) as mounts:
        hosts = Hosts(tmp_path, *[f"sleep 0.1; echo {number}" for number in range(150)])
        end_all.append(hosts)
        hosts.shared = mounts.folder
        views = {name: mounts.of(number, "dcache_timeout=1") for number, name in enumerate(hosts.hosts, 1)}
        for name, view in views.items():
            hosts.mounted[name] = view.point
            hosts.start(name, dead="8s")
        wait_until(lambda: hosts.done("bob") > 10)
        views["bob"].unmount()
        wait_until(lambda: hosts.done("alice") > 40)
        views["bob"].mount("dcache_timeout=1")
        for name in hosts.hosts:
            assert "150 done, 0 failed, 0 to do" in hosts.ended(name)
        assert "complete: 150 of 150 jobs" in hosts.merged()
        assert hosts.done("bob") > 20, "it went on when the folder was there again"


@pytest.mark.module_only("the merge is the same code")
def test_a_job_that_a_silent_host_and_its_heir_both_did_is_told_and_is_no_contradiction(
    tmp_path: Path, end_all: list[Hosts]
) -> None:
    """Each returns another number: it counts once, and why there are two is known."""
    hosts = Hosts(tmp_path, "true")
    end_all.append(hosts)
    for host in hosts.hosts.values():
        host.script(
            "import os, time\n"
            "from shareout import run\n"
            "def job(n):\n"
            "    while n >= 30 and os.path.exists('gate'): time.sleep(0.01)\n"
            "    time.sleep(0.02)\n"
            "    return [n, os.getpid()]\n"
            "if __name__ == '__main__': run(job, pool=range(40))\n",
            machines=MACHINES,
        )
        host.write("configs/runner.config", "[run]\norder = given\n")
        (host.folder / "configs" / "jobs.txt").unlink()
    (hosts.hosts["bob"].folder / "gate").touch()
    bob = hosts.start("bob")
    wait_until(lambda: hosts.done("bob") >= 10)
    tree = [bob.pid, *descendants(bob.pid)]
    send(tree, signal.SIGSTOP)
    hosts.start("alice")
    hosts.ended("alice")
    (hosts.hosts["bob"].folder / "gate").unlink()
    send(tree, signal.SIGCONT)
    hosts.ended("bob")
    told = hosts.merged()
    assert "complete: 40 of 40 jobs" in told
    assert "taken over from a machine that was silent" in told
