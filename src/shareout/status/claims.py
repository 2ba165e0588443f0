"""Whether what hosts claimed in their journals is what the entries of their ledger gave them.

Journals prove what was run; entries say who was to run it. Where the two differ, a host ran what nobody gave it, or the
folder was set back, by a backup or a server that lost what it had promised.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from shareout.errors import ShareoutError
from shareout.fields import dataclass
from shareout.ledger.asks.ask import ASKS, name_of_list, parse_ask, parse_list
from shareout.ledger.asks.asked import Asked, Phases, asked
from shareout.ledger.entry import Entry, parse
from shareout.ranges import Range, size, union, without
from shareout.record.journal import Header
from shareout.record.lines.claim import Claim, How
from shareout.status.beat import LANES
from shareout.status.lanes import entries_of_lane, text_at
from shareout.stores.folder.spelling import spelled

INPUTS = "inputs"


class NotHere(Exception):
    """The list of an ask is missing, by which places are known that jobs have once more: nobody can tell."""


@dataclass(frozen=True, slots=True)
class Amiss:
    """Claims of one machine that no entry bears out, and the first of these."""

    machine: str
    jobs: int
    lane: str
    k: int
    owner: str
    """Whose that lane is by that entry; empty where it is nobody's, or no such entry is there."""
    is_there: bool


def amiss(ledgers: Sequence[Path], header: Header, claims: Iterable[Claim]) -> Amiss | None:
    """Of one start. A claim says not in which ledger it was made, if there are several of these jobs. NotHere where
    what would tell is missing."""
    books = [Book(ledger, header) for ledger in ledgers]
    owner = f"{header.machine}/{header.ordinal}-{header.nonce}"
    left: list[Range] = []
    first: Claim | None = None
    for claim in claims:
        if claim.how is How.ADOPT:
            continue
        given = union(one for book in books for one in book.given(claim.lane, claim.k, owner))
        if beyond := list(without(claim.ranges, given)):
            first = first or claim
            left = union([*left, *beyond])
    if first is None:
        return None
    entries = [entry for book in books if (entry := book.entry(first.lane, first.k))]
    whose = entries[0].owner if entries else ""
    return Amiss(header.machine, size(left), first.lane, first.k, whose, is_there=bool(entries))


class Book:
    """The entries of one ledger, as far as they are asked for."""

    def __init__(self, ledger: Path, header: Header) -> None:
        self._ledger = ledger
        self._jobs = header.jobs
        self._phases = Phases(tuple(header.phases or (0,)), header.jobs, is_stream=header.stream)
        self._known: dict[tuple[str, int], Entry | None] = {}
        self._begins: dict[str, Entry] | None = None
        self._asked: Asked | None = None

    def entry(self, lane: str, k: int) -> Entry | None:
        """The state of a lane after that entry; None where nothing that can be read stands there."""
        if k == 0:
            if self._begins is None:
                self._begins = dict(self._made())
            return self._begins.get(lane)
        if (lane, k) not in self._known:
            self._known[lane, k] = None
            with suppress(OSError, ShareoutError, ValueError):
                folder = self._ledger / LANES / os.fsdecode(spelled(lane))
                self._known[lane, k] = parse(lane, k, _text(folder, k))
        return self._known[lane, k]

    def given(self, lane: str, k: int, owner: str) -> list[Range]:
        """The positions that were reserved there for this start."""
        entry = self.entry(lane, k)
        if entry is None or entry.owner != owner or entry.low == entry.res:
            return []
        if entry.low < self._jobs:
            return [(entry.low, entry.res)]
        # Asked for once more: they have places of their own.
        lanes = [one for one in self._all_asked().again if one.low <= entry.low < one.hi]
        if not lanes:
            raise NotHere
        return [one[:2] for made in lanes for one in made.real(entry.low, entry.res)]

    def _made(self) -> Iterator[tuple[str, Entry]]:
        """Lanes that entries have made, as each began."""
        with suppress(OSError):
            for lane in sorted(os.listdir(self._ledger / LANES)):
                with suppress(OSError, ShareoutError):
                    for makers, newest, _ in entries_of_lane(self._ledger / LANES / lane, lane):
                        yield from ((one.nonce, one.kid_begins()) for one in (*makers, newest) if one.kid)

    def _all_asked(self) -> Asked:
        if self._asked is None:
            state = Asked()
            with suppress(OSError, ShareoutError):
                while True:
                    n = state.n + 1
                    ask = parse_ask(n, _text(self._ledger / ASKS, n))
                    if ask.list and ask.verb != "feed":
                        listed = self._ledger / INPUTS / os.fsdecode(spelled(name_of_list(ask.list)))
                        ask = parse_list(n, ask, listed.read_bytes())
                    state = asked(state, ask, self._phases)
            self._asked = state
        return self._asked


def _text(folder: Path, number: int) -> bytes:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return text_at(handle, number)
    finally:
        os.close(handle)
