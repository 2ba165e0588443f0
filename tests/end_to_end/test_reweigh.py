"""A corrected weight, and nothing that is done is run again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("weights are reckoned by the same code in an executable")

WEIGHTS = {"alice": [1, 2], "bob": [1, 2], "carol": [1, 2]}
LINES = [f"echo {number} >> ran.txt" for number in range(60)]


def begun(here: Machine, *names: str, limit: int = 12) -> Machine:
    """Three machines in one place, some of which have run some of their jobs."""
    here.jobs(*LINES, machines=json.dumps(WEIGHTS))
    for name in names:
        here.run("-n", str(limit), machine=name)
    return here


def ran(here: Machine) -> list[int]:
    """The jobs that were run, as they say themselves."""
    path = here.folder / "ran.txt"
    return sorted(map(int, path.read_text().split())) if path.exists() else []


def finish(here: Machine, names: Sequence[str]) -> None:
    for name in names:
        here.run(machine=name)


def certificate(here: Machine) -> str:
    told = here.call("merge-results", "--json").json
    assert (told["done"], told["missing"]) == (60, 0)
    return str(told["certificate"])


def alone(folder: Path) -> str:
    """The certificate of one machine that ran everything."""
    here = Machine(folder / "alone")
    here.jobs(*LINES, machines='{"only": [1, 2]}')
    here.run(machine="only")
    return certificate(here)


@pytest.mark.both_ways
def test_what_is_done_is_not_run_again_when_a_weight_is_corrected(here: Machine, tmp_path: Path) -> None:
    begun(here, "alice", "bob")
    before = here.call("plan", "--json").json
    told = here.call("reweigh", "bob=0.5", "--json").json
    assert told["written"]
    assert (told["jobs"], told["done"], told["origin"]) == (60, 24, before["digest"])
    assert told["moved"] == sum(one["gets"] for one in told["machines"]) > 0
    assert told["moved_done"] <= told["moved"]
    after = here.call("plan", "--json").json
    assert (after["digest"], after["since"]) == (told["digest"], told["since"])
    assert after["digest"] != before["digest"]
    finish(here, WEIGHTS)
    assert ran(here) == list(range(60)), "each job once"
    assert certificate(here) == alone(tmp_path)
    assert len(list(here.folder.glob("runs/*"))) == 1, "all in the folder of the first plan"


def test_a_chain_of_them_keeps_the_first_plan(here: Machine) -> None:
    begun(here, "alice", "bob", "carol")
    origin = here.call("plan", "--json").json["digest"]
    for words in (["bob=0.7"], ["alice=2", "carol=0.25"], ["--add", "dora=1x2"], ["--remove", "bob"]):
        assert here.call("reweigh", *words, "--json").json["origin"] == origin
    assert list(json.loads((here.folder / "configs/machines.json").read_text())) == ["alice", "carol", "dora"]
    finish(here, ("alice", "carol", "dora"))
    assert ran(here) == list(range(60))
    certificate(here)


def test_nothing_is_written_by_a_dry_run(here: Machine) -> None:
    begun(here, "alice")
    before = {path.name: path.read_bytes() for path in (here.folder / "configs").iterdir()}
    shown = here.call("reweigh", "bob=0.5", "--dry-run").out
    assert "nothing was written" in shown
    assert {path.name: path.read_bytes() for path in (here.folder / "configs").iterdir()} == before
    told = here.call("reweigh", "bob=0.5", "--dry-run", "--json").json
    assert here.call("reweigh", "bob=0.5", "--json").json == {**told, "written": True}


def test_a_weight_that_was_corrected_by_hand_is_told_and_kept_by_reweigh(here: Machine) -> None:
    begun(here, "alice", "bob")
    here.write("configs/machines.json", json.dumps({**WEIGHTS, "bob": [0.5, 2]}))
    assert "24 as " in here.call("plan").err
    refused = here.call("run", "--machine", "alice", "--yes", code=2).err
    assert "24 as " in refused
    assert "reweigh" in refused
    assert "--anew" in refused
    told = here.call("reweigh", "--json").json
    assert (told["done"], told["moved"]) == (24, None), "what carol owed nobody here knows"
    assert "24 as " not in here.call("plan").err
    finish(here, WEIGHTS)
    assert ran(here) == list(range(60))
    certificate(here)


def test_anew_starts_over(here: Machine) -> None:
    begun(here, "alice", "bob")
    here.write("configs/machines.json", json.dumps({**WEIGHTS, "bob": [0.5, 2]}))
    here.run("--anew", machine="alice")
    # It was said once; what this machine goes on with is no question any more.
    here.run(machine="alice")
    assert len(list(here.folder.glob("runs/*"))) == 2
    assert len(ran(here)) > 24


@pytest.mark.both_ways
def test_at_the_prompt_it_is_a_choice(here: Machine) -> None:
    begun(here, "alice", "bob")
    here.write("configs/machines.json", json.dumps({**WEIGHTS, "bob": [0.5, 2]}))
    terminal = Terminal(here, "run", "--machine", "alice")
    terminal.answer({"go on from": "\r", "(Y/n)": "\r"})
    assert terminal.end() == 0
    assert "since = " in (here.folder / "configs/runner.config").read_text()
    finish(here, WEIGHTS)
    assert ran(here) == list(range(60))


def test_other_jobs_cannot_be_gone_on_with(here: Machine) -> None:
    begun(here, "alice")
    here.call("reweigh", "bob=0.5")
    here.write("configs/jobs.txt", "echo other\n" * 60)
    assert "was of other work" in here.call("run", "--machine", "alice", "--yes", code=2).err


def test_what_another_host_did_counts_when_its_runs_are_brought(here: Machine, tmp_path: Path) -> None:
    there = begun(Machine(tmp_path / "there"), "bob", limit=20)
    begun(here, "alice")
    for one in (here, there):
        one.call("reweigh", "bob=0.25")
    assert here.call("plan", "--json").json["digest"] == there.call("plan", "--json").json["digest"]
    origin = here.run_folder.parent.name
    (there.folder / "runs" / origin / "bob").rename(here.folder / "runs" / origin / "bob")
    finish(here, WEIGHTS)
    assert sorted(ran(here) + ran(there)) == list(range(60))
    certificate(here)


def test_weights_are_measured(here: Machine) -> None:
    # Whoever runs as bob takes longer for each.
    lines = [f"sleep $([ $SHAREOUT_MACHINE = bob ] && echo 0.08 || echo 0.02); echo {number}" for number in range(24)]
    here.jobs(*lines, machines='{"alice": [1, 2], "bob": [1, 2]}')
    for name in ("alice", "bob"):
        here.run("-n", "6", machine=name)
    here.call("reweigh", "--measured", "runs")
    alice, bob = (one[0] for one in json.loads((here.folder / "configs/machines.json").read_text()).values())
    assert alice + bob == 2 or abs(alice + bob - 2) < 0.02
    assert 1.5 < alice / bob < 4.5


def test_what_is_wrong_is_refused_and_nothing_is_written(here: Machine) -> None:
    begun(here, "alice")
    for words, said in (
        (["bobb=2"], 'there is no machine "bobb"'),
        (["bob"], "is not NAME=PERF"),
        (["bob=0"], "is not NAME=PERF"),
        (["--add", "dora=1"], "is not NAME=PERFxCORES"),
        (["--add", "alice=1x2"], "already"),
        (["--remove", "alice", "--remove", "bob", "--remove", "carol"], "no machine would be left"),
        (["--since", "ab" * 8], "no run of these jobs"),
        (["--measured", "runs"], "fewer than two"),
        (["--measured", "runs", "--add", "all=1x1"], "fewer than two"),
        (["--add", "all=1x1"], "cannot name a machine"),
        (["bob=1e999"], "1e999"),
        (["bob=2", "--remove", "bob"], '"bob" is named twice'),
    ):
        told = here.call("reweigh", *words, code=2).err
        assert said in told
        assert "/tmp/shareout-" not in told
    assert not (here.folder / "configs/runner.config").exists()
    assert json.loads((here.folder / "configs/machines.json").read_text()) == WEIGHTS


@pytest.mark.both_ways
def test_a_kill_in_between_costs_nothing_but_what_ran(here: Machine) -> None:
    begun(here, "alice")
    here.jobs(*[f"echo {number} >> ran.txt; sleep 0.01" for number in range(60)], machines=json.dumps(WEIGHTS))
    (here.folder / "ran.txt").unlink()
    for round_ in range(4):
        process = here.start("--anew", machine="alice") if not round_ else here.start(machine="alice")
        wait_until(lambda number=5 * (round_ + 1): len(ran(here)) >= number)
        process.kill()
        process.communicate()
        here.call("reweigh", f"bob=0.{9 - round_}")
    finish(here, WEIGHTS)
    assert set(ran(here)) == set(range(60))
    certificate(here)


def moved(here: Machine, to: str, perf: str) -> tuple[list[int], list[int]]:
    """Gives that machine more; the jobs that it gets, and those of them that are done."""
    before = ids_of(here, to)
    done = {one["job"] for one in here.call("list", "--json").json if one["state"] == "d"}
    here.call("reweigh", f"{to}={perf}")
    gets = sorted(ids_of(here, to) - before)
    return gets, [job for job in gets if job in done]


def ids_of(here: Machine, name: str) -> set[int]:
    return set(map(int, here.call("plan", "--machine", name, "--ids").out.split()))


def test_a_job_that_moved_is_explained_by_who_did_it(here: Machine) -> None:
    begun(here, "bob", limit=20)
    _, done = moved(here, "alice", "2")
    told = here.call("explain", str(done[0]), "--json").json
    assert (told["machine"], told["state"]) == ("alice", "done")
    assert told["why"] == "it is done, by bob"
    here.run("-n", "1", machine="alice")
    assert here.call("explain", str(done[0]), "--json").json["why"] == "it is done, by bob"


def test_a_job_that_was_skipped_stays_so_when_it_moves(here: Machine) -> None:
    begun(here, "alice")
    theirs = sorted(ids_of(here, "bob"))
    here.call("skip", ",".join(map(str, theirs)))
    gets, _ = moved(here, "alice", "2")
    assert set(gets) & set(theirs)
    told = here.call("explain", str(gets[0]), "--json").json
    assert (told["machine"], told["state"]) == ("alice", "skipped")
    finish(here, ("alice",))
    assert not set(ran(here)) & set(theirs)


def test_what_failed_is_tried_anew_by_who_gets_it(here: Machine) -> None:
    lines = [f"echo {number} >> ran.txt; [ $SHAREOUT_MACHINE != bob ]" for number in range(60)]
    here.jobs(*lines, machines=json.dumps(WEIGHTS))
    here.run(machine="bob", code=1)
    gets, _ = moved(here, "alice", "2")
    assert here.call("explain", str(gets[0]), "--json").json["state"] == "new"
    here.run(machine="alice")
    assert all(ran(here).count(job) == 2 for job in gets)


def test_an_audit_stands_for_nobody_else(here: Machine) -> None:
    here.jobs(*LINES, machines=json.dumps(WEIGHTS))
    here.write("configs/runner.config", "[run]\naudit = 100%\n")
    here.run(machine="bob")
    told = here.call("status", "--json").json
    assert told["done"] == len(ids_of(here, "bob")), "those of alice, which bob ran as well, are alice's to run"
    here.call("reweigh", "carol=1.5")
    here.run(machine="alice")
    assert set(ids_of(here, "alice")) <= set(ran(here))
    assert here.call("explain", str(min(ids_of(here, "carol"))), "--json").json["state"] == "new"


def test_damage_at_another_machine_stops_nobody(here: Machine) -> None:
    begun(here, "bob")
    moved(here, "alice", "2")
    journal = next(here.folder.glob("runs/*/bob/journal*"))
    journal.write_bytes(b"x" + journal.read_bytes()[1:])
    told = here.call("run", "--machine", "alice", "--yes")
    assert "what bob has done of this share is not known here" in told.err
    assert ids_of(here, "alice") <= set(ran(here))


def test_a_machine_that_was_removed_is_told_of(here: Machine) -> None:
    begun(here, "alice", "bob", "carol")
    here.call("reweigh", "--remove", "bob")
    assert here.call("status", "--json").json["done"] == 36
    finish(here, ("alice", "carol"))
    assert here.call("wait", "--json").json["done"] == 60
    certificate(here)


def test_what_is_left_can_be_rebalanced_and_goes_on_from_nothing(here: Machine) -> None:
    begun(here, "alice", "bob")
    here.call("reweigh", "bob=0.5")
    here.run("-n", "3", machine="carol")
    here.call("rebalance", "runs", "-o", "rest")
    assert "since" not in (here.folder / "rest/runner.config").read_text()
    for name in WEIGHTS:
        here.run("--configs", "rest", machine=name)
    assert ran(here) == list(range(60))
    certificate(here)


def test_inputs_of_what_is_left_cannot_go_on_from_what_left_them(here: Machine) -> None:
    begun(here, "alice")
    here.call("reweigh", "bob=0.5")
    said = (here.folder / "configs/runner.config").read_text()
    here.call("rebalance", "runs", "-o", "rest")
    here.write("rest/runner.config", said)
    assert "names that plan" in here.call("plan", "--configs", "rest", code=2).err


def test_who_goes_on_does_not_start_over(here: Machine) -> None:
    begun(here, "alice")
    here.call("reweigh", "bob=0.5")
    told = here.call("run", "--machine", "alice", "--yes", "--anew", code=2)
    assert "goes on from another by [run] since" in told.err
