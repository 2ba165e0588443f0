"""`launch --join`: all hosts of a launch share their work by a folder that each has mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.far_hosts import Net
from kit.launches import nothing_is_left, runner, said, started, two, until, waiting
from kit.program import Machine
from kit.wait import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only(
        "who shares with whom is decided by pure code; launches and shared runs are both elsewhere"
    ),
]
QUICK = "[join]\ndead = 6s\n"
"""After so long a host is taken over from; others are looked at all the more often."""


@pytest.fixture
def shared(net: Net) -> Path:
    """As all hosts have it mounted."""
    folder = net.folder / "mounted" / "shared folder"
    folder.mkdir(parents=True)
    return folder


def test_hosts_with_wrong_weights_end_together(here: Machine, net: Net, shared: Path) -> None:
    two(net)
    here.write("configs/runner.config", QUICK)
    count, go = net.folder / "count", net.folder / "go"
    # What runs on bob waits until alice has done more than her share of two. What is too short is not worth taking.
    waits = f"if [ $(hostname) = bob ]; then until [ -e {go} ]; do sleep 0.02; done"
    counts = f"else sleep 0.3; echo >>{count}; [ $(wc -l <{count}) -lt 4 ] || : >{go}; fi"
    here.jobs(*[f"{waits}; {counts}; echo {number}" for number in range(20)], machines=net.machines(bob=9))
    told = here.call("launch", *runner(here), "--join", str(shared), "-o", "results.csv")
    assert told.out.splitlines()[0] == "complete: 20 of 20 jobs, each counted once"
    assert len(here.records(next(here.folder.glob("home/alice/runs/*/alice")))) >= 4
    again = here.call("launch", *runner(here), "--join", str(shared), "-o", "results.csv")
    assert again.out == told.out
    assert len(list(here.folder.glob("home/*/runs/*/*/journal.*"))) == 2, "what is through is not begun again"
    here.call("launch", *runner(here), "--clean")
    nothing_is_left(net)


def test_a_folder_that_a_host_does_not_have_is_refused_before_anything_is_copied(
    here: Machine, net: Net, shared: Path
) -> None:
    net.host("alice")
    net.host("bob").start(f"mount -t tmpfs none '{shared.parent}'")
    here.jobs("true", "true", machines=net.machines())
    told = here.call("launch", *runner(here), "bob", "--join", str(shared), code=2)
    assert f"bob: refused: has no folder {shared} to write in: is it mounted there?" in told.err
    assert not net.hosts["bob"].far(here).exists()
    assert "is another folder on each host" in here.call("launch", *runner(here), "--join", "shared", code=2).err


def test_a_folder_that_is_another_one_on_each_host_is_refused(here: Machine, net: Net, shared: Path) -> None:
    net.host("alice").start()
    net.host("bob").start(f"mount -t tmpfs none '{shared}'")
    waiting(here, net)
    started(here, "--join", str(shared))
    until(here, f"{shared} is another folder there than on ")


def test_what_a_host_had_that_went_down_is_done_by_the_others(here: Machine, net: Net, shared: Path) -> None:
    two(net)
    here.write("configs/runner.config", QUICK)
    go = waiting(here, net, 8)
    process = started(here, "--join", str(shared), "--patience", "2s")
    for host in net.hosts.values():
        wait_until(lambda host=host: list(host.far(here).glob("runs/*/*/owner.json")))
    # It has recorded and shipped something.
    wait_until(lambda: list(shared.glob("*/*/machines/bob/journal.*")))
    net.hosts["bob"].cut_power()
    go.touch()
    out, _ = process.communicate(timeout=120)
    assert b"complete: 8 of 8 jobs" in out, said(here).read_text()
    assert process.returncode == 0
    assert "1 done · 1 given up" in said(here).read_text()
    assert "both of machine" not in said(here).read_text()
    assert list(here.folder.glob("launch/ledger/machines/bob/journal.*"))


def test_what_cannot_be_shared_is_refused(here: Machine, net: Net) -> None:
    net.host("alice")
    net.host("bob")
    here.jobs(*["true"] * 40, machines=net.machines()).write("configs/runner.config", "[run]\naudit = 50%\n")
    told = here.call("launch", *runner(here), "--join", "/mnt", code=2)
    assert "audit" in told.err
    told = here.call("launch", *runner(here), "--here", "--join", "nats://home:4222", code=2)
    assert "nats://home:4222 is an address, and a launch shares work by a folder" in told.err
