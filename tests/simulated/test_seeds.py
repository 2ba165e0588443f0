"""Seeds: small plans on small machines in a world that goes wrong, searched for what breaks a promise.

A fresh base each time, told at the end of the tests; what fails prints the line that replays it, with the fewest faults
that it needs. How many seeds there are is a matter of the time and of what else the host does.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROCESSES = 2


def searched(base: int, count: int, seconds: float) -> tuple[int, str]:
    """How many seeds were looked at in that time, by two processes, and all that they said."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    share = count // PROCESSES
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "simulated", str(base + number * share), str(share), "--seconds", str(seconds)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    said = [one.communicate()[0] for one in running]
    failed = [one for one, text in zip(running, said, strict=True) if one.returncode]
    assert not failed, "\n".join(said)
    return sum(int(found[1]) for text in said if (found := re.search(r"^(\d+) seeds, 0 failed", text, re.M))), said[0]


@pytest.mark.slow
def test_no_seed_breaks_a_promise(record_property: Callable[[str, object], None]) -> None:
    base = random.randrange(1 << 40)
    seeds, said = searched(base, 10_000, 30)
    record_property("told", f"{seeds} seeds from {base} on broke no promise")
    print(f"of the first half:\n{said}")
    assert seeds


@pytest.mark.soak
def test_no_seed_of_a_million_breaks_a_promise() -> None:
    base = random.randrange(1 << 40)
    seeds, said = searched(base, 1_000_000, float(os.environ.get("SOAK_SECONDS", "36000")))
    print(f"{seeds} seeds from {base} on; of the first half:\n{said}")


def test_a_seed_is_replayed_to_the_letter() -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    words = [sys.executable, "-m", "simulated", "4711", "20"]
    told = [
        re.sub(
            r"[0-9.]+ s, .*",
            "",
            subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout,
        )
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert "20 seeds, 0 failed" in told[0]
