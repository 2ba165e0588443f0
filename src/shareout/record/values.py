"""A job's result ↔ JSON. Scalars, None, tuples, lists, dicts, NaN and infinities; numpy's scalars and arrays."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NotJson(ValueError):
    """A result that cannot be recorded; says which part of it, and why."""


def _convert(value: Any) -> Any:
    # numpy is not imported for this: its scalars and arrays are known by what they offer.
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON; return numbers, text, None, tuples, lists or dicts")


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=True, default=_convert)
_make = getattr(json.encoder, "c_make_encoder", None)
# The C encoder made once: `JSONEncoder.encode` makes one at every call, which costs more than the encoding.
_chunks = (
    _make(None, _convert, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True) if _make else None
)


def encode(value: Any) -> str:
    """One line of ASCII."""
    try:
        if type(value) is int:
            return repr(value)
        return "".join(_chunks(value, 0)) if _chunks else _encoder.encode(value)
    except ValueError as error:
        if "limit" not in str(error):
            raise NotJson(f"the result cannot be recorded: {error}") from None
        with _any_length():
            return _encoder.encode(value)
    except (TypeError, RecursionError, OverflowError) as error:
        raise NotJson(f"the result cannot be recorded: {error or 'it is nested too deeply'}") from None


def decode(text: str | bytes) -> Any:
    """Integers of any length, NaN and infinities come back as they were."""
    try:
        return json.loads(text)
    except ValueError:
        with _any_length():
            return json.loads(text)


@contextmanager
def _any_length() -> Iterator[None]:
    """Python refuses to convert integers of more than some 4,000 digits unless it is told otherwise."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)
