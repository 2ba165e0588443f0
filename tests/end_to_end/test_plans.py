"""`plans`, and what is found where no plan is here: folders of runs, a line each, and how they go."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until

GATE = "touch begun; while [ ! -e go ]; do sleep 0.01; done"
TWO = '{"alice": [1, 1], "bob": [1, 1]}'


def test_each_plan_has_a_line_the_last_one_first(here: Machine) -> None:
    here.jobs("true", "false", "true", machines=TWO)
    here.run(code=None)
    here.run(machine="bob", code=None)
    here.jobs("true")
    here.run()
    newest, oldest = here.call("plans", "--json").json["plans"]
    assert (oldest["jobs"], oldest["done"], oldest["failed"], oldest["machines"]) == (3, 2, 1, ["alice", "bob"])
    assert newest["fingerprint"] == here.call("plan", "--json").json["fingerprint"]
    assert oldest["live"] == []
    assert oldest["bytes"] == sum(
        path.stat().st_size for path in (here.folder / oldest["path"]).rglob("*") if path.is_file()
    )
    head, first, second = here.call("plans").out.splitlines()
    assert head.split()[:4] == ["plan", "jobs", "done", "failed"]
    assert first.startswith(newest["fingerprint"])
    assert second.split()[1:6] == ["3", "2", "1", "alice,", "bob"]


def test_a_plan_is_removed_by_its_words_and_others_stay(here: Machine) -> None:
    here.jobs("true").run()
    here.jobs("true", "true").run()
    newest, oldest = here.call("plans", "--json").json["plans"]
    assert "--yes" in here.call("plans", "--remove", oldest["fingerprint"], code=2).err
    told = here.call("plans", "--remove", oldest["fingerprint"], "--yes")
    assert told.out.startswith(f"removed {oldest['path']}")
    assert [one["path"] for one in here.call("plans", "--json").json["plans"]] == [newest["path"]]
    assert sorted(one.name for one in (here.folder / "runs").iterdir()) == [Path(newest["path"]).name]
    assert here.call("plans", "--remove", newest["path"][5:], "--yes", "--json").json["removed"][0]["done"] == 2
    assert here.call("plans").out == "no plan has run here\n"


def test_it_asks_on_a_terminal_and_enter_alone_is_a_no(here: Machine) -> None:
    here.jobs("true").run()
    words = here.call("plans", "--json").json["plans"][0]["fingerprint"]
    terminal = Terminal(here, "plans", "--remove", words)
    terminal.answer({"(y/N)": "\r"})
    assert terminal.end() == 130
    assert here.call("plans", "--json").json["plans"]
    terminal = Terminal(here, "plans", "--remove", words)
    terminal.answer({"(y/N)": "y\r"})
    assert terminal.end() == 0
    assert not here.call("plans", "--json").json["plans"]


def test_a_live_one_is_told_and_refused_and_then_nothing_else_is_removed_either(here: Machine) -> None:
    here.jobs("true").run()
    done = here.call("plans", "--json").json["plans"][0]["fingerprint"]
    here.jobs(GATE)
    process = here.start("--quiet")
    wait_until((here.folder / "begun").exists)
    live = here.call("plans", "--json").json["plans"][0]
    assert live["live"] == ["alice"]
    assert "alice (running)" in here.call("plans").out
    assert "is in use by process" in here.call("plans", "--remove", done, live["fingerprint"], "--yes", code=4).err
    assert len(here.call("plans", "--json").json["plans"]) == 2
    (here.folder / "go").touch()
    assert process.wait() == 0
    here.call("plans", "--remove", done, live["fingerprint"], "--yes")


def test_what_was_killed_or_is_damaged_can_be_removed(here: Machine) -> None:
    here.jobs(GATE)
    process = here.start("--quiet")
    wait_until((here.folder / "begun").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not here.call("plans", "--json").json["plans"][0]["live"])
    lines = here.journal.read_bytes().split(b"\n")
    here.journal.write_bytes(b"\n".join([lines[0], lines[1][:-9] + b"\n"]))
    (one,) = here.call("plans", "--json").json["plans"]
    here.call("plans", "--remove", one["fingerprint"], "--yes")
    assert not list((here.folder / "runs").glob("*"))


def test_what_a_killed_removal_left_is_no_plan_and_goes_with_the_next(here: Machine) -> None:
    here.jobs("true").run()
    (folder,) = (here.folder / "runs").iterdir()
    shutil.copytree(folder, folder.with_name(f".removed-{folder.name}-7"))
    assert here.call("status", "--json").json["done"] == 1
    here.call("plans", "--remove", folder.name, "--yes")
    assert not list((here.folder / "runs").iterdir())


@pytest.mark.parametrize("words", ["nonsense", "rijok-humab-tamop-lahag", "../..", "0123456789abcdef"])
def test_what_is_not_there_is_not_removed(here: Machine, words: str) -> None:
    here.jobs("true").run()
    assert "no plan here is" in here.call("plans", "--remove", words, "--yes", code=2).err


def test_without_a_plan_here_the_only_one_near_is_found(here: Machine) -> None:
    here.jobs("true").run()
    near = here.folder.with_name("near")
    near.mkdir()
    here.folder.rename(near / "walk")
    inside = Machine(near)
    told = inside.call("status")
    assert told.err == "shareout: there is no folder runs here; this is walk/runs\n"
    assert "1 done" in told.out
    told = inside.call("merge-results", "--configs", "walk/configs")
    assert told.err == "shareout: there is no folder runs here; this is walk/runs\n"
    assert "complete: 1 of 1 jobs" in told.out
    inside.call("report", "-o", "near.html")
    for place in ("walk/runs", *(str(one.relative_to(near)) for one in near.glob("walk/runs/*")), "walk/runs/*/alice"):
        (folder,) = near.glob(place)
        assert Machine(folder).call("status", "--json").json["done"] == 1, place
    shutil.copytree(near / "walk", near / "other")
    told = inside.call("status", code=2)
    assert "2 near: other/runs, walk/runs" in told.err
    assert "2 near: other/runs, walk/runs" in inside.call("merge-results", code=2).err
    assert inside.call("status", "--runs", "walk/runs", "--json").json["done"] == 1
    assert "nothing has run here yet" in inside.call("status", "--runs", "none", code=2).err
