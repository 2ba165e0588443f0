"""Where a field of a CSV record begins; what is wrong with its quotes, and where: one that is never closed, or text
behind one that is.

A quote opens a field only at its start; inside one, two quotes are one. Pure; used once a reader has refused a record.
"""

from __future__ import annotations

from collections.abc import Iterable

# Not from the csv module, which says that something is wrong, and not where.
START, PLAIN, QUOTED, CLOSED = "start", "plain", "quoted", "closed"
"""Of a field: nothing was read of it, or no quote; it is inside quotes, or behind those that end it."""
_WRONG = ""
_AFTER = {
    '"': {START: QUOTED, PLAIN: PLAIN, QUOTED: CLOSED, CLOSED: QUOTED},
    ",": {START: START, PLAIN: START, QUOTED: QUOTED, CLOSED: START},
}
_AFTER_OTHERS = {START: PLAIN, PLAIN: PLAIN, QUOTED: QUOTED, CLOSED: _WRONG}


def quote_mistake(lines: Iterable[tuple[str, int]]) -> tuple[str, int, int]:
    """Of the lines from a record's first on, each with its number: the sentence, the line, the column."""
    opened = (0, 0)
    state = START
    for line, number in lines:
        for column, sign in enumerate(line, 1):
            after = _AFTER.get(sign, _AFTER_OTHERS)[state]
            if after == _WRONG:
                return _behind(opened, number, column)
            if state == START and after == QUOTED:
                opened = (number, column)
            state = after
        if state != QUOTED:
            state = START
    if opened[0]:
        return "this quote is never closed", *opened
    return "is no CSV: there is a carriage return in a field without quotes", 0, 0


def field_place(lines: Iterable[tuple[str, int]], field: int) -> tuple[int, int]:
    """The line and the column that the nth field of a record begins in, of the record's lines from its first on."""
    state, number, column = START, 0, 1
    for line, number in lines:
        for column, sign in enumerate(line, 1):
            if state == START and not field:
                return number, column
            field -= sign == "," and state != QUOTED
            state = _AFTER.get(sign, _AFTER_OTHERS)[state]
        if state != QUOTED:
            # Nothing but the record's end follows its last comma.
            return number, len(line) + 1
    return number, column


def _behind(opened: tuple[int, int], line: int, column: int) -> tuple[str, int, int]:
    if opened[0] == line:
        return 'there is text behind a closing quote; a quote inside a quoted field is written ""', line, column
    return f"this quote is not closed in its line; the next one, in line {line}, has text behind it", *opened
