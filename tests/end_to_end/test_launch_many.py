"""`launch` to sixty hosts behind one that drops who comes in a crowd; and how much work it is. For `make soak`."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.far_hosts import Net
from kit.launches import nothing_is_left, runner, said, started
from kit.program import Machine
from kit.wait import processes_with, wait_until
from kit.ways import Executable

pytestmark = [
    pytest.mark.soak,
    pytest.mark.module_only("who is reached in what order is the same for both"),
]
HOSTS = 60
LOOK_S = 60


def test_sixty_hosts_behind_one_that_drops_crowds(
    here: Machine, net: Net, record_property: Callable[[str, object], None]
) -> None:
    bastion = net.host("bastion")
    bastion.start()
    for number in range(HOSTS):
        net.more[f"n{number:02}"] = "  ProxyJump bastion\n"
        net.host(f"n{number:02}").start()
    del net.hosts["bastion"]
    # Jobs that cost nothing while they wait: all hosts are this one.
    go = net.folder / "go"
    os.mkfifo(go)
    here.jobs(*[f"cat <'{go}'"] * HOSTS, machines=net.machines())
    net.hosts["bastion"] = bastion
    began = time.monotonic()
    view = started(here)
    wait_until(lambda: said(here).read_text().count(": running\n") == HOSTS, 300)
    record_property("told", f"{HOSTS} hosts through a bastion: all started after {time.monotonic() - began:.1f} s")
    own, far = used(view.pid), used(*processes_with("--watch"))
    # How much it uses while nothing happens is what is asked.
    time.sleep(LOOK_S)
    own_s, far_s = used(view.pid) - own, used(*processes_with("--watch")) - far
    record_property("told", f"following them: {own_s / LOOK_S:.2%} of a core here, {far_s / LOOK_S / HOSTS:.2%} there")
    view.kill()
    view.wait()
    began = time.monotonic()
    again = started(here)
    wait_until(lambda: said(here).read_text().count(": running\n") == HOSTS, 300)
    record_property("told", f"found again after {time.monotonic() - began:.1f} s")
    # Whoever waits to read is let go.
    os.close(os.open(go, os.O_WRONLY))
    out, _ = again.communicate(timeout=300)
    assert again.returncode == 0
    assert f"complete: {HOSTS} of {HOSTS}".encode() in out
    assert bastion.logins() == 2, "one for each view"
    assert "drop connection" not in (bastion.folder / "log").read_text()
    nothing_is_left(net)


def test_an_executable_is_there_sooner_than_by_scp(
    here: Machine, net: Net, executable: Executable, record_property: Callable[[str, object], None]
) -> None:
    alice = net.host("alice")
    alice.start()
    # Built here, before anything is measured.
    program, config = str(executable.file), net.folder / "config"
    copies = []
    for number in range(5):
        began = time.monotonic()
        call = ["scp", "-q", "-F", str(config), program, f"alice:main{number}"]
        subprocess.run(call, check=True)
        scp_s = time.monotonic() - began
        one = Machine(here.folder / str(number), here.program, here.environ)
        one.jobs("true", machines=net.machines())
        process = subprocess.Popen(
            [*one.program, "launch", "--exe", program, "--json"], cwd=one.folder,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **one.environ},
        )  # fmt: skip
        with process:
            assert process.stdout is not None
            while b'"state": "copying"' not in process.stdout.readline():
                assert process.poll() is None
            began = time.monotonic()
            # Under its own name when it is whole and right.
            wait_until((alice.far(one) / "main").exists)
            ours_s = time.monotonic() - began
            process.stdout.read()
        assert process.returncode == 0
        copies.append((ours_s, scp_s))
    size = executable.file.stat().st_size
    told = ", ".join(f"{ours:.2f}/{scp:.2f}" for ours, scp in copies)
    record_property("told", f"{size:,} bytes, until they are whole and in their place, against scp: {told} s")


def test_a_gigabyte_of_journals_comes_home_through_a_hundred_cuts(
    here: Machine, net: Net, record_property: Callable[[str, object], None]
) -> None:
    alice = net.host("alice")
    alice.start()
    here.jobs("true", machines=net.machines())
    here.call("launch", *runner(here))
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    far = next(alice.far(here).glob("runs/*/alice"))
    block = chance.randbytes(1 << 24)
    for number in range(2, 6):
        with (far / f"journal.{number}-0000000{number}.jsonl").open("wb") as file:
            for _ in range(16):
                file.write(block)
    home = next(here.folder.glob("home/alice/runs/*/alice"))
    began, size = time.monotonic(), 0
    for _ in range(100):
        view = started(here, "--fetch")
        size, before = so_far(home), size
        assert size >= before, "what is home stays"
        # Somewhere in the next hundredth, wherever that is.
        most = size + chance.randrange(1, 1 << 24)
        wait_until(lambda view=view, most=most: so_far(home) >= most or view.poll() is not None, 60)
        view.kill()
        with view:
            view.wait()
        alice.cut_connections()
    # What these journals say is nothing that a status could tell of: its code is of no matter.
    here.call("launch", *runner(here), "--fetch", timeout=300, code=None)
    record_property("told", f"a gigabyte in {time.monotonic() - began:.0f} s, with 100 cuts")
    for number in range(2, 6):
        name = f"journal.{number}-0000000{number}.jsonl"
        assert subprocess.run(["cmp", far / name, home / name], check=False).returncode == 0


def so_far(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*journal*"))


def used(*pids: int) -> float:
    """Seconds of a processor that these have used, with all that they have started and that lives. Not by ticks: who
    works for less than one at a time is nearly never seen by them."""
    seconds = 0.0
    for pid in pids:
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            seconds += sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9
            # Each thread has children of its own.
            children = [(one / "children").read_text().split() for one in threads]
        except OSError:
            continue
        seconds += used(*(int(child) for of_one in children for child in of_one))
    return seconds
