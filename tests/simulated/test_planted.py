"""The seeds find what is planted: bugs of the kind that a week-long run would pay for."""

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

TESTS = Path(__file__).parents[1]
SOURCES = TESTS.parent / "src" / "shareout"
MOST_SEEDS = 10_000
SOME = 3
BUGS = all_bugs()


def found_after(bug: Bug, base: int) -> int:
    """How many seeds it took to find it."""
    words = [sys.executable, "-m", "simulated", str(base), str(MOST_SEEDS), "--most", "1", "--planted", bug.name]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{bug.name} is not found: {done.stdout[-2000:]}{done.stderr}"
    found = re.search(r"^(\d+) seeds, 1 failed", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    return int(found[1])


def test_every_planted_bug_has_its_place() -> None:
    """A text that is there once: whoever changes it changes the bug as well."""
    assert len(BUGS) >= 30
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert bug.applied((SOURCES / (bug.module.replace(".", "/") + ".py")).read_text())


def test_planted_bugs_are_found(record_property: Callable[[str, object], None]) -> None:
    """Some of them, begun at a seed that has found each."""
    for bug in random.sample(BUGS, SOME):
        count = found_after(bug, bug.seed)
        record_property("told", f"planted: {bug.name}: found after {count} seeds from {bug.seed} on")


@pytest.mark.soak
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_bug_is_found_within_ten_thousand_seeds(bug: Bug) -> None:
    base = random.randrange(1 << 40)
    print(f"{bug.name}: found after {found_after(bug, base)} seeds from {base} on")
