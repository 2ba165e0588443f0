"""The plan that another one continues: the same jobs at the same positions, in other shares.

A digest decides the shuffle. So whoever corrects a weight would shuffle anew, and what is done would be done by the
wrong machines. A plan that says since when it goes on has the shuffle, and the run directories, of the plan that it
continues; only where shares end is its own. The work hash stands beside the digest, because positions mean something
only as long as the jobs are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shareout.choices import Order
from shareout.errors import InputError, Place
from shareout.fields import dataclass
from shareout.pool import Pool, Selection
from shareout.ranges import Range, common, size, union, without

if TYPE_CHECKING:
    from shareout.plan.plan import Plan


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


def refuse_other_origin(plan: Plan) -> None:
    """Positions mean something only where the jobs and their order are those of the plan that is continued."""
    since = plan.since
    if since is None:
        return
    if plan.origin_hex in plan.ancestors:
        raise InputError(
            "these inputs hold what a plan left undone, and [run] since names that plan: its positions are other jobs",
            way_out="Take since out of runner.config.",
        )
    changed = "the order of the jobs is" if since.order is not plan.order else "what the jobs are is"
    if since.work != plan.work or since.order is not plan.order:
        raise InputError(
            f"the plan that is to be continued ([run] since) was of other work: {changed} another now (the pool, its "
            "seed or order, [commands], sections of your own, or the kind of jobs)",
            way_out="Put that back as it was; or leave out since, and begin anew (`rebalance` keeps what is done).",
        )


def refuse_the_rest_of_other_work(pool: Pool, plan: Plan) -> None:
    """What a rebalance left undone is of one pool."""
    if isinstance(pool, Selection) and pool.work != plan.work.hex():
        raise InputError(
            f"{pool.inputs[-1].path.name} tells what is left of other work: of another pool or seed, other [commands], "
            "sections of your own, or kind of jobs",
            where=Place(str(pool.inputs[-1].path)),
            way_out="Use the pool and the settings that `rebalance` put beside it.",
        )
