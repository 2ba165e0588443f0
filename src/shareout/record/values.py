"""A job's result ↔ JSON. Scalars, None, tuples, lists, dicts, NaN and infinities; numpy's scalars and arrays.

What comes back is what went in, but for tuples, which come back as lists, and whole numbers as keys, which
come back as text. What cannot come back is refused, with the place in the result where it stands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WAY_OUT = "return numbers, text, None, tuples, lists or dicts"
# Far below what Python's own reader takes: it goes as deep as its stack.
MOST_NESTED = 200
# How the key may not stand in a result: readers find the end of a record by these bytes.
# Refusing it would fail jobs for a name that is good elsewhere; a JSON reader takes both spellings for the same.
_TAIL_KEY, _WRITTEN = '"crc":"', '"\\u0063rc":"'


class NotJson(ValueError):
    """A result that cannot be recorded; says which part of it, and why."""


def _convert(value: Any) -> Any:
    # numpy is not imported for this: its scalars and arrays are known by what they offer.
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        plain = value.tolist()
        if type(plain) is not type(value):
            return plain
    raise TypeError(f"{type(value).__name__} is not JSON")


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=True, default=_convert)
_make = getattr(json.encoder, "c_make_encoder", None)
# The C encoder made once: `JSONEncoder.encode` makes one at every call, which costs more than the encoding.
_chunks = (
    _make(*(None, _convert, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True))
    if _make
    else None
)
_PLAIN = frozenset((str, int, float, bool, type(None)))


def encode(value: Any) -> str:
    """One line of ASCII."""
    try:
        if type(value) is int:
            return repr(value)
        text = "".join(_chunks(value, 0)) if _chunks else _encoder.encode(value)
    except ValueError as error:
        if "limit" not in str(error):
            raise _refused(value, error) from None
        with _any_length():
            text = _encoder.encode(value)
    except (TypeError, RecursionError, OverflowError) as error:
        raise _refused(value, error) from None
    # Brackets are counted first: nearly no result has so many, and only of those the depth is walked.
    if text.count("[") + text.count("{") > MOST_NESTED:
        _check_depth(value, 0)
    if "{" in text:
        # Keys are looked at one by one only where something may be wrong with them: most results of dicts have plain
        # text.
        if "\\u0000" in text or not _has_text_keys(value):
            _check_keys(value, "result")
        if _TAIL_KEY in text:
            text = text.replace(_TAIL_KEY, _WRITTEN)
    return text


def decode(text: str | bytes) -> Any:
    """Integers of any length, NaN and infinities come back as they were."""
    try:
        return json.loads(text)
    except ValueError as error:
        if "limit" not in str(error):
            raise
        with _any_length():
            return json.loads(text)


@contextmanager
def _any_length() -> Iterator[None]:
    """Python refuses to convert integers of more than some 4,000 digits unless it is told otherwise."""
    # A limit of the whole process, which guards the user's code as well: lifted for one text, and set again.
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


def _has_text_keys(value: Any) -> bool:
    """Quickly: whether nothing needs a closer look."""
    kind = type(value)
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(_has_text_keys, value.values()))
    return all(map(_has_text_keys, value)) if kind is list or kind is tuple else kind in _PLAIN


def _check_depth(value: Any, depth: int) -> None:
    """What is written must be read again, also as a part of a longer text and with less room on the stack."""
    if depth > MOST_NESTED:
        raise NotJson(f"the result cannot be recorded: it is nested more than {MOST_NESTED} deep, or holds itself")
    parts = value.values() if isinstance(value, dict) else value
    for inner in parts if isinstance(value, dict | list | tuple) else ():
        _check_depth(inner, depth + 1)


def _check_keys(value: Any, place: str) -> None:
    """All keys of a result, however deep they stand."""
    if isinstance(value, dict):
        for key in value:
            _check_key(key, value, place)
        for key, inner in value.items():
            _check_keys(inner, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _check_keys(inner, f"{place}[{number}]")
    elif hasattr(value, "dtype") and getattr(value.dtype, "hasobject", False):
        _check_keys(value.tolist(), place)


def _check_key(key: Any, among: dict[Any, Any], place: str) -> None:
    """No kind of table has a name for a NUL.

    The encoder would write `True`, None and 1.5 as keys of text, and two keys alike; neither could come back."""
    if isinstance(key, str):
        why = "keys must not hold a NUL" if "\0" in key else ""
    elif not isinstance(key, int) or isinstance(key, bool):
        why = f"keys must be text, not {_name(key)}"
    elif str(int(key)) in among:
        raise NotJson(_sentence(f"{place} has the key {key!r} twice", "once as a number and once as text"))
    else:
        return
    if why:
        raise NotJson(_sentence(f"{place} has the key {key!r}", why))


def _refused(value: Any, error: Exception) -> NotJson:
    if isinstance(error, RecursionError):
        return NotJson("the result cannot be recorded: it is nested too deeply, or holds itself")
    try:
        found = _first_bad(value, "result")
    except RecursionError:
        found = None
    where, why = found or ("it", str(error))
    return NotJson(_sentence(where, why))


def _first_bad(value: Any, place: str) -> tuple[str, str] | None:
    """Where the first part stands that is not JSON, and what it is."""
    if value is None or isinstance(value, str | int | float):
        return None
    if isinstance(value, dict):
        _check_keys(dict.fromkeys(value), place)
        parts = [(f"{place}[{key!r}]", inner) for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{place}[{number}]", inner) for number, inner in enumerate(value)]
    else:
        try:
            return _first_bad(_convert(value), place)
        except TypeError:
            return place, f"{_name(value)} is not JSON; {WAY_OUT}"
    return next((found for where, inner in parts if (found := _first_bad(inner, where))), None)


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _sentence(where: str, why: str) -> str:
    return (
        f"the result cannot be recorded: {why}"
        if where in ("it", "result")
        else (f"the result cannot be recorded: {where}: {why}")
    )
