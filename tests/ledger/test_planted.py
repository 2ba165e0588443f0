"""The search finds what is planted: each rule of the ledger is there because without it something breaks."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.cases import CASES
from ledger.planted import Planted, all_bugs

TESTS = Path(__file__).parents[1]
MOST_STATES = 80_000
SOME = 4
BUGS = all_bugs()


def found_after(planted: Planted) -> int:
    """How many states it took to find it."""
    words = [sys.executable, "-m", "ledger", str(MOST_STATES), planted.case, "--planted", planted.bug.name]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{planted.bug.name} is not found: {done.stdout[-2000:]}{done.stderr}"
    found = re.search(r": ([\d,]+) states", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1].replace(",", ""))


def test_every_planted_bug_has_its_place() -> None:
    """A text that is there once: whoever changes it changes the bug as well."""
    assert len(BUGS) >= 30
    assert len({planted.bug.name for planted in BUGS}) == len(BUGS)
    assert {planted.case for planted in BUGS} <= {case.name for case in CASES}
    for planted in BUGS:
        assert planted.bug.applied(planted.source) != planted.source


def test_planted_bugs_are_found(record_property: Callable[[str, object], None]) -> None:
    """Some of them."""
    for planted in random.sample(BUGS, SOME):
        record_property("told", f"planted: {planted.bug.name}: found after {found_after(planted):,} states")


@pytest.mark.soak
@pytest.mark.parametrize("planted", BUGS, ids=lambda planted: planted.bug.name)
def test_every_planted_bug_is_found(planted: Planted) -> None:
    print(f"{planted.bug.name}: found after {found_after(planted):,} states")
