"""What the cells of a column are, all of them together: the type that holds each of them as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

INT, LONG, FLOAT, BOOL, TEXT, MIXED = "int", "long", "float", "bool", "text", "mixed"
LIST = "list of "
NOTHING = ""
"""No cell has anything."""


def kind_of(value: Any) -> str:
    """Of one value; of a list also what is in it."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        # Beyond 2^53 a double would not hold it, should the column have some.
        return INT if abs(value) <= 2**53 else LONG if -(2**63) <= value < 2**63 else MIXED
    if isinstance(value, float):
        return FLOAT
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list):
        within = kind_of_all(kind_of(one) for one in value if one is not None)
        # A list of lists stays JSON: few readers take such a column.
        return MIXED if within == MIXED or within.startswith(LIST) else LIST + within
    return MIXED


def kind_of_all(kinds: Iterable[str]) -> str:
    """The narrowest that holds values of all these kinds: a number that is nearly right is wrong."""
    found = set(kinds)
    if found and all(kind.startswith(LIST) for kind in found):
        within = kind_of_all({kind.removeprefix(LIST) for kind in found} - {NOTHING})
        return MIXED if within == MIXED else LIST + within
    if len(found) <= 1:
        return next(iter(found), NOTHING)
    if found == {INT, LONG}:
        return LONG
    return FLOAT if found == {INT, FLOAT} else MIXED
