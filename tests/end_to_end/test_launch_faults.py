"""Launches with faults at random: the view, links, hosts and runs are ended at any moment, and each is complete in the
end, with one certificate for all."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.far_hosts import FarHost, Net
from kit.launches import hosts_for, nothing_is_left, runner, started
from kit.mounts import fill, small_disk
from kit.program import Machine, Told
from kit.wait import processes_with, wait_until

FAULTS = (
    "kill the view", "interrupt the view", "cut the links", "silence the links", "cut the power", "kill the run",
    "fill the disk",
)  # fmt: skip
DISK_KB = 4096
JOBS = [f"sleep 0.0{at % 9}; echo {at}" for at in range(90)]


def inflict(fault: str, host: FarHost, view: subprocess.Popen[bytes], folder: str, seconds: float) -> None:
    match fault:
        case "kill the view":
            view.kill()
            view.wait()
        case "interrupt the view":
            view.send_signal(signal.SIGINT)
            view.wait()
        case "cut the links":
            host.cut_connections()
        case "silence the links":
            host.freeze(seconds)
        case "cut the power":
            host.cut_power()
            host.start()
        case "fill the disk":
            filler = fill(host.home)
            time.sleep(seconds)
            filler.unlink()
        case _:
            for owner in (host.home / "shareout" / folder).glob("runs/*/*/owner.json"):
                host.kill(json.loads(owner.read_bytes())["pid"])


def rounds(here: Machine, tmp_path: Path, count: int) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 32)
    print(f"seed {seed}: SEED={seed} draws the same faults")
    chance = random.Random(seed)
    with ExitStack() as stack:
        net = stack.enter_context(hosts_for(here, tmp_path / "net"))
        for name in ("alice", "bob", "carol"):
            host = net.host(name)
            host.home.rmdir()
            stack.enter_context(small_disk(host.home, DISK_KB))
            stack.callback(host.cut_power)
            host.start()
        alone = Machine(tmp_path / "alone", here.program)
        alone.jobs(*JOBS, machines=net.machines())
        alone.call("run", "--machine", "all", "--yes", "--quiet")
        wanted = proof(alone.call("merge-results"))
        for number in range(count):
            one = Machine(tmp_path / f"round{number}", here.program, here.environ)
            one.jobs(*JOBS, machines=net.machines())
            faults = [chance.choice(FAULTS) for _ in range(chance.randrange(1, 5))]
            words = [*chance.choice(((), ("--serve",))), "--patience", "1m"]
            print(number, faults, *words)
            survive(one, net, faults, words=words, chance=chance)
            assert proof(one.call("launch", *runner(one), *words, timeout=120)) == wanted
            nothing_is_left(net)
            for host in net.hosts.values():
                wait_until(lambda host=host: not host.processes() and not host.temporary())
            one.call("launch", *runner(one), "--clean")
            assert not [path for host in net.hosts.values() for path in host.home.iterdir()]
            assert not list(one.folder.rglob(".*.part"))
            assert not processes_with(str(one.folder)), "no server"
            shutil.rmtree(one.folder)


def survive(one: Machine, net: Net, faults: list[str], *, words: list[str], chance: random.Random) -> None:
    """A launch, and whenever its view has ended the same again, until all faults have come and the last view has
    ended."""
    view = None
    for fault in faults:
        if view is None or view.poll() is not None:
            leave(view)
            view = started(one, *words)
        # A moment by chance is what is tested: there is no event to wait for.
        time.sleep(chance.uniform(0, 4))
        inflict(fault, net.hosts[chance.choice(sorted(net.hosts))], view, one.folder.name, chance.uniform(0, 10))
    leave(view)


def leave(view: subprocess.Popen[bytes] | None) -> None:
    """Waits for its end."""
    if view is not None:
        with view:
            view.wait(120)


def proof(told: Told) -> str:
    return re.findall(r"^certificate \w+$", told.out, re.MULTILINE)[0]


@pytest.mark.slow
@pytest.mark.module_only("the faults are the same for both")
def test_a_launch_survives_what_happens_to_it(here: Machine, tmp_path: Path) -> None:
    rounds(here, tmp_path, 2)


@pytest.mark.soak
@pytest.mark.module_only("the faults are the same for both")
def test_many_launches_survive_what_happens_to_them(here: Machine, tmp_path: Path) -> None:
    rounds(here, tmp_path, 50)
