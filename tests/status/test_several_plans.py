"""Runs of several plans in one place: one rule says which is meant, everywhere, and it is told."""

from __future__ import annotations

import os

import pytest

from kit.program import Machine

TELLERS = [
    ["status"], ["wait"], ["list"], ["show", "0"], ["merge-results"], ["merge-results", "--failed"], ["report"],
    ["export", "--format", "runmaker"],
]  # fmt: skip


def two_plans(here: Machine) -> tuple[str, str]:
    """The inputs at hand are of the older one. Their digests, the older first."""
    here.jobs("echo one", "echo two").run()
    first = here.run_folder.parent.name
    here.jobs("echo other").run()
    second = next(path.name for path in (here.folder / "runs").iterdir() if path.name != first)
    for journal in here.folder.glob(f"runs/{first}/*/journal.*.jsonl"):
        os.utime(journal, (1, 1))
    here.jobs("echo one", "echo two")
    return first, second


@pytest.mark.parametrize("words", TELLERS, ids=lambda words: "-".join(words))
def test_the_plan_of_the_inputs_at_hand_is_meant_and_the_others_are_named(here: Machine, words: list[str]) -> None:
    ours, theirs = two_plans(here)
    said = here.call(*words).err
    assert f"this is plan {ours}, that of the inputs at hand; directories of {theirs} are left out" in said


@pytest.mark.parametrize("words", TELLERS[:-1], ids=lambda words: "-".join(words))
def test_without_inputs_at_hand_the_newest_is_meant(here: Machine, words: list[str]) -> None:
    theirs, ours = two_plans(here)
    (here.folder / "configs").rename(here.folder / "elsewhere")
    assert f"this is plan {ours}, the last one that was worked on; directories of {theirs}" in here.call(*words).err


def test_directories_of_different_plans_that_are_named_do_not_merge(here: Machine) -> None:
    two_plans(here)
    folders = sorted(here.folder.glob("runs/*/alice"))
    said = here.call("merge-results", *map(str, folders), code=2).err
    assert "these directories are of 2 plans" in said
    assert all(str(folder) in said for folder in folders)


def test_a_run_with_changed_inputs_says_what_it_leaves_behind(here: Machine) -> None:
    assert "done jobs" not in here.jobs("echo one", "echo two").run().err
    digest = here.run_folder.parent.name
    said = here.jobs("echo one", "echo 2").run().err
    assert f"runs has 2 done jobs of another plan ({digest}); the inputs have changed since" in said
    assert "put the inputs back as they were" in said
    assert "another plan" not in here.run().err
    other = here.write("other.txt", "echo another pool\n")
    assert "another plan" not in here.run(str(other)).err


def test_a_rebalanced_plan_leaves_nothing_behind(here: Machine) -> None:
    here.jobs("echo one", "echo two").run("-n", "1", code=None)
    here.call("rebalance", "-o", "rest")
    assert "another plan" not in here.run("--configs", "rest").err
