"""What runs on this host, from one look at /proc: who descends from whom, in whose group and session."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One of them."""

    parent: int
    group: int
    session: int
    began: float
    """Seconds after the machine's start."""


def processes() -> dict[int, Process]:
    """By their numbers."""
    tick = 1 / os.sysconf("SC_CLK_TCK")
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/stat").read_text("utf-8", "replace")
            except OSError:
                continue
            fields = text[text.rindex(")") + 2 :].split()
            found[int(name)] = Process(int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]) * tick)
    return found


def family(leaders: Collection[int], seen: Mapping[int, Process], *, descendants: bool = True) -> set[int]:
    """The leaders that live, everything in their sessions and groups, and all descendants."""
    wanted = set(leaders)
    found = {pid for pid, one in seen.items() if wanted & {pid, one.group, one.session}}
    grown = descendants
    while grown:
        more = {pid for pid, one in seen.items() if one.parent in found} - found
        grown = bool(more)
        found |= more
    return found
