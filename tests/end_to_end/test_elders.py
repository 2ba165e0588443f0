"""Ledgers that others take the place of, and one that is set back: nobody works from two, or from half of one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.program import Machine
from kit.tree import descendants, send
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the same processes as in other tests of both")
LINES = [f"sleep 0.05; echo {number}" for number in range(200)]
OLD, NEW = '{"alice": [1, 2], "bob": [1, 2]}', '{"alice": [3, 2], "bob": [1, 2]}'


@pytest.fixture
def joiners(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    for name in ("alice", "bob"):
        made.host(name).jobs(*LINES, machines=OLD)
    yield made
    made.end_all()


def reweigh(host: Machine, since: str) -> None:
    """The same jobs by other weights."""
    host.write("configs/machines.json", NEW)
    host.write("configs/runner.config", f"[run]\nsince = {since}\n")


def since_of(host: Machine) -> str:
    lines = [json.loads(line) for line in host.journal.read_bytes().splitlines()[:2]]
    facts = {**lines[0], **lines[1]}
    return f"{facts['digest']}:{facts['work']}"


def test_what_hosts_have_done_by_an_earlier_plan_is_done_by_the_next_one(joiners: Joiners) -> None:
    for name in ("alice", "bob"):
        joiners.run(name)
    wait_until(lambda: joiners.done("alice") > 10 and joiners.done("bob") > 10)
    for name in ("alice", "bob"):
        joiners.processes[name].send_signal(signal.SIGTERM)
    for name in ("alice", "bob"):
        joiners.ended(name, code=3)
    before = joiners.done("alice") + joiners.done("bob")
    since = since_of(joiners.host("alice"))
    for name in ("alice", "bob"):
        reweigh(joiners.host(name), since)
        joiners.run(name)
    for name in ("alice", "bob"):
        assert "200 done, 0 failed, 0 to do" in joiners.ended(name)
    assert joiners.done("alice") + joiners.done("bob") == 200 > before
    merged = joiners.merged()
    assert "complete: 200 of 200 jobs, each counted once" in merged
    # Who still has the inputs of before is told so.
    joiners.host("bob").write("configs/machines.json", OLD)
    (joiners.host("bob").folder / "configs/runner.config").unlink()
    joiners.run("bob")
    assert "is closed: hosts went on by the plan" in joiners.ended("bob", code=2)


def test_a_host_that_works_by_the_earlier_plan_is_named_and_nothing_is_begun_beside_it(joiners: Joiners) -> None:
    joiners.run("bob")
    wait_until(lambda: joiners.done("bob") > 3)
    reweigh(joiners.host("alice"), since_of(joiners.host("bob")))
    joiners.run("alice")
    assert "bob works on these jobs by an earlier plan" in joiners.ended("alice", code=4)
    assert not joiners.done("alice")
    assert "200 done, 0 failed, 0 to do" in joiners.ended("bob")


def test_one_that_stood_still_there_is_waited_for_and_starts_nothing_when_it_goes_on(joiners: Joiners) -> None:
    bob = joiners.run("bob")
    wait_until(lambda: joiners.done("bob") > 3)
    tree = [bob.pid, *descendants(bob.pid)]
    send(tree, signal.SIGSTOP)
    reweigh(joiners.host("alice"), since_of(joiners.host("bob")))
    joiners.run("alice")
    told = joiners.ended("alice")
    assert "is of an earlier plan for these jobs, and closed now; bob did not say there that it left" in told
    assert "200 done, 0 failed, 0 to do" in told
    began = len(joiners.host("bob").records())
    send(tree, signal.SIGCONT)
    assert "this ledger was closed" in joiners.ended("bob", code=4)
    # What ran while it stood still may have ended since.
    assert len(joiners.host("bob").records()) <= began + 2
    assert "complete: 200 of 200 jobs" in joiners.merged()


def test_a_folder_that_was_set_back_is_told_with_the_place_by_a_new_start_and_by_one_that_runs(
    joiners: Joiners,
) -> None:
    for name in ("alice", "bob"):
        joiners.host(name).jobs(*["sleep 0.05"] * 9000, machines=OLD)
    joiners.run("alice")
    joiners.run("bob")
    wait_until(lambda: joiners.done("alice") > 3 and joiners.done("bob") > 3)
    wait_until(lambda: (joiners.host("alice").run_folder / "seen.json").exists())
    backup = joiners.folder / "backup"
    shutil.copytree(joiners.shared, backup, symlinks=True)
    before = entries(joiners)
    wait_until(lambda: kept(joiners.host("alice")) > before)
    joiners.kill("alice")
    set_back(joiners.shared, backup)
    assert "has gone back: entry" in joiners.ended("bob", code=4)
    joiners.run("alice")
    told = joiners.ended("alice", code=4)
    assert "has gone back: entry" in told
    assert re.search(r"entry \d+ of lane [01]\.0 is missing", told)


def entries(joiners: Joiners) -> int:
    return len(list(next(joiners.shared.glob("*/*/lanes/0.0")).iterdir()))


def kept(host: Machine) -> int:
    return int(json.loads((host.run_folder / "seen.json").read_bytes())["seen"].get("0.0", 0))


def set_back(folder: Path, backup: Path) -> None:
    """In place: what was there since is gone, as after a restore."""
    for path in sorted(folder.rglob("*"), reverse=True):
        twin = backup / path.relative_to(folder)
        if not os.path.lexists(twin) and (path.is_symlink() or path.is_file()):
            path.unlink()
