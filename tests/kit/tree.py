"""The processes of a run by what they are for, and signals to them in any order."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.program import Machine


@dataclass(frozen=True)
class Tree:
    """Everything that lives of a run at one moment."""

    loader: list[int]
    """Of a one-file program; a module has none."""
    parent: int
    guardian: list[int]
    workers: list[int]
    jobs: list[int]

    @property
    def ours(self) -> list[int]:
        return [*self.loader, self.parent, *self.guardian, *self.workers]

    @property
    def all(self) -> list[int]:
        return [*self.ours, *self.jobs]


def tree_of(here: Machine, process: subprocess.Popen[bytes]) -> Tree:
    """A look at it. The guardian is the child of ours that holds no output of a slot."""
    parent = here.python(process)
    loader = [process.pid] if parent != process.pid else []
    below = children_of(parent)
    workers = [pid for pid in below if _prints_to(pid).endswith(".out")]
    guardian = [pid for pid in below if pid not in workers]
    jobs = [pid for worker in workers for pid in descendants(worker)]
    return Tree(loader, parent, guardian, workers, jobs)


def send(pids: Sequence[int], number: signal.Signals, gap_s: float = 0.0) -> None:
    """One after the other, so long apart. Who has gone already needs none."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        if gap_s:
            select.select([], [], [], gap_s)


def shuffled(pids: Sequence[int], moment: random.Random) -> list[int]:
    return moment.sample(pids, len(pids))


def children_of(pid: int) -> list[int]:
    try:
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(word) for text in texts for word in text.split()]


def descendants(pid: int) -> list[int]:
    found = []
    for child in children_of(pid):
        found += [child, *descendants(child)]
    return found


def _prints_to(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/1")
    except OSError:
        return ""
