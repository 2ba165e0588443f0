"""Which jobs of a share a second machine runs as well: the part that was asked for, in places that the digest chooses.

Positions are shuffled, so any stretch of them is a random sample of the share's jobs. There is one in each sixteenth
of the share, from its first position to its last, because what makes a machine wrong may begin in its second week;
where in its sixteenth, nobody can know without the inputs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

from blake3 import blake3

from shareout.ranges import Range

CONTEXT = "shareout 2 audit"
STRETCHES = 16
LEAST = 2
PLACE_BYTES = 16


def audit_of(digest: bytes, machine: int, ranges: Sequence[Range], part: Fraction) -> tuple[Range, ...]:
    """`ranges` are the share of the machine of that number. A stretch that goes on in the next range is two."""
    if not part:
        return ()
    before = [0, *accumulate(stop - start for start, stop in ranges)]
    found: list[Range] = []
    for first, end in _stretches(digest, machine, before[-1], part):
        at = bisect_right(before, first) - 1
        while first < end:
            stop = min(end, before[at + 1])
            if first < stop:
                offset = ranges[at][0] - before[at]
                found.append((first + offset, stop + offset))
                first = stop
            at += 1
    return tuple(found)


def _stretches(digest: bytes, machine: int, length: int, part: Fraction) -> Iterator[Range]:
    """Of the share's positions, counted from 0 to length - 1 in running order."""
    count = max(-(-length * part.numerator // part.denominator), min(LEAST, length))
    pieces = min(STRETCHES, count)
    places = blake3(digest + machine.to_bytes(4, "little"), derive_key_context=CONTEXT).digest(PLACE_BYTES * STRETCHES)
    for i in range(pieces):
        # Before piece i lie i pieces' worth of audited positions and as much of the others.
        audited, audited_after = count * i // pieces, count * (i + 1) // pieces
        others, others_after = (length - count) * i // pieces, (length - count) * (i + 1) // pieces
        # Sixteen bytes for each: the remainder then favours a place by less than one in 2^64, so that no draw has to be
        # passed over, as the shuffle does, and the specification is a line shorter.
        place = int.from_bytes(places[PLACE_BYTES * i : PLACE_BYTES * (i + 1)], "little")
        first = audited + others + place % (others_after - others + 1)
        yield first, first + audited_after - audited
