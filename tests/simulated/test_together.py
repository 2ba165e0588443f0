"""Seeds of machines that share a ledger: whole runs around a store that goes wrong, searched for broken promises; and
they find what is planted."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulated.planted import Bug, all_bugs
from simulated.together import BUGS

TESTS = Path(__file__).parents[1]
SOURCES = TESTS.parent / "src" / "shareout"
MOST_SEEDS, SOME = 2_000, 2
PLANTED = all_bugs(BUGS)


def searched(base: int, count: int, seconds: float) -> int:
    """How many seeds were looked at in that time."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    words = [sys.executable, "-m", "simulated.together", str(base), str(count), "--seconds", str(seconds)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    found = re.search(r"^(\d+) seeds, 0 failed", done.stdout, re.M)
    assert found, done.stdout
    return int(found[1])


@pytest.mark.slow
def test_no_seed_of_machines_together_breaks_a_promise(record_property: Callable[[str, object], None]) -> None:
    base = random.randrange(1 << 40)
    seeds = searched(base, 1_000, 20)
    record_property("told", f"together: {seeds} seeds from {base} on broke no promise")
    assert seeds


@pytest.mark.soak
def test_no_seed_of_ten_thousand_breaks_a_promise() -> None:
    searched(random.randrange(1 << 40), 10_000, 7200)


def test_a_seed_is_replayed_to_the_letter() -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    words = [sys.executable, "-m", "simulated.together", "4711", "8"]
    told = [
        re.sub(r"\d+ ms a seed", "", subprocess.run(words, env=environment, capture_output=True, text=True).stdout)
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert "8 seeds, 0 failed" in told[0]


def found_after(bug: Bug, base: int) -> int:
    """How many seeds it took to find it."""
    words = [sys.executable, "-m", "simulated.together", str(base), str(MOST_SEEDS), "--most", "1"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    done = subprocess.run([*words, "--planted", bug.name], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{bug.name} is not found: {done.stdout[-2000:]}{done.stderr}"
    found = re.search(r"^(\d+) seeds, 1 failed", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    return int(found[1])


def test_every_planted_bug_has_its_place() -> None:
    """A text that is there once: whoever changes it changes the bug as well."""
    assert len({bug.name for bug in PLANTED}) == len(PLANTED) >= 14
    for bug in PLANTED:
        assert bug.applied((SOURCES / (bug.module.replace(".", "/") + ".py")).read_text())


def test_planted_bugs_are_found(record_property: Callable[[str, object], None]) -> None:
    """Some of them, begun at a seed that has found each."""
    for bug in random.sample(PLANTED, SOME):
        count = found_after(bug, bug.seed)
        record_property("told", f"planted: {bug.name}: found after {count} seeds from {bug.seed} on")


@pytest.mark.soak
@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_every_planted_bug_is_found(bug: Bug) -> None:
    print(f"{bug.name}: found after {found_after(bug, random.randrange(1 << 40))} seeds")
