"""`python -m simulated.crash record FOLDER`; then `resume FOLDER SHARE SEED NUMBER OF SECONDS`, which goes on from a
share of all states in the simulated world (of them every OF-th, from NUMBER on), or `really FOLDER COUNT SEED`, which
does so from a few on Linux.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from shareout import world as seam

if TYPE_CHECKING:
    from simulated.crash.states import State

MOST_TOLD = 5


def record(folder: Path) -> int:
    from simulated.crash.recording import Recording
    from simulated.system.paths import SimPath

    # Before anything else of the program is loaded.
    recording = seam.world = SimPath.calls = Recording(folder)
    from simulated.crash.resuming import run_really

    (folder / "runs").mkdir()
    code = run_really(SimPath(str(folder)))
    recording.save(folder / "changes")
    print(f"exit {code}, {len(recording.changes)} changes")
    return code


def resume(folder: Path, share: float, seed: int, number: int, of: int, seconds: float) -> int:
    from simulated import stand_in
    from simulated.crash.resuming import check_state

    stand_in.put_in_place()
    draw = Random(seed)
    chosen, total = [], 0
    for one in _states(folder):
        if draw.random() < share and total % of == number:
            chosen.append(one)
        total += 1
    # In any order, for there may be no time for all.
    draw.shuffle(chosen)
    return _told(chosen, total, check_state, seconds)


def really(folder: Path, count: int, seed: int) -> int:
    from simulated.crash.resuming import check_on_linux

    all_states = list(_states(folder))
    chosen = Random(seed).sample(all_states, count)
    return _told(chosen, count, lambda one: check_on_linux(one, folder), float("inf"))


def _told(chosen: Iterable[State], of: int, check: Callable[[State], str], seconds: float) -> int:
    began, looked, failed = time.monotonic(), 0, 0
    for one in chosen:
        if time.monotonic() - began > seconds:
            break
        looked += 1
        if what := check(one):
            failed += 1
            print(what if failed <= MOST_TOLD else "", end="\n" if failed <= MOST_TOLD else "")
    print(f"{looked} of {of} states, {failed} failed, {time.monotonic() - began:.1f} s")
    return int(failed > 0)


def _states(folder: Path) -> Iterator[State]:
    from simulated.crash.states import states

    changes = pickle.loads((folder / "changes").read_bytes())
    return states([("mkdir", "/runs"), ("sync_folder", "/"), *changes])


def main(what: str, folder: Path, *words: str) -> int:
    match what:
        case "record":
            return record(folder)
        case "resume":
            share, seed, number, of, seconds = words
            return resume(folder, float(share), int(seed), int(number), int(of), float(seconds))
        case _:
            return really(folder, *map(int, words))


code = main(sys.argv[1], Path(os.path.abspath(sys.argv[2])), *sys.argv[3:])
sys.exit(code)
