"""A job's result ↔ JSON. Scalars, None, tuples, lists, dicts, NaN and infinities; numpy's scalars and arrays."""

from __future__ import annotations

import json
from typing import Any


class NotJson(ValueError):
    """A result that cannot be recorded; says which part of it, and why."""


def _convert(value: Any) -> Any:
    # numpy is not imported for this: its scalars and arrays are known by what they offer.
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON; return numbers, text, None, tuples, lists or dicts")


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=True, default=_convert)


def encode(value: Any) -> str:
    """One line of ASCII."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise NotJson(f"the result cannot be recorded: {error or 'it is nested too deeply'}") from None


def decode(text: str | bytes) -> Any:
    """Integers of any length, NaN and infinities come back as they were."""
    return json.loads(text)
