"""Which job of a later list is which of an earlier one: the k-th that has a text there is the k-th that has it here.

It depends on the two lists alone, not on what is done or whose records are at hand: so machines that do not talk
never count one record for two jobs, and over a chain of lists a job stays the same one.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable

NOBODY = -1


def match(earlier: Iterable[Hashable], later: Iterable[Hashable]) -> array[int]:
    """For each job of the earlier list its id in the later one, or NOBODY. One whose text is None is like no other."""
    # Two tables: nearly every text comes once, and a list of one number for each would be millions of lists.
    first: dict[Hashable, int] = {}
    again: dict[Hashable, list[int]] = {}
    for number, text in enumerate(later):
        if text is not None and first.setdefault(text, number) != number:
            again.setdefault(text, []).append(number)
    for numbers in again.values():
        numbers.reverse()
    found = array("q")
    for text in earlier:
        number = NOBODY if text is None else first.pop(text, NOBODY)
        if number == NOBODY and text in again and again[text]:
            number = again[text].pop()
        found.append(number)
    return found
