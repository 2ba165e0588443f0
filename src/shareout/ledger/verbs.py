"""What may follow an entry: a function a verb, each of which gives the whole next state of the lane.

They hold what is true of all lanes: who carries a doubt on, what a new lane gets, where `before` points. Whether the
time for a verb has come is said in `own` and `others`.
"""

from __future__ import annotations

from typing import NamedTuple

from shareout.ledger.entry import NOBODY, Entry


class Pen(NamedTuple):
    """Who writes, what the new entry is called, and at which k the state stands that it follows."""

    k: int
    by: str
    nonce: str


class Reached(NamedTuple):
    """How far the owner is: below `low` all is final, so many of it failed since the lane began."""

    low: int
    failed: int


def opened(entry: Entry, pen: Pen, res: int) -> Entry:
    """The lane is this incarnation's: nobody had it, or one of the same machine that is dead."""
    return _next(entry, pen, "open")._replace(owner=pen.by, res=res, doubt="")


def moved_on(entry: Entry, pen: Pen, reached: Reached, res: int) -> Entry:
    """An owner's: it has taken more, given back, is done, or says no more than that it lives."""
    if reached.low == entry.hi:
        verb = "done"
    elif res < entry.res:
        verb = "back"
    else:
        verb = "take" if res > entry.res or reached.low > entry.low else "keep"
    return _next(entry, pen, verb)._replace(low=reached.low, failed=reached.failed, res=res, doubt="")


def put_aside(entry: Entry, pen: Pen, reached: Reached, *, elsewhere: bool) -> Entry:
    """The first position that is not final becomes a lane of its own, so that `low` moves on: the owner's, with whom it
    runs, or nobody's, where it must run elsewhere."""
    low = reached.low
    return _next(entry, pen, "aside")._replace(
        low=low + 1,
        res=max(entry.res, low + 1),
        failed=reached.failed,
        doubt="",
        kid=(low, low if elsewhere else low + 1, low + 1),
    )


def split(entry: Entry, pen: Pen, reached: Reached, block: tuple[int, int]) -> Entry:
    """The owner's too: what has begun out of order, up to the end of all that is reserved, goes on as a lane of its own
    with all that lies behind it, so that what lies before it can be given back."""
    start, stop = block
    return _next(entry, pen, "aside")._replace(
        low=reached.low,
        failed=reached.failed,
        res=start,
        hi=start,
        doubt="",
        kid=(start, stop, entry.hi),
    )


def cut(entry: Entry, pen: Pen, at: int, first: int) -> Entry:
    """What lies from there on is a lane of the thief's, so many positions of it reserved. A doubt stands on."""
    return _next(entry, pen, "cut")._replace(hi=at, kid=(at, at + first, entry.hi))


def doubted(entry: Entry, pen: Pen) -> Entry:
    """The owner is asked to answer."""
    return _next(entry, pen, "doubt")._replace(doubt=pen.nonce)


def seized(entry: Entry, pen: Pen, first: int) -> Entry:
    """All that is left goes on as a lane of the seizer's, as much of it reserved as was in flight, and at least so
    many; none where nobody is to have it. The old lane is final."""
    low, hi = entry.low, entry.hi
    res = min(hi, max(entry.res, low + first)) if first else low
    return _next(entry, pen, "seize")._replace(res=low, hi=low, kid=(low, res, hi))


def _next(entry: Entry, pen: Pen, verb: str) -> Entry:
    before = pen.k if entry.kid else entry.before
    return entry._replace(verb=verb, kid=None, before=before, by=pen.by, nonce=pen.nonce)


def is_anybodys(entry: Entry) -> bool:
    """Whoever cuts it asks nobody."""
    return entry.owner == NOBODY
