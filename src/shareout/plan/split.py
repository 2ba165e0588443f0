"""Weights → contiguous ranges of positions, in exact rational arithmetic.

Machine k gets ⌊n·W(<k)/W⌋ … ⌊n·W(≤k)/W⌋: every machine within one job of its exact quota, the ranges disjoint
and complete by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from math import lcm


def split(size: int, weights: Sequence[Fraction]) -> list[tuple[int, int]]:
    """One range a weight, in the order of the weights."""
    scale = lcm(*(weight.denominator for weight in weights))
    heavy = [int(weight * scale) for weight in weights]
    total = sum(heavy)
    bounds = [0, *(size * so_far // total for so_far in accumulate(heavy))]
    return list(pairwise(bounds))
