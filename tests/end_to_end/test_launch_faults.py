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
import sys
import tempfile
import time
from pathlib import Path

import pytest

from kit.far_hosts import FarHost, Net
from kit.program import Machine
from kit.wait import processes_with, wait_until

FAULTS = ("kill the view", "interrupt the view", "cut the links", "cut the power", "kill the run")


def inflict(fault: str, host: FarHost, view: subprocess.Popen[bytes], folder: str) -> None:
    if fault == "kill the view":
        view.kill()
        view.wait()
    elif fault == "interrupt the view":
        view.send_signal(signal.SIGINT)
        view.wait()
    elif fault == "cut the links":
        host.cut_connections()
    elif fault == "cut the power":
        host.cut_power()
        host.start()
    else:
        for owner in (host.home / "shareout" / folder).glob("runs/*/*/owner.json"):
            host.kill(json.loads(owner.read_bytes())["pid"])


def rounds(here: Machine, tmp_path: Path, count: int) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 32)
    print(f"seed {seed}: SEED={seed} draws the same faults")
    chance = random.Random(seed)
    net = Net(tmp_path / "net")
    net.temporary = Path(tempfile.mkdtemp(prefix="launch-"))
    environ = {**net.environ(), "TMPDIR": str(net.temporary)}
    for name in ("alice", "bob", "carol"):
        net.host(name).start()
    script = tmp_path / "runner"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shareout "$@"\n')
    script.chmod(0o755)
    words = ["launch", "--exe", str(script), "--patience", "1m"]
    proofs = set()
    try:
        for number in range(count):
            one = Machine(tmp_path / f"round{number}", here.program, environ)
            one.jobs(*[f"sleep 0.0{at % 9}; echo {at}" for at in range(90)], machines=net.machines())
            faults = [chance.choice(FAULTS) for _ in range(chance.randrange(1, 5))]
            print(number, faults)
            view = None
            for fault in faults:
                if view is None or view.poll() is not None:
                    view = subprocess.Popen(
                        [*one.program, *words], cwd=one.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL, env={**os.environ, **environ},
                    )  # fmt: skip
                    one.started.append(view)
                # A moment by chance is what is tested: there is no event to wait for.
                time.sleep(chance.uniform(0, 4))
                inflict(fault, net.hosts[chance.choice(sorted(net.hosts))], view, one.folder.name)
            assert view is not None
            view.wait(120)
            told = one.call(*words, timeout=120)
            proofs.add(re.findall(r"^certificate \w+$", told.out, re.MULTILINE)[0])
            wait_until(lambda: not processes_with(f"{net.folder}/config"))
            assert not list(net.temporary.iterdir())
            assert not [path for host in net.hosts.values() for path in host.home.rglob(".part-*")]
            assert not list(one.folder.rglob(".*.part"))
            shutil.rmtree(one.folder)
    finally:
        net.end()
        shutil.rmtree(net.temporary)
    assert len(proofs) == 1


@pytest.mark.slow
@pytest.mark.module_only("the faults are the same for both")
def test_a_launch_survives_what_happens_to_it(here: Machine, tmp_path: Path) -> None:
    rounds(here, tmp_path, 2)


@pytest.mark.soak
@pytest.mark.module_only("the faults are the same for both")
def test_many_launches_survive_what_happens_to_them(here: Machine, tmp_path: Path) -> None:
    rounds(here, tmp_path, 50)
