"""What passes between a host in the ledger and the run around it: the lanes that it begins with, calls of the store,
positions to run, and what a person is told."""

from __future__ import annotations

from typing import NamedTuple

from shareout.ledger.asks.ask import ASKS, Ask, parse_ask
from shareout.ledger.entry import Entry, parse
from shareout.ledger.lane import Lane
from shareout.ledger.times import Moment
from shareout.ranges import Range


class Root(NamedTuple):
    """A machine's share of a phase, which is a lane by plan."""

    lane: str
    machine: str
    phase: int
    low: int
    hi: int


STREAM = "stream"
"""What the lane of a plan is called whose jobs come while it goes on: nothing is in it, all that comes is asked for."""


def stream_roots(most: int) -> list[Root]:
    """Of such a plan, which has room for so many: they say where positions begin and end."""
    return [Root(STREAM, "", 0, 0, 0), Root(STREAM, "", 0, most, most)]


class Call(NamedTuple):
    """One to be made of the store: a put where it has an entry, else a look. On the asks, they are in the place of
    entries."""

    lane: str
    k: int
    entry: Entry | Ask | None
    at: Moment

    @property
    def key(self) -> str:
        """Where."""
        return key_of(self.lane, self.k)

    def text(self) -> bytes | None:
        """What is put."""
        return self.entry.text() if self.entry else None

    def read(self, found: bytes | None) -> Entry | Ask | None:
        """What stands there; damage where that is none. An ask with a list is to be given it before it is told."""
        if found is None:
            return None
        return parse_ask(self.k, found) if self.lane == ASKS else parse(self.lane, self.k, found)


def key_of(lane: str, k: int) -> str:
    """Where an entry of a lane stands, or an ask."""
    return f"{ASKS}/{k}" if lane == ASKS else f"lanes/{lane}/{k}"


class Grant(NamedTuple):
    """Positions that this host may run: what its claim says."""

    lane: str
    k: int
    start: int
    stop: int
    how: str
    whom: str


class Happened(NamedTuple):
    """What a person is told: `verb` by `by` on a lane of `whom`, and which positions that leaves or brings."""

    verb: str
    lane: str
    by: str
    whom: str
    ranges: tuple[Range, ...]


def told(lane: Lane, entry: Entry, me: str) -> Happened:
    """Of a lane that is seized by this host, or from it: what it brings, or what was in hand and is lost."""
    kid = entry.kid
    ranges = lane.granted if lane.entry.owner == me else ((kid[0], kid[2]),) if kid and kid[1] > kid[0] else ()
    return Happened(entry.verb, lane.name, entry.by, lane.entry.owner, ranges)
