"""What is wrong with the quotes of a CSV record, and where: a quote that is never closed, or text behind one that is.

A quote opens a field only at its start; inside one, two quotes are one. Pure; used once a reader has refused a record.
"""

from __future__ import annotations

from collections.abc import Iterable


def quote_mistake(lines: Iterable[tuple[str, int]]) -> tuple[str, int, int]:
    """Of the lines from a record's first on, each with its number: the sentence, the line, the column."""
    opened = (0, 0)
    state = "start"
    for line, number in lines:
        for column, sign in enumerate(line, 1):
            if state == "start" and sign == '"':
                state, opened = "quoted", (number, column)
            elif state == "quoted" and sign == '"':
                state = "closed"
            elif state == "closed" and sign == '"':
                state = "quoted"
            elif sign == "," and state != "quoted":
                state = "start"
            elif state == "closed":
                return _behind(opened, number, column)
            elif state == "start":
                state = "plain"
        if state != "quoted":
            state = "start"
    if opened[0]:
        return "this quote is never closed", *opened
    return "is no CSV: there is a carriage return in a field without quotes", 0, 0


def _behind(opened: tuple[int, int], line: int, column: int) -> tuple[str, int, int]:
    if opened[0] == line:
        return 'there is text behind a closing quote; a quote inside a quoted field is written ""', line, column
    return f"this quote is not closed in its line; the next one, in line {line}, has text behind it", *opened
