"""A cost as it is written → a whole number of billionths, so that sums are the same on every host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

DIGITS = 9
UNIT = 10**DIGITS
"""What a cost of 1 is. With less than this a sum of 10 million costs could not tell microseconds."""
# With nine decimals that is 10^18, just within the 63 bits of an array's element.
MOST = 10**9
LEAST = 1
"""No job takes nothing: else one machine might get all those that are said to."""
NOTHING = 0
"""Where no cost is given: a cost itself is never that."""

_ZEROS = "0" * DIGITS
# What most costs are made of; a table, for an expression takes three times as long.
_PLAIN = str.maketrans("", "", "0123456789.\n")
# Python refuses to read thousands of digits: of those that do not count, none is looked at.
# Of exponents two digits: 1e999999999 would be worked out, a number of a gigabyte, only to be refused.
_NUMBER = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,60})?[eE][-+]?[0-9]{1,2}|[0-9]{1,4000}(?:\.[0-9]{1,9})?)")
_UNCOUNTED = re.compile(r"(?<=\.[0-9]{9})[0-9]+\Z")


def read_cost(text: str) -> int:
    """In billionths; what is written beyond the ninth decimal does not count, and 0 is the least that there is. NOTHING
    where nothing is written. ValueError, with what would be right, of anything that is no cost."""
    stripped = text.strip()
    if not stripped:
        return NOTHING
    stripped = _UNCOUNTED.sub("", stripped)
    if not _NUMBER.fullmatch(stripped):
        raise ValueError(f'the cost "{shown(text)}" is not a number, 0 or more')
    # Not a float, which is not what is written: cut off at the ninth decimal it may be one billionth less, and shares
    # end by sums of these.
    value = Fraction(stripped)
    if value > MOST:
        raise ValueError(f'the cost "{shown(text)}" is larger than {MOST:,}')
    return max(LEAST, int(value * UNIT))


def read_costs(texts: Sequence[str]) -> list[int] | None:
    """The same of many, in a tenth of the time; None where one must be looked at by itself."""
    together = "\n".join(("", *texts, ""))
    # `.5` and `5.` are no costs by the specification, and would pass as halves below.
    if together.translate(_PLAIN) or "\n." in together or ".\n" in together:
        return None
    empty = texts.count("")
    try:
        if "." in together:
            halves = [text.partition(".") for text in texts]
            found = [int((whole + (parts + _ZEROS)[:DIGITS]) or 0) for whole, _, parts in halves]
        else:
            found = [int(text or 0) * UNIT for text in texts]
    except ValueError:
        return None
    # More noughts than empty texts: some say 0, which is a cost, and the least. Nothing that is said may count as
    # unknown, for that is the median.
    if found.count(NOTHING) > empty:
        found = [cost or (LEAST if text else NOTHING) for cost, text in zip(found, texts, strict=True)]
    return found if max(found, default=0) <= MOST * UNIT else None


def told_cost(units: int) -> str:
    """As one would write it: `12.5`."""
    whole, parts = divmod(units, UNIT)
    return f"{whole}.{parts:0{DIGITS}d}".rstrip("0").rstrip(".") if parts else str(whole)


def rounded(seconds: float, digits: int = 4) -> int:
    """What was measured, as a cost: nobody knows more digits than these, and the least that can be written is the
    least that it is."""
    return max(LEAST, int(Decimal(f"{min(seconds, float(MOST)):.{digits}g}") * UNIT))


def shown(text: str) -> str:
    """In a sentence."""
    return text if len(text) <= 30 else text[:30] + "…"
