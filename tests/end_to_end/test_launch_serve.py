"""`launch --serve`: all hosts of a launch share their work by a server here, to which ssh leads them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from kit.far_hosts import Net
from kit.launches import nothing_is_left, runner, said, started, two, until, waiting
from kit.program import Machine
from kit.wait import processes_in, processes_with, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only(
        "launches and served runs are both elsewhere; an executable has a network when it is made so"
    ),
]
QUICK = "[join]\ndead = 6s\n"


def one_run_each(here: Machine, net: Net) -> None:
    for host in net.hosts.values():
        assert len(list(host.far(here).glob("runs/*/*/journal.*"))) == 1


def test_hosts_with_wrong_weights_end_together_and_find_the_server_by_ssh(here: Machine, net: Net) -> None:
    two(net)
    count, go, seen = net.folder / "count", net.folder / "go", net.folder / "seen"
    # What runs on bob waits until alice has done more than her share of two. What is too short is not worth taking.
    waits = f"if [ $(hostname) = bob ]; then until [ -e {go} ]; do sleep 0.02; done"
    counts = f"else sleep 0.3; echo >>{count}; [ $(wc -l <{count}) -lt 4 ] || : >{go}; fi"
    looks = f"stat -c %a launch/*.token >>{seen}; cat /proc/[0-9]*/cmdline >>{seen}"
    here.jobs(*[f"{waits}; {counts}; {looks}; echo {number}" for number in range(20)], machines=net.machines(bob=9))
    told = here.call("launch", *runner(here), "--serve", "-o", "results.csv")
    assert told.out.splitlines()[0] == "complete: 20 of 20 jobs, each counted once"
    assert len(here.records(next(here.folder.glob("home/alice/runs/*/alice")))) >= 4
    token = next(here.folder.glob("runs/*/*/token")).read_text().strip()
    text = seen.read_text(errors="replace")
    assert text.startswith("600\n")
    assert token not in text, "it is on no command line"
    assert not [path for host in net.hosts.values() for path in host.home.rglob("*.token")]
    assert not processes_with(str(here.folder / "runs")), "neither serve nor its server"
    again = here.call("launch", *runner(here), "--serve", "-o", "results.csv")
    assert again.out == told.out
    one_run_each(here, net)
    assert " done " in here.call("launch", "--status").out
    here.call("launch", *runner(here), "--clean")
    assert not [path for host in net.hosts.values() for path in host.home.iterdir()]
    nothing_is_left(net)


def test_a_link_that_goes_silent_is_made_anew_and_its_run_goes_on(here: Machine, net: Net) -> None:
    bob = net.host("bob")
    bob.start()
    go = waiting(here, net)
    process = started(here, "--serve")
    until(here, "bob: running\n")
    # That host has not heard of the end of the first connection, which keeps the port.
    bob.silence_connections()
    until(here, "bob: unreachable")
    wait_until(lambda: said(here).read_text().count("bob: running\n") == 2, 60)
    go.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said(here).read_text()
    assert b"complete: 4 of 4" in out
    one_run_each(here, net)
    nothing_is_left(net)


def test_a_view_that_is_killed_takes_its_server_along_and_the_same_launch_goes_on(here: Machine, net: Net) -> None:
    two(net)
    go = waiting(here, net)
    process = started(here, "--serve")
    for name in net.hosts:
        until(here, f"{name}: running\n")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not processes_with(str(here.folder / "runs")))
    again = started(here, "--serve")
    until(here, "bob: running\n")
    go.touch()
    out, _ = again.communicate(timeout=90)
    assert again.returncode == 0, said(here).read_text()
    assert b"complete: 4 of 4" in out
    one_run_each(here, net)
    nothing_is_left(net)


def test_what_a_host_had_that_went_down_is_done_by_the_others(here: Machine, net: Net) -> None:
    two(net)
    here.write("configs/runner.config", QUICK)
    go = waiting(here, net, 8)
    process = started(here, "--serve", "--patience", "2s")
    # It has recorded and shipped something.
    wait_until(lambda: list(here.folder.glob("runs/*/*/machines/bob/journal.*")))
    net.hosts["bob"].cut_power()
    serving = next(pid for pid in processes_with("--keep") if pid in processes_in(here.folder))
    os.kill(serving, signal.SIGKILL)
    go.touch()
    out, _ = process.communicate(timeout=120)
    assert b"complete: 8 of 8 jobs" in out, said(here).read_text()
    assert process.returncode == 0
    assert "the server has ended: it is started anew" in said(here).read_text()
    assert "1 done · 1 given up" in said(here).read_text()


def test_a_host_that_leads_nowhere_is_refused(here: Machine, net: Net) -> None:
    two(net)
    here.jobs("true", "true", machines=net.machines())
    settings = net.hosts["bob"].folder / "sshd_config"
    net.hosts["bob"].cut_power()
    net.hosts["bob"].start(f"sed -i '1i AllowTcpForwarding no' '{settings}'")
    told = here.call("launch", *runner(here), "bob", "--serve", code=2)
    assert "bob: refused: its sshd lets no port lead to this host (AllowTcpForwarding)" in told.err
    plan = here.call("launch", *runner(here), "alice", "--serve", "--dry-run").out
    port = int(plan.partition("-R 127.0.0.1:")[2].partition(":")[0])
    with socket.create_server(("127.0.0.1", port)):
        told = here.call("launch", *runner(here), "alice", "--serve", code=2)
        assert f"alice: refused: another program there listens on port {port}" in told.err
    script = next(here.folder.glob("runs/*/*/join.sh"))
    script.unlink()
    serve = here.spawn("serve", "--port", "0")
    wait_until(script.exists)
    told = here.call("launch", *runner(here), "alice", "--serve", code=4)
    assert re.search(r"is in use by process \d+ on .*\nshareout: Wait for it", told.err)
    assert not list(here.folder.glob("launch/serve.out"))
    serve.send_signal(signal.SIGTERM)
    serve.wait()
    assert "exclude each other" in here.call("launch", "--serve", "--join", "/mnt", code=2).err
    assert "complete: 2 of 2" in here.call("launch", *runner(here), "alice", "--serve").out


def test_what_is_printed_instead_of_run_works_when_it_is_pasted(here: Machine, net: Net) -> None:
    net.host("alice").start()
    here.jobs("echo a", "echo b", machines=net.machines())
    told = here.call("launch", *runner(here), "--serve", "--dry-run")
    assert not list(here.folder.glob("runs/*"))
    done = subprocess.run(
        ["sh"], input=told.out.encode(), cwd=here.folder, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (here.folder / "alice.stream").read_bytes().endswith(b"}\n")
    wait_until(lambda: not processes_with(str(here.folder / "runs")))
    assert "complete: 2 of 2" in here.call("launch", *runner(here), "--serve").out
    one_run_each(here, net)
    assert json.loads((here.folder / "launch/state.json").read_bytes())["machines"]["alice"]["state"] == "done"
