"""Walks all that may happen in a case, breadth first: what breaks is told with the shortest way to it."""

from __future__ import annotations

from array import array
from collections import deque
from typing import NamedTuple

from ledger.calm import what_stands
from ledger.model import Case, World, Wrong, begin, is_able, is_over, key, steps

CALM = 32
"""From one of so many states it is looked at what follows where nothing happens."""


class Searched(NamedTuple):
    """What a search has found."""

    states: int
    is_whole: bool
    """All states that can be reached were."""
    wrong: str
    """What broke; empty: nothing."""
    way: tuple[str, ...]
    """What happened before that."""


def search(case: Case, most: int = 10**9) -> Searched:
    """At most so many states; where that is all, the end must be reachable from everywhere."""
    first = begin(case)
    known = {key(first): 0}
    parents, events = array("l", [-1]), [""]
    edges_from, edges_to = array("l"), array("l")
    over, stuck = array("b", [is_over(case, first)]), array("b", [0])
    queue = deque([(0, first)])
    while queue and len(known) < most:
        at, world = queue.popleft()
        walk = steps(case, world)
        while True:
            try:
                event, after = next(walk)
            except StopIteration:
                break
            except Wrong as wrong:
                return Searched(len(known), False, str(wrong), (*_way(parents, events, at), "…"))
            mark = key(after)
            number = known.get(mark)
            if number is None:
                number = known[mark] = len(known)
                parents.append(at)
                events.append(event)
                over.append(is_over(case, after))
                stuck.append(not is_able(case, after))
                if not number % CALM and (wrong_later := what_stands(case, after)):
                    return Searched(len(known), False, wrong_later, _way(parents, events, number))
                if not over[-1] or after.budget.requeues:
                    queue.append((number, after))
            edges_from.append(at)
            edges_to.append(number)
    if queue:
        return Searched(len(known), False, "", ())
    for at in _without_end(edges_from, edges_to, over):
        if not stuck[at]:
            return Searched(len(known), True, "the end cannot be reached", _way(parents, events, at))
    return Searched(len(known), True, "", ())


def _way(parents: array[int], events: list[str], at: int) -> tuple[str, ...]:
    way = []
    while at:
        way.append(events[at])
        at = parents[at]
    return tuple(reversed(way))


def _without_end(edges_from: array[int], edges_to: array[int], over: array[int]) -> list[int]:
    into: list[list[int]] = [[] for _ in over]
    for start, stop in zip(edges_from, edges_to, strict=True):
        into[stop].append(start)
    reached = bytearray(over)
    queue = [at for at, ends in enumerate(over) if ends]
    while queue:
        for at in into[queue.pop()]:
            if not reached[at]:
                reached[at] = 1
                queue.append(at)
    return [at for at, ends in enumerate(reached) if not ends]


def told(case: Case, found: Searched, world: World | None = None) -> str:
    lines = [f"{case.name}: {found.states:,} states{'' if found.is_whole else ', not all'}"]
    if found.wrong:
        lines += [*(f"    {event}" for event in found.way), f"  {found.wrong}"]
    return "\n".join(lines)
