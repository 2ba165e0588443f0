"""A Python iterable → a file of canonical JSON lines, written once; from there the same path as jobs.jsonl.

The bytes depend on the values alone, so every machine that generates the same rows gets the same digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.config import Settings
from shareout.errors import CannotRecord, InputError, Place
from shareout.pool.rows import JsonlPool

FLUSH_LINES = 10_000


def open_given(rows: Iterable[Any], folder: Path, settings: Settings) -> JsonlPool:
    """Write the rows under a name made from their bytes; an equal file that is there already serves as well."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / ".new-pool"
        hasher = blake3()
        with fresh.open("wb") as file:
            lines: list[bytes] = []
            for number, row in enumerate(rows):
                lines.append(canonical(row, number))
                if len(lines) == FLUSH_LINES:
                    _flush(lines, file, hasher)
            _flush(lines, file, hasher)
        path = folder / f"{hasher.hexdigest()[:16]}.jsonl"
        fresh.replace(path)
    except OSError as error:
        raise CannotRecord(f"the pool that the program makes cannot be written: {error}") from error
    return JsonlPool(path, settings.commands.template)


def canonical(row: Any, number: int) -> bytes:
    """Compact, ASCII, keys in the order that the program gave them; what is not JSON is refused."""
    try:
        return json.dumps(_plain(row), separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError) as error:
        where = Place("the pool from code", number + 1)
        raise InputError(f"row {number} is not JSON: {error}", where=where) from None


def _plain(row: Any) -> Any:
    """A tuple, a dict or a scalar; numbers of numpy become Python's own."""
    if isinstance(row, dict):
        return {key: _plain(value) for key, value in row.items()}
    if isinstance(row, list | tuple):
        return [_plain(value) for value in row]
    if hasattr(row, "tolist") and hasattr(row, "dtype"):
        return row.tolist()
    return row


def _flush(lines: list[bytes], file: Any, hasher: Any) -> None:
    block = b"".join(lines)
    file.write(block)
    hasher.update(block)
    lines.clear()
