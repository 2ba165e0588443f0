"""Hosts that no machine of the plan is: from the folder alone, with a name and a number that stay theirs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.terminal import Terminal
from kit.wait import wait_until
from shareout.plan import fingerprint

TELL = "sleep 0.05; echo rank $DISBATCH_ENGINE_RANK on $SHAREOUT_MACHINE"
MACHINES = '{"alice": [1, 2], "bob": [1, 2]}'


def gated(line: str, machine: str = "alice") -> str:
    """On that machine it waits for the gate, so that others come in time however slow this host is."""
    return f"while [ $SHAREOUT_MACHINE = {machine} ] && [ ! -e ../go ]; do sleep 0.02; done; {line}"


def begin(joiners: Joiners, *words: str, dead: str = "3s") -> None:
    """alice, until her ledger can be found."""
    joiners.run("alice", *words, dead=dead)
    wait_until(lambda: list(joiners.shared.glob("*/*/ledger.json")) or list(joiners.shared.glob("*/*/beats")))


def go(joiners: Joiners) -> None:
    (joiners.folder / "go").touch()


@pytest.fixture
def joiners(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    yield made
    made.end_all()


def test_a_host_without_inputs_finds_them_in_the_folder_and_does_its_part(joiners: Joiners) -> None:
    joiners.host("alice").jobs(*[gated(TELL)] * 200, machines=MACHINES)
    begin(joiners)
    joiners.join("gast", "-j", "2")
    wait_until(lambda: joiners.done("gast") > 10)
    go(joiners)
    for name in ("alice", "gast"):
        assert "200 done, 0 failed, 0 to do" in joiners.ended(name)
    assert joiners.done("gast") > 10, "bob never came: what would be his is anybody's"
    assert "complete: 200 of 200 jobs, each counted once" in joiners.merged()
    seen = joiners.status()
    assert (seen["done"], seen["todo"]) == (200, 0)
    assert seen["machines"]["gast"]["done"] == joiners.done("gast")
    assert joiners.entries("guests/*")["1"]["guest"] == "gast"
    printed = joiners.looker().call("merge-logs", str(joiners.shared)).out
    assert {line.split("rank ")[1] for line in printed.splitlines() if " rank " in line} == {"0 on alice", "2 on gast"}
    gast = joiners.host("gast")
    own = gast.records()[0]["job"]
    listed = [line.split() for line in gast.call("list").out.splitlines()]
    assert [line[:3] for line in listed if line[1] == str(own)] == [["d", str(own), "gast"]]
    assert "try 1 on gast: done" in gast.call("show", str(own)).out
    joiners.looker().call("report", str(joiners.shared), "-o", "r.html")
    assert "gast" in (joiners.looker().folder / "r.html").read_text()


@pytest.mark.both_ways
def test_a_program_of_ones_own_joins_with_nothing_but_itself(joiners: Joiners) -> None:
    """Its rows come from code, which the other host could not run alike: it has them from the folder."""
    script = (
        "import os, time\n"
        "from shareout import run\n"
        "def job(a, b):\n"
        "    while os.path.exists('configs') and not os.path.exists('../go'): time.sleep(0.02)\n"
        "    return a * b\n"
        "rows = [(a, 7) for a in range(100)] if os.path.exists('configs') else [(0, 0)]\n"
        "if __name__ == '__main__': run(job, pool=rows)\n"
    )
    joiners.host("alice").script(script)
    joiners.host("gast").script(script)
    shutil.rmtree(joiners.host("gast").folder / "configs")
    begin(joiners, "-j", "1")
    joiners.join("gast", "-j", "2")
    wait_until(lambda: joiners.done("gast") > 3)
    go(joiners)
    for name in ("alice", "gast"):
        assert "100 done, 0 failed, 0 to do" in joiners.ended(name)
    assert joiners.done("gast") > 3
    assert "complete: 100 of 100 jobs, each counted once" in joiners.merged()


@pytest.mark.module_only("the same processes and signals as in other tests of both")
def test_a_guest_that_was_killed_comes_back_as_itself_and_goes_on_at_once(joiners: Joiners) -> None:
    joiners.host("alice").jobs(*[gated(TELL)] * 120, machines='{"alice": [1, 2]}')
    begin(joiners, dead="1h")
    joiners.join("other", "-n", "1")
    joiners.ended("other")
    joiners.join("gast", "-j", "2")
    wait_until(lambda: joiners.done("gast") > 5)
    joiners.kill("gast")
    number = json.loads((joiners.host("gast").run_folder / "guest.json").read_bytes())["number"]
    joiners.join("gast", "-j", "2")
    go(joiners)
    for name in ("alice", "gast"):
        assert "120 done, 0 failed, 0 to do" in joiners.ended(name)
    assert number == 2
    assert json.loads((joiners.host("gast").run_folder / "guest.json").read_bytes())["number"] == 2
    assert sorted(joiners.entries("guests/*")) == ["1", "2"]
    assert "complete: 120 of 120 jobs, each counted once" in joiners.merged()


@pytest.mark.module_only("the same processes as in other tests of both")
def test_a_name_that_lives_elsewhere_is_refused_and_the_one_that_has_it_goes_on(joiners: Joiners) -> None:
    for name in ("alice", "twin"):
        joiners.host(name).jobs(*[gated("sleep 0.1")] * 150, machines=MACHINES)
    begin(joiners)
    joiners.run("twin", machine="alice")
    assert "alice is alive elsewhere: it has moved" in joiners.ended("twin", code=4)
    assert not joiners.done("twin")
    joiners.join("gast", "-j", "1")
    wait_until(lambda: joiners.done("gast") > 1)
    joiners.join("guest's twin", said="gast")
    assert "gast is alive elsewhere: it has moved" in joiners.ended("guest's twin", code=4)
    # On one host the lock tells.
    joiners.join("gast", "-j", "1", said="gast")
    assert "is in use by process" in joiners.ended("gast", code=4)
    go(joiners)
    joiners.ended("alice")


@pytest.mark.module_only("the same processes as in other tests of both")
def test_the_same_call_on_every_host_needs_no_machines(joiners: Joiners) -> None:
    (joiners.folder / "jobs.txt").write_text(f"{gated(TELL, 'first')}\n" * 160)
    for name in ("first", "second"):
        joiners._start(name, "run", "../jobs.txt", "--join", str(joiners.shared), "--machine", name, "-j", "2")
    wait_until(lambda: joiners.done("second") > 3)
    go(joiners)
    for name in ("first", "second"):
        assert "160 done, 0 failed, 0 to do" in joiners.ended(name)
    assert "complete: 160 of 160 jobs, each counted once" in joiners.merged()
    assert sorted(one["guest"] for one in joiners.entries("guests/*").values()) == ["first", "second"]


@pytest.mark.module_only("the same processes as in other tests of both")
def test_hosts_that_share_some_groups_run_these_alone_and_a_guest_knows_which(joiners: Joiners) -> None:
    line = gated("true")
    groups = [f"#SHAREOUT GROUP {'small' if at % 3 else 'large'}\n{line}" for at in range(150)]
    joiners.host("alice").jobs(*groups, machines=MACHINES)
    begin(joiners, "--group", "small")
    joiners.join("gast", "-j", "1")
    wait_until(lambda: joiners.done("gast") > 3)
    go(joiners)
    told = {name: joiners.ended(name) for name in ("alice", "gast")}
    assert "100 done, 0 failed, 50 to do" in told["alice"]
    assert "100 done, 0 failed, 50 to do" in told["gast"]
    ran = [one["job"] for name in ("alice", "gast") for one in joiners.hosts[name].records()]
    assert sorted(ran) == [one for one in range(150) if one % 3]
    # The others have a ledger of their own, and are no reason to wait.
    joiners.run("alice", "--group", "large")
    assert "large: all have run" in joiners.ended("alice")
    assert "complete: 150 of 150 jobs, each counted once" in joiners.merged()
    assert "of small" in joiners.looker().call("join", str(joiners.shared), "--yes", code=2).err


@pytest.mark.module_only("the same terminal as in other tests of both")
def test_on_a_terminal_a_guest_compares_the_digest_before_it_runs_what_others_put_there(joiners: Joiners) -> None:
    joiners.host("alice").jobs(*["true"] * 40, machines=MACHINES)
    joiners.run("alice", "-n", "1")
    joiners.ended("alice")
    gast = joiners.host("gast")
    for answer in ("n\r", "\r"):
        terminal = Terminal(gast, "join", str(joiners.shared), "--name", "gast")
        terminal.answer({"(y/N)": answer})
        assert terminal.end() == 130
        assert "guest   gast: takes of 40 jobs what others have not begun" in terminal.seen
        assert "nothing was started" in terminal.seen
        assert not list(gast.folder.glob("runs/*/*/journal*"))
    words = joiners.host("alice").call("plan", "--json").json["fingerprint"]
    terminal = Terminal(gast, "join", str(joiners.shared), "--name", "gast", "--expect", words)
    terminal.answer({"(Y/n)": "\r"})
    assert terminal.end() == 0
    assert joiners.done("gast") == 39


@pytest.mark.module_only("refused before anything runs")
def test_what_cannot_be_joined_is_refused_with_a_sentence(joiners: Joiners) -> None:
    gast = joiners.host("gast")
    shared = str(joiners.shared)
    assert "no folder is named, and [join] at names none either" in gast.call("join", code=2).err
    assert "is one word too many" in gast.call("join", "here", "--probe", "there", code=2).err
    assert "there is no folder nowhere" in gast.call("join", "nowhere", "--yes", code=2).err
    assert "no host has begun a run in" in gast.call("join", shared, "--yes", code=2).err
    joiners.host("alice").jobs("true", machines=MACHINES)
    joiners.run("alice", "--leave")
    joiners.ended("alice")
    plan = joiners.host("alice").call("plan", "--json").json["digest"]
    assert "no terminal to confirm on" in gast.call("join", shared, code=2).err
    assert "is a machine of the plan" in gast.call("join", shared, "--yes", "--name", "Bob", code=2).err
    assert "has a meaning of its own" in gast.call("join", shared, "--yes", "--name", "all", code=2).err
    for odd in ("a/b", "..", " x", "-"):
        assert "cannot be a name" in gast.call("join", shared, "--yes", f"--name={odd}", code=2).err
    words = gast.call("join", shared, "--yes", "--expect", "lusab-babad-gutih-tugad", code=2).err
    assert f"is {fingerprint.words(bytes.fromhex(plan))}, not the expected lusab" in words
    gast.script("from shareout import run\nrun(len, pool=[1])\n")
    shutil.rmtree(gast.folder / "configs")
    assert (
        "the jobs there are those of commands, and this is a Python program"
        in gast.call("join", shared, "--yes", code=2).err
    )
    assert not list(gast.folder.glob("runs/*/*/journal*"))
    joiners.host("other").jobs("false", machines=MACHINES)
    joiners.host("other").write("configs/runner.config", f"[join]\nat = {shared}\n")
    assert "the inputs here make the plan" in joiners.host("other").call("join", "--yes", "--name", "x", code=2).err
    told = joiners.host("other").call("join", shared, "--yes", "--name", "x", code=2).err
    assert "the inputs here make the plan" in told
    joiners.run("other", machine="alice")
    joiners.ended("other", code=1)
    assert "has 2 runs" in joiners.looker().call("join", shared, "--yes", "--name", "x", code=2).err
    # Hosts work on one of three.
    joiners.host("third").jobs(*[gated("true")] * 80, machines=MACHINES)
    joiners.run("third", machine="alice")
    wait_until(lambda: (joiners.host("third").folder / "runs").exists())
    wait_until(lambda: len(list(joiners.shared.glob("*/*/beats/alice"))) == 3)
    joiners.join("fourth")
    wait_until(lambda: joiners.done("fourth") > 1)
    go(joiners)
    told = joiners.ended("fourth")
    assert "of 3 runs there, hosts work on" in told
    assert "80 done, 0 failed, 0 to do" in told
    joiners.ended("third")


@pytest.mark.module_only("refused before anything runs")
def test_inputs_that_are_not_those_that_were_given_are_refused(joiners: Joiners) -> None:
    joiners.host("alice").jobs(*["sleep 0.1"] * 30, machines=MACHINES)
    joiners.run("alice", "--leave")
    joiners.ended("alice")
    gast = joiners.host("gast")
    pieces = [one for one in joiners.shared.glob("*/*/inputs/*") if b"sleep" in one.read_bytes()]
    pieces[0].write_bytes(pieces[0].read_bytes().replace(b"sleep", b"slept"))
    told = gast.call("join", str(joiners.shared), "--yes", "--name", "gast", code=2).err
    assert "configs/jobs.txt in the folder cannot be used: its bytes are not those that were given" in told
    assert not list(gast.folder.glob("runs/*/*/journal*"))
