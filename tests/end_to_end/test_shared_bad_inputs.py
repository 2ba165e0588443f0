"""What may be wrong with a folder that hosts share, and with what stands in it: one sentence, the right exit code, and
nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.mounts import fill, need_root, small_disk
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the same calls are made")
SHIFTED = """
import sys, time

true = time.time
time.time = lambda: true() + {}
from shareout.cli import main

if __name__ == "__main__":
    sys.exit(main())
"""
MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'


@pytest.fixture
def joiners(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    made.host("alice").jobs(*["sleep 0.05"] * 400, machines=MACHINES)
    yield made
    made.end_all()


def begun(joiners: Joiners, jobs: int = 5) -> Path:
    """alice runs; the ledger that she made."""
    joiners.run("alice")
    wait_until(lambda: joiners.done("alice") > jobs)
    return next(joiners.shared.glob("*/*/ledger.json")).parent if jobs else joiners.shared


def refused(joiners: Joiners) -> str:
    """Why another host cannot begin."""
    joiners.host("bob").jobs(*["sleep 0.05"] * 400, machines=MACHINES)
    joiners.run("bob")
    told = joiners.ended("bob", code=2)
    assert not list((joiners.host("bob").folder / "runs").glob("*/*/journal*"))
    return told


def made(joiners: Joiners) -> Path:
    """A ledger that nobody works from any more."""
    joiners.run("alice", "-n", "1")
    joiners.ended("alice")
    return next(path.parent for path in joiners.shared.glob("*/*/ledger-*.json"))


@need_root
def test_a_folder_that_is_read_only(joiners: Joiners, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 512) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        joiners.shared = disk
        assert f"{disk} is read-only" in refused(joiners)


def test_the_ledger_of_another_plan_in_its_place(joiners: Joiners) -> None:
    file = next(made(joiners).glob("ledger-*.json"))
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "plan": "00" * 32}, separators=(",", ":")) + "\n")
    assert "is the ledger of another plan: 0000000000000000" in refused(joiners)


def test_a_ledger_is_no_folder_to_share(joiners: Joiners) -> None:
    """It is named to ask something there; a run would begin a ledger of its own in it."""
    folder, joiners.shared = joiners.shared, made(joiners)
    told = refused(joiners)
    assert f"{joiners.shared} is a ledger itself" in told
    assert f"--join {folder}" in told


def test_the_ledger_of_another_version(joiners: Joiners) -> None:
    file = next(made(joiners).glob("ledger-*.json"))
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "ledger": 2}, separators=(",", ":")) + "\n")
    assert "is of version 2 of what hosts say to each other" in refused(joiners)


@pytest.mark.parametrize("left", [0, 1, 40])
def test_a_charter_that_is_cut_short(joiners: Joiners, left: int) -> None:
    file = next(made(joiners).glob("ledger-*.json"))
    file.write_bytes(file.read_bytes()[:left])
    assert "is cut short or damaged: it does not say which ledger this is" in refused(joiners)


def test_a_link_in_the_place_of_the_ledger(joiners: Joiners, tmp_path: Path) -> None:
    ledger = made(joiners)
    ledger.rename(tmp_path / "elsewhere")
    ledger.symlink_to(tmp_path / "elsewhere")
    assert f"{ledger} is a symbolic link, and nothing that a ledger has there" in refused(joiners)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("../../etc", "there stands"),
        ("a b/c d", "there stands"),
        ('{"verb":"keep"}', "there stands"),
    ],
)
def test_what_is_planted_in_the_place_of_an_entry_is_named_and_not_followed(
    joiners: Joiners, text: str, told: str
) -> None:
    ledger = begun(joiners)
    # Where alice puts next, and far ahead of it, so that one of them is met.
    lanes = ledger / "lanes/0.0"
    for k in range(1, 200):
        try:
            (lanes / str(k)).symlink_to(text.replace("/", "\x1f"))
        except FileExistsError:
            continue
    said = joiners.ended("alice", code=4)
    assert "of lane 0.0 of the ledger is none" in said
    assert told in said
    assert_nothing_is_lost(joiners)


def test_a_folder_in_the_place_of_an_entry_is_named(joiners: Joiners) -> None:
    ledger = begun(joiners)
    for k in range(1, 200):
        if not os.path.lexists(ledger / f"lanes/0.0/{k}"):
            (ledger / f"lanes/0.0/{k}").mkdir()
    assert "is a folder, and nothing that a ledger has there" in joiners.ended("alice", code=4)
    assert_nothing_is_lost(joiners)


@need_root
def test_a_folder_that_becomes_read_only_is_waited_for_and_gone_on_with(joiners: Joiners, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:
        joiners.shared = disk
        joiners.run("alice", dead="3s")
        wait_until(lambda: joiners.done("alice") > 5)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        stderr = joiners.processes["alice"].stderr
        assert stderr is not None
        seen: list[bytes] = []
        while b"is read-only now" not in (seen or [b""])[-1]:
            seen.append(stderr.readline())
            assert seen[-1], b"".join(seen)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        told = joiners.ended("alice")
        assert "answers again" in told
        assert "400 done, 0 failed, 0 to do" in told
        assert "complete: 400 of 400 jobs, each counted once" in joiners.merged()


@need_root
def test_no_room_under_the_folder_is_told_and_gone_on_with(joiners: Joiners, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        joiners.shared = disk
        joiners.run("alice", dead="3s")
        wait_until(lambda: joiners.done("alice") > 5)
        filler = fill(disk)
        stderr = joiners.processes["alice"].stderr
        assert stderr is not None
        seen: list[bytes] = []
        while b"has no room left" not in (seen or [b""])[-1]:
            seen.append(stderr.readline())
            assert seen[-1], b"".join(seen)
        # Looks are answered all the while, and nothing that is to be put there.
        time.sleep(3)
        filler.unlink()
        told = joiners.ended("alice")
        assert told.count("answers again") == 1, told
        assert "has no room left" not in told
        assert "400 done, 0 failed, 0 to do" in told
        assert "complete: 400 of 400 jobs, each counted once" in joiners.merged()


def test_clocks_an_hour_apart_make_no_host_dead_and_none_alive(joiners: Joiners) -> None:
    """Neither to each other, nor to one who waits for them."""
    bob, looker = joiners.host("bob"), joiners.looker()
    joiners.host("alice").jobs(*["until [ -e ../go ]; do sleep 0.05; done"] * 40, machines=MACHINES)
    bob.jobs(*["until [ -e ../go ]; do sleep 0.05; done"] * 40, machines=MACHINES)
    for host, hours in ((bob, -1), (looker, 1)):
        host.write("shifted.py", SHIFTED.format(hours * 3600))
        host.program = [sys.executable, "shifted.py"]
    joiners.run("alice")
    wait_until(lambda: list(joiners.shared.glob("*/*/machines/alice/journal*")))
    waiting = looker.spawn("wait", "--json", str(joiners.shared))
    joiners.run("bob")
    wait_until(lambda: list(joiners.shared.glob("*/*/machines/bob/journal*")))
    with pytest.raises(subprocess.TimeoutExpired):
        # Longer than DEAD.
        waiting.wait(5)
    (joiners.folder / "go").touch()
    for name in ("alice", "bob"):
        assert "40 done, 0 failed, 0 to do" in joiners.ended(name)
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(out)["done"] == 40, "it has waited for who came later, too"
    assert "seize" not in {entry["verb"] for entry in joiners.entries("lanes/*/*").values()}
    assert "complete: 40 of 40 jobs, each counted once" in joiners.merged()


def assert_nothing_is_lost(joiners: Joiners) -> None:
    done = joiners.done("alice")
    told = joiners.host("alice").call("merge-results", "--partial", "-o", "all.csv", code=1)
    assert f"{done} of 400 jobs" in told.out + told.err
