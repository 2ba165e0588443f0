"""What a file system may leave of a run that was cut off anywhere: from each the next start goes on to the end, runs
nothing again that was synced, and what is merged is what an undisturbed run gives.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROCESSES = 2
SECONDS = 25
SHARE = 0.1
ON_LINUX = 4


def said_by(*words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    call = [sys.executable, "-m", "simulated.crash", *map(str, words)]
    return subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder with the record of a run of thirty jobs on Linux."""
    recording = said_by("record", tmp_path)
    said, _ = recording.communicate(timeout=60)
    assert recording.returncode == 0, said
    assert said.startswith("exit 0,"), said
    return tmp_path


def resumed(recorded: Path, share: float, seconds: float) -> int:
    """From so large a share of all states, as many as there is time for."""
    seed = random.randrange(1 << 32)
    running = [said_by("resume", recorded, share, seed, number, PROCESSES, seconds) for number in range(PROCESSES)]
    said = "".join(one.communicate()[0] for one in running)
    assert not any(one.returncode for one in running), f"seed {seed}\n{said}"
    print(said)
    return sum(int(looked) for looked in re.findall(r"^(\d+) of \d+ states, 0 failed", said, re.M))


@pytest.mark.slow
def test_a_run_goes_on_from_a_part_of_all_crash_states(recorded: Path) -> None:
    assert resumed(recorded, SHARE, SECONDS)


def test_a_run_on_linux_goes_on_from_some_crash_states(recorded: Path) -> None:
    on_linux = said_by("really", recorded, ON_LINUX, random.randrange(1 << 32))
    said, _ = on_linux.communicate(timeout=120)
    assert on_linux.returncode == 0, said
    assert f"{ON_LINUX} states, 0 failed" in said


@pytest.mark.soak
def test_a_run_goes_on_from_all_crash_states(recorded: Path) -> None:
    assert resumed(recorded, 1.0, float("inf")) > 10_000
