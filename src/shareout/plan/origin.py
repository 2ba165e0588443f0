"""The plan that another one continues: the same jobs at the same positions, in other shares.

A digest decides the shuffle. So whoever corrects a weight would shuffle anew, and what is done would be done by the
wrong machines. A plan that says since when it goes on has the shuffle, and the run directories, of the plan that it
continues; only where shares end is its own. The work hash stands beside the digest, because positions mean something
only as long as the jobs are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shareout.choices import Order
from shareout.fields import dataclass
from shareout.ranges import Range, common, size, union, without


@dataclass(frozen=True, slots=True)
class Origin:
    """What has to be known of it."""

    digest: bytes
    work: bytes
    order: Order

    @property
    def text(self) -> str:
        """As `[run] since` has it."""
        return f"{self.digest.hex()}:{self.work.hex()}{':given' if self.order is Order.GIVEN else ''}"


def origin_of(text: str) -> Origin | None:
    """What `[run] since` says; None where it says nothing. Its form was checked as it was read."""
    if not text:
        return None
    digest, work, *order = text.split(":")
    return Origin(bytes.fromhex(digest), bytes.fromhex(work), Order.GIVEN if order else Order.SHUFFLED)


@dataclass(frozen=True, slots=True)
class Move:
    """What one machine owes before and after."""

    machine: str
    before: Sequence[Range] | None
    """None where nobody here knows."""
    after: Sequence[Range]

    @property
    def gets(self) -> list[Range]:
        """What it owes now and did not before; nothing where that is not known."""
        return [] if self.before is None else list(without(self.after, self.before))


Shares = Mapping[str, Sequence[Range]]


def moves(before: Shares, after: Shares, fresh: Sequence[str] = ()) -> list[Move]:
    """Of all machines, those that are gone included. `fresh`: which are known to have owed nothing before."""
    names = [*after, *(name for name in before if name not in after)]
    known: dict[str, Sequence[Range]] = {**{name: [] for name in fresh}, **before}
    return [Move(name, known.get(name), union(after.get(name, ()))) for name in names]


def moved(changes: Sequence[Move]) -> list[Range]:
    """All positions that have another owner now."""
    return union(one for change in changes for one in change.gets)


def is_known(changes: Sequence[Move]) -> bool:
    """Whether it is known of every machine what it owed."""
    return all(change.before is not None for change in changes)


def of_these(ranges: Sequence[Range], done: Sequence[Range]) -> int:
    """How many of some positions are done."""
    return size(common(ranges, done))
