"""Which jobs of a share a second machine runs as well: exactly the part that was asked for, chosen by the digest.

Positions are shuffled, so any stretch of them is a random sample of the share's jobs. It is taken in several
stretches all along the share, because what makes a machine wrong may begin in its second week.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

STRETCHES = 16

Range = tuple[int, int]


def audit_of(ranges: Sequence[Range], part: Fraction) -> tuple[Range, ...]:
    """Of each phase's range, in order."""
    return tuple(stretch for start, stop in ranges for stretch in _stretches(start, stop, part))


def _stretches(start: int, stop: int, part: Fraction) -> list[Range]:
    length = stop - start
    count = -(-length * part.numerator // part.denominator)
    pieces = min(STRETCHES, count)
    # Before piece i lie i pieces' worth of audited positions and as much of the others.
    bounds = [(count * i // pieces, (length - count) * i // pieces) for i in range(pieces + 1)] if pieces else []
    return [(start + first + others, start + after + others) for (first, others), (after, _) in pairwise(bounds)]
