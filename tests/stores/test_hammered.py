"""Keys are put through all that mounts do: nothing that was acknowledged is lost, and nobody is told another text."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from kit.mounts import Mount, mounting, need_mounts
from kit.remote_store import Remote, opened

SOAK_ROUNDS = 20 * int(os.environ.get("SHAREOUT_SOAK_ROUNDS", "50"))
HOSTS = 4


@pytest.mark.slow
def test_what_was_acknowledged_stands_through_kills_and_unmounts(tmp_path: Path) -> None:
    _hammer(tmp_path, 15)


@pytest.mark.soak
def test_what_was_acknowledged_stands_through_hours_of_kills_and_unmounts(tmp_path: Path) -> None:
    _hammer(tmp_path, SOAK_ROUNDS)


def _hammer(above: Path, rounds: int) -> None:
    need_mounts()
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moment = random.Random(seed)
    with mounting(above, HOSTS) as mounts:
        views = [mounts.of(host) for host in range(1, HOSTS + 1)]
        racers = [_started(view) for view in views]
        known: dict[int, str] = {}
        for number in range(rounds):
            for seat, racer in enumerate(racers):
                racer.ask("put", f"lanes/0.0/{number}", f"{seat} of {number}")
            for seat in moment.sample(range(HOSTS), moment.randrange(3)):
                # In the middle of what it was asked: killed, or its mount is taken away under it.
                if moment.random() < 0.5:
                    told = racers[seat].kill()
                else:
                    views[seat].unmount()
                    told = [racers[seat].answer()]
                    racers[seat].close()
                    views[seat].mount()
                _learn(known, number, told)
                racers[seat] = _started(views[seat])
                racers[seat].ask("put", f"lanes/0.0/{number}", f"{seat} of {number}, again")
            _learn(known, number, [racer.answer() for racer in racers])
        server = opened([str(mounts.folder), "symlink"])
        assert {number: (server.get(f"lanes/0.0/{number}") or b"").decode() for number in range(rounds)} == known
        for racer in racers:
            racer.close()


def _started(view: Mount) -> Remote:
    racer = Remote([str(view.point), "symlink"])
    assert racer.answer() == "ready"
    return racer


def _learn(known: dict[int, str], number: int, told: list[object]) -> None:
    """Those who were told a text were all told the same."""
    for text in told:
        if isinstance(text, str):
            assert known.setdefault(number, text) == text
