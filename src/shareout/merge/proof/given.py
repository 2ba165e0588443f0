"""Whether the ledger gave hosts what they claim, where its entries lie beside their journals: who lies is told by name.

Who has the token of a network, or can write into a shared folder, may ship any journal. What such a journal records is
read as any other's; but its claims name the lane and the entry that gave the positions, and those nobody can change.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.entry import Entry, parse
from shareout.record.lines.claim import Claim
from shareout.record.reader import Incarnation
from shareout.stores.folder.spelling import meant
from shareout.stores.folder.ways import WAYS

SHOWN = 4
LANES = "lanes"


def tell_ungiven(found: Sequence[Incarnation], said: Callable[[str], None]) -> None:
    """A sentence for each host, of the first claim that nothing bears out."""
    read = cache(_Given)
    told: dict[str, str] = {}
    for one in found:
        if one.claims and (place := ledger_of(one)) is not None:
            # A host ships all its journals, also those of a ledger of other groups that it was in before.
            others = (other for other in place.parent.iterdir() if other != place and (other / LANES).is_dir())
            why = _why_none_gave(one, [read(place), *map(read, others)])
            if why:
                told.setdefault(one.header.machine, f"{one.header.machine} claims what no entry gave it: {why}")
    for sentence in list(told.values())[:SHOWN]:
        said(f"{sentence}. Look who that is before its results are used")
    if len(told) > SHOWN:
        said(f"and {len(told) - SHOWN} more claim what no entry gave them")


def _why_none_gave(one: Incarnation, ledgers: Sequence[_Given]) -> str:
    owner = f"{one.header.machine}/{one.path.name.split('.')[1]}"
    for claim in one.claims:
        why = [given.why_not(claim, owner, one.header.jobs) for given in ledgers]
        if all(why):
            return why[0]
    return ""


def ledger_of(one: Incarnation) -> Path | None:
    """Where its entries are: beside the folder of all machines, where it was shipped to."""
    machines = one.folder.path.parent
    return machines.parent if machines.name == "machines" and (machines.parent / LANES).is_dir() else None


class _Given:
    """What the entries of a ledger say, all read once."""

    def __init__(self, place: Path) -> None:
        self._states: dict[tuple[str, int], Entry] = {}
        for folder in (place / LANES).iterdir():
            lane = meant(folder.name.encode("utf-8", "surrogateescape")) or ""
            for path in folder.iterdir():
                with suppress(RunDirectoryDamaged, OSError, ValueError):
                    entry = parse(lane, int(path.name), _text(path))
                    self._states[lane, int(path.name)] = entry
                    if entry.kid:
                        self._states[entry.nonce, 0] = entry.kid_begins()

    def why_not(self, claim: Claim, owner: str, jobs: int) -> str:
        """Empty where the entry bears it out."""
        where = f"lane {claim.lane}, entry {claim.k}"
        state = self._states.get((claim.lane, claim.k))
        if state is None:
            return f"there is no {where}"
        if state.owner != owner:
            return f"{where} is of {state.owner or 'nobody'}, and not of {owner}"
        # Of what was asked for once more a lane has numbers of its own.
        if state.hi <= jobs and any(not state.low <= start <= stop <= state.res for start, stop in claim.ranges):
            start, stop = claim.ranges[0]
            return f"{where} is of {state.low} to {state.res}, and not of {start} to {stop}"
        return ""


def _text(path: Path) -> bytes:
    """In whichever way it was put there."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        way = WAYS[0] if path.is_symlink() else WAYS[1]
        return way.read(handle, os.fsencode(path.name))
    finally:
        os.close(handle)
