"""The median of millions of whole numbers, exactly, without a sorted copy of them."""

from __future__ import annotations

from array import array
from collections import Counter

FEW = 100_000
BITS = 16


def middle(values: array[int]) -> int:
    """Of those above 0, the one that would stand at place ⌊(n − 1) / 2⌋ if they stood in ascending order; 0 of none."""
    left = [value for value in values if value] if len(values) <= FEW else values
    count = len(values) - values.count(0) if left is values else len(left)
    if not count:
        return 0
    # Exact, and not of a sample: it is what jobs of unknown cost count, so it decides where shares end. Not by a sorted
    # list either, which takes some forty bytes a number.
    place = (count - 1) // 2
    low = 1
    while len(left) > FEW:
        # The place is in one of some thousand stretches; all others are done with.
        shift = max(0, (max(left) - low).bit_length() - BITS)
        counts = Counter((value - low) >> shift for value in left if value >= low)
        for bucket in sorted(counts):
            if place < counts[bucket]:
                break
            place -= counts[bucket]
        low, stop = low + (bucket << shift), low + ((bucket + 1) << shift)
        if not shift:
            return low
        left = array("q", (value for value in left if low <= value < stop))
    return sorted(left)[place]
