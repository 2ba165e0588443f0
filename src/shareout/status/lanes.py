"""Who has what in a ledger, as its folder tells: for `status` and `explain`, which change nothing there.

Advice, as all that is read from a folder on the way: what was put a moment ago may not be seen yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path

from shareout.errors import ShareoutError
from shareout.fields import dataclass
from shareout.ledger.beat import BEATS
from shareout.ledger.entry import NOBODY, Entry, name_of, parse
from shareout.status.beat import LANES, beat_in
from shareout.stores.charter import read_charter
from shareout.stores.folder.opening import ledgers_in
from shareout.stores.folder.spelling import meant, spelled
from shareout.stores.folder.ways import WAYS

CLOSED = "closed"
SILENT_S = 15.0
"""Of beats that are said every five seconds."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is not final of one lane; `machine` is "" where it is nobody's now: without an owner, or of one that has
    said that it goes."""

    lane: str
    machine: str
    low: int
    res: int
    hi: int
    doubted: str
    """By whom the owner is asked whether it lives; empty: by nobody."""

    @property
    def jobs(self) -> int:
        """How many positions that are."""
        return self.hi - self.low


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Positions that were taken from a host that was silent."""

    low: int
    hi: int
    whom: str
    by: str
    when: float
    """Seconds since 1970, by the clock of whoever keeps the folder."""

    @property
    def jobs(self) -> int:
        """How many positions that were."""
        return self.hi - self.low


@dataclass(frozen=True, slots=True)
class Lanes:
    """Of a ledger, or of several that are each about some groups of one plan."""

    ledger: Path
    groups: tuple[str, ...]
    """Those that it is about; empty: all of the plan."""
    held: tuple[Holding, ...]
    taken: tuple[TakeOver, ...]
    silent: dict[str, float]
    """Machines that have something and say nothing, and for how many seconds others have said more."""

    def is_about(self, group: str | None) -> bool:
        """Whether jobs of this group are shared here."""
        return not self.groups or group in self.groups

    def holding(self, position: int) -> Holding | None:
        """In which lane a position is that is not final; None also where its machine has not come yet."""
        return next((one for one in self.held if one.low <= position < one.hi), None)

    def taken_from(self, position: int) -> str:
        """Whom it was taken over from last; empty: nobody."""
        return next((one.whom for one in reversed(self.taken) if one.low <= position < one.hi), "")


def lanes_of(ledgers: Sequence[Path], group: str | None) -> Lanes:
    """Of the one that is about this group, or, where there is none, of all of them together; those from which hosts
    went on by another plan only where there is no other."""
    if len(ledgers) > 1:
        ledgers = [one for one in ledgers if not os.path.lexists(one / CLOSED)] or ledgers
    found = [lanes_in(one) for one in ledgers]
    if group is not None and (its := next((one for one in found if one.is_about(group)), None)):
        return its
    return reduce(_together, found)


def _together(one: Lanes, other: Lanes) -> Lanes:
    groups = tuple(sorted({*one.groups, *other.groups})) if one.groups and other.groups else ()
    taken = sorted((*one.taken, *other.taken), key=lambda over: over.when)
    return Lanes(one.ledger, groups, (*one.held, *other.held), tuple(taken), {**one.silent, **other.silent})


def groups_of(ledger: Path) -> tuple[str, ...]:
    """Those that a ledger is about; none: all of its plan, or nobody can tell."""
    texts = ledgers_in(ledger.parents[1], ledger.parent.name)
    with suppress(ShareoutError):
        return read_charter(texts[ledger], ledger).groups if ledger in texts else ()
    return ()


def lanes_in(ledger: Path) -> Lanes:
    """Of the ledger whose folder this is."""
    held: list[Holding] = []
    taken: list[TakeOver] = []
    left = _left(ledger)
    for lane in sorted(os.listdir(ledger / LANES)):
        with suppress(OSError, ShareoutError):
            for makers, entry, when in entries_of_lane(ledger / LANES / lane, lane):
                if entry.verb == "seize":
                    low, hi = entry.kid[::2] if entry.kid else (entry.low, entry.hi)
                    taken.append(TakeOver(low, hi, name_of(entry.owner), name_of(entry.by), when))
                elif not entry.is_final:
                    held.append(_held(lane, entry, left))
                held += _unmet(ledger, makers, entry, left)
    return Lanes(
        ledger, groups_of(ledger), tuple(held), tuple(sorted(taken, key=lambda one: one.when)), _silent(ledger, held)
    )


def _left(ledger: Path) -> frozenset[str]:
    """Starts of machines that have said of themselves that they go."""
    found = set()
    with suppress(OSError):
        for entry in os.scandir(ledger / BEATS):
            facts = beat_in(Path(entry))
            if facts.get("leaves") is True:
                found.add(str(facts.get("owner")))
    return frozenset(found)


def _held(lane: str, entry: Entry, left: frozenset[str]) -> Holding:
    asks = name_of(entry.by) if entry.verb == "doubt" else "others" if entry.doubt else ""
    machine = name_of(entry.owner) if entry.owner not in (NOBODY, *left) else ""
    return Holding(lane, machine, entry.low, entry.res, entry.hi, doubted=asks)


def entries_of_lane(folder: Path, lane: str) -> Iterator[tuple[list[Entry], Entry, float]]:
    """The last entry of a lane, with those that made lanes of their own, and when it came to stand there."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        names = [name for name in os.listdir(handle) if name.isdigit()]
        last = max(map(int, names), default=0)
        if not last:
            return
        entry = _read(handle, lane, last)
        makers, before = [], entry.before
        while before:
            makers.append(_read(handle, lane, before))
            before = makers[-1].before
        yield makers, entry, os.lstat(str(last), dir_fd=handle).st_mtime
    finally:
        os.close(handle)


def _unmet(ledger: Path, makers: Sequence[Entry], newest: Entry, left: frozenset[str]) -> list[Holding]:
    """Lanes that entries have made and in which nothing has been put yet."""
    return [
        _held(one.nonce, one.kid_begins(), left)
        for one in (*makers, newest)
        if one.kid and not (ledger / LANES / os.fsdecode(spelled(one.nonce))).is_dir()
    ]


def _read(folder: int, lane: str, k: int) -> Entry:
    return parse(lane, k, text_at(folder, k))


def text_at(folder: int, k: int) -> bytes:
    """What stands there, put in whichever way."""
    for way in WAYS[:-1]:
        with suppress(OSError):
            return way.read(folder, b"%d" % k)
    return WAYS[-1].read(folder, b"%d" % k)


def _silent(ledger: Path, held: Sequence[Holding]) -> dict[str, float]:
    """By the folder's clock alone: no host's is compared with it."""
    heard: dict[str, float] = {}
    with suppress(OSError):
        for entry in os.scandir(ledger / BEATS):
            name = meant(os.fsencode(entry.name))
            if name is not None:
                heard[name] = entry.stat(follow_symlinks=False).st_mtime
    last = max(heard.values(), default=0.0)
    owners = {one.machine for one in held} & heard.keys()
    return {name: last - heard[name] for name in sorted(owners) if last - heard[name] > SILENT_S}
