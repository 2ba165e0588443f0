"""Rows of plain numbers and simple words as CSV, put together as text.

The JSON that results and inputs are becomes cells by deleting brackets, quotes and names: many times cheaper than
reading it and writing each cell. What is more than that is left to whoever goes cell by cell, to the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet

_NUMBERS = b"0123456789.-+eE"
_WORDS = (b"true", b"false", b"null", b"NaN", b"Infinity")
# They stand for the keys of dicts while a text is looked at, each for its own: no JSON has them as they are.
_SIGNS = bytes((*range(1, 9), *range(14, 32)))
_TO_COMMAS = bytes.maketrans(b"\t" + _SIGNS, b"," * (1 + len(_SIGNS)))
# A text that ends before such a name is no JSON: so where the name stands it is a key.
_KEY = re.compile(r"\w[\w .-]*", re.ASCII)
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def quick_rows(block: Block, sheet: Sheet) -> bytes | None:
    """The rows of a block, noted on the sheet as cell by cell they would be; None, and nothing is noted, when one of
    them has more than plain numbers and simple words."""
    if sheet.meta or sheet.picks is not None or not block.rows:
        return None
    texts = list(map(_text_of, block.beside))
    texts.insert(len(sheet.before), block.text)
    cells = []
    for part, text in zip(sheet.parts, texts, strict=True):
        made = _cells(text, len(block.rows), part)
        if made is None:
            return None
        cells.append(made)
    for part, text in zip(sheet.parts, texts, strict=True):
        _note(part, text, len(block.rows))
    return _side_by_side(cells, len(sheet.before)).translate(_TO_COMMAS)


def _text_of(values: Sequence[Any]) -> bytes:
    """As results stand in a block, a line each; what cannot be said so is empty, and no row."""
    try:
        text = _encoder.encode(values).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        return b""
    # The same within a text cuts it in two, which no row survives.
    between = {b"{": b"},{", b"[": b"],["}.get(text[1:2], b",")
    return b"\t" + text[1:-1].replace(between, between.replace(b",", b"\n\t")) + b"\n"


def _cells(text: bytes, count: int, part: Sheet) -> bytes | None:
    """A row each, its cells parted by commas or signs; None when they are not all simple, and as wide as the part."""
    if part.single_apart or not part.width:
        return None
    if part.keys:
        text, gone = _unnamed(text, part), _SIGNS[:1] + b"}"
        shapes = [b"\t" + _SIGNS[: part.width] + b"}\n"]
    else:
        shapes, gone = [b"\t[" + b"," * (part.width - 1) + b"]\n"], b"[]"
        if part.width == 1:
            shapes.append(b"\t\n")
    # Without its number one cell looks like none.
    if b"[]" in text:
        return None
    wholes = [shape * count for shape in shapes]
    if text.translate(None, _NUMBERS) in wholes:
        return text.translate(None, gone)
    return text.replace(b"null", b"").translate(None, b'"' + gone) if _is_simple(text, wholes, gone) else None


def _is_simple(text: bytes, wholes: Sequence[bytes], gone: bytes) -> bool:
    """Whether there are numbers and words between what is in one of these, and texts that stay what they are without
    their quotes."""
    # An escaped quote or line end would be taken for one that ends the text.
    if b"\\" in text:
        return False
    pieces = text.split(b'"')
    outside, inside = b"".join(pieces[0::2]), b"".join(pieces[1::2])
    # Only outside of texts: a text may be `null`, and has to stay.
    for word in _WORDS:
        outside = outside.replace(word, b"")
    if outside.translate(None, _NUMBERS) not in wholes or b"null" in inside:
        return False
    return len(inside.translate(None, b",\t\r\n" + gone)) == len(inside)


def _unnamed(text: bytes, part: Sheet) -> bytes:
    """Dicts with a sign in place of each name and what is around it. Empty where that cannot be told for certain, or
    where the part has not the keys of all its dicts in their own order."""
    keys = part.keys
    if part.places or part.shape.orders != {keys} or len(keys) > len(_SIGNS) or not all(map(_KEY.fullmatch, keys)):
        return b""
    if len(text.translate(None, _SIGNS)) < len(text):
        return b""
    before, lead = b"\t{", b"\t"
    for key, sign in zip(keys, _SIGNS, strict=False):
        text = text.replace(b'%b"%b":' % (before, key.encode()), b"%b%c" % (lead, sign))
        before, lead = b",", b""
    return text


def _note(part: Sheet, text: bytes, count: int) -> None:
    """The shape of simple rows, which are all alike but for None."""
    if part.keys:
        part.seen.orders.add(part.keys)
    elif b"]" in text:
        part.seen.widest = max(part.seen.widest, part.width)
    else:
        part.seen.has_single |= text.count(b"\tnull\n") < count


def _side_by_side(cells: Sequence[bytes], results: int) -> bytes:
    """The parts of each row; those of the results have the id of their job before them."""
    if len(cells) == 1:
        return cells[0]
    columns = [text[1:-1].split(b"\n\t") for text in cells]
    of_results = cells[results].replace(b"\n", b"\t").split(b"\t")
    columns[results] = of_results[1::2]
    # By joining, which Python's own loop would take ten times as long for.
    return b"\n".join(map(b",".join, zip(of_results[:-1:2], *columns, strict=True))) + b"\n"
