"""Stretches of positions: sorted pairs of start and stop that do not touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Range = tuple[int, int]


def union(ranges: Iterable[Range]) -> list[Range]:
    """All that is in any of them, in as few as can be."""
    made: list[Range] = []
    for start, stop in sorted(one for one in ranges if one[0] < one[1]):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(stop, made[-1][1])
        else:
            made.append((start, stop))
    return made


def without(whole: Iterable[Range], taken: Iterable[Range]) -> Iterator[Range]:
    """What is in the one and not in the other."""
    # Both are walked once, side by side: a plan may have a million phases.
    away = union(taken)
    at = 0
    for start, stop in union(whole):
        while at < len(away) and away[at][1] <= start:
            at += 1
        # Ahead of `at`, which stays: what is taken away here may reach into the next stretch as well.
        look = at
        while look < len(away) and away[look][0] < stop:
            if start < away[look][0]:
                yield start, away[look][0]
            start = max(start, away[look][1])
            look += 1
        if start < stop:
            yield start, stop


def common(one: Iterable[Range], other: Iterable[Range]) -> list[Range]:
    """What is in both."""
    whole = union(one)
    return list(without(whole, without(whole, other)))


def is_in(position: int, ranges: Iterable[Range]) -> bool:
    """Whether any of them holds it; they need not be sorted."""
    return any(start <= position < stop for start, stop in ranges)


def size(ranges: Sequence[Range]) -> int:
    """How many positions there are."""
    return sum(stop - start for start, stop in ranges)
