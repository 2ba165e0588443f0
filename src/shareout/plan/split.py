"""Weights → how many jobs of each phase every machine gets, in exact rational arithmetic, carried over the phases.

After every phase each machine has its exact quota of the jobs so far, rounded down or up, and no phase gives one
more than its share of that phase, rounded up. With one phase the shares are ⌊n·W(<k)/W⌋ … ⌊n·W(≤k)/W⌋. Boundaries
that are rounded phase by phase, or over all jobs so far, keep neither; `docs/algorithm.md` proves that these do.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from math import gcd, lcm

# How the rest of a quota, what its rounding down cuts off, changes in a phase; in the order in which machines are
# chosen to be ahead before it: for one whose rest falls, that makes the phase easier, for one whose rest grows it
# makes it harder.
FALLS, ENDS, GROWS = 0, 1, 2
# Where there are many phases, the same few situations come again and again.
REMEMBERED = 1 << 12


def split(sizes: Sequence[int], weights: Sequence[Fraction]) -> list[array[int]]:
    """One array more than there are weights: machine k has the jobs [k][phase] … [k + 1][phase] - 1 of a phase,
    counted from its first position."""
    heavy = whole_weights(weights)
    bounds = [array("Q", bytes(8 * len(sizes))), *(array("Q") for _ in heavy)]
    if len(heavy) == 1:
        bounds[1].extend(sizes)
        return bounds
    had = [0] * len(heavy)
    for owed in _owed(sizes, heavy):
        so_far = 0
        for bound, now, before in zip(bounds[1:], owed, had, strict=True):
            so_far += now - before
            bound.append(so_far)
        had = owed
    return bounds


def whole_weights(weights: Sequence[Fraction]) -> list[int]:
    """Whole numbers in the same proportion, as small as they can be."""
    # Whole numbers and no floats: where a quota falls on a job exactly, a sum of floats may end just below, and another
    # implementation just above. Divided by what they have in common, for they are multiplied in every phase.
    scale = lcm(*(weight.denominator for weight in weights))
    heavy = [int(weight * scale) for weight in weights]
    common = gcd(*heavy)
    return [weight // common for weight in heavy]


def _owed(sizes: Sequence[int], heavy: Sequence[int]) -> Iterator[list[int]]:
    """How many jobs each machine has after each phase: its quota rounded down, and one more if it is ahead."""
    total = sum(heavy)
    # Those of all phases are held, a byte a machine: who is ahead is chosen by what is still to come, and no rule that
    # does not look ahead keeps both bounds, if it begins with the formula.
    changes = list(_changes(sizes, heavy))
    ahead = (0,) * len(heavy)
    owed = [0] * len(heavy)
    jobs = 0
    for size, change, order in zip(sizes, changes, _orders(changes, sum(sizes), heavy), strict=True):
        if size:
            jobs += size
            owed = [jobs * weight // total for weight in heavy]
            ahead = _ahead(ahead, change, order, jobs - sum(owed))
            owed = list(map(int.__add__, owed, ahead))
        yield owed


def _changes(sizes: Sequence[int], heavy: Sequence[int]) -> Iterator[bytes]:
    """What becomes of every machine's rest in every phase; nothing in an empty one."""
    total, jobs = sum(heavy), 0
    rests = [0] * len(heavy)
    known: dict[bytes, bytes] = {}
    for size in sizes:
        change = b""
        if size:
            jobs += size
            before, rests = rests, [jobs * weight % total for weight in heavy]
            change = bytes(
                [GROWS if now > old else FALLS if now else ENDS for old, now in zip(before, rests, strict=True)]
            )
        # One object for all phases that are alike: with a million phases, mostly of one size, each would have its own
        # copy, and `_order_before` would hash them all anew.
        yield known.setdefault(change, change)


def _orders(changes: Sequence[bytes], jobs: int, heavy: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Who is chosen first to be ahead after each phase, found from the last one backwards: whoever makes the phases
    after it easier, and else those that the pool without its barriers would give one more."""
    total = sum(heavy)
    bounds = [jobs * so_far // total for so_far in accumulate(heavy, initial=0)]
    more = [
        stop - start > jobs * weight // total for (start, stop), weight in zip(pairwise(bounds), heavy, strict=True)
    ]
    # By the formula of a pool without barriers, so that one phase is no case of its own: it has the shares that
    # everybody can work out by hand.
    order = tuple(sorted(range(len(heavy)), key=lambda machine: not more[machine]))
    orders = [order]
    for change in reversed(changes[1:]):
        order = _order_before(order, change)
        orders.append(order)
    return reversed(orders)


@lru_cache(REMEMBERED)
def _order_before(order: tuple[int, ...], change: bytes) -> tuple[int, ...]:
    return tuple(sorted(order, key=change.__getitem__)) if change else order


@lru_cache(REMEMBERED)
def _ahead(ahead: Sequence[int], change: bytes, order: Sequence[int], wanted: int) -> tuple[int, ...]:
    """So many machines as are wanted. Whose rest grows and was ahead stays ahead, whose rest falls and was not stays
    so: else a machine would get more than its share of the phase, or less than nothing."""
    chosen = [was if how == GROWS else 0 for was, how in zip(ahead, change, strict=True)]
    wanted -= sum(chosen)
    able = [machine for machine in order if change[machine] == (FALLS if ahead[machine] else GROWS)]
    for machine in able[:wanted]:
        chosen[machine] = 1
    return tuple(chosen)
