"""What runs on this host, from one look at /proc: who descends from whom, in whose group and session."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from shareout.fields import dataclass
from shareout.world import stat_of, world


@dataclass(frozen=True, slots=True)
class Process:
    """One of them."""

    parent: int
    group: int
    session: int
    began: float
    """Seconds after the machine's start."""
    resident: int
    """Bytes of memory."""


def processes() -> dict[int, Process]:
    """By their numbers."""
    tick, page = 1 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = {}
    for pid in world.pids():
        if fields := stat_of(pid):
            # Fields of proc(5), counted from the state, which is the third there.
            parent, group, session, began, pages = (int(fields[at]) for at in (1, 2, 3, 19, 21))
            found[pid] = Process(parent, group, session, began * tick, pages * page)
    return found


def is_zombie(pid: int) -> bool:
    """Or gone."""
    return (stat_of(pid) or [b"Z"])[0] in (b"Z", b"X")


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
