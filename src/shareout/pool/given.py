"""A Python iterable → a file of canonical JSON lines, written once; from there the same path as jobs.jsonl.

The bytes depend on the values alone, so every machine that generates the same rows gets the same digest.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from shareout.config import Settings
from shareout.errors import CannotRecord, InputError, Place
from shareout.pool.rows import JsonlPool

FLUSH_LINES = 10_000


def open_given(rows: Iterable[Any], folder: Path, settings: Settings) -> JsonlPool:
    """Write the rows under a name made from their bytes; an equal file that is there already serves as well."""
    # Machines that share a folder may start at once: each writes a file of its own.
    fresh = folder / f".pool-{socket.gethostname()}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            name = _write(rows, file)
        path = folder / f"{name[:16]}.jsonl"
        fresh.replace(path)
    except OSError as error:
        raise CannotRecord(f"the pool that the program makes cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return JsonlPool(path, settings.commands.template)


def _write(rows: Iterable[Any], file: BinaryIO) -> str:
    """All rows; what names them."""
    hasher = blake3()
    lines: list[bytes] = []
    for number, row in _each(rows):
        lines.append(canonical(row, number))
        if len(lines) == FLUSH_LINES:
            _flush(lines, file, hasher)
    _flush(lines, file, hasher)
    return hasher.hexdigest()


def _each(rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """What the user's own code raises while it makes rows is told as that."""
    number = 0
    try:
        for number, row in enumerate(rows):
            yield number, row
            number += 1
    except InputError:
        # Of rows that are checked while they are made: its sentence is the right one.
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise InputError(
            f"making row {number} failed: {said}", where=Place("the pool from code", number + 1)
        ) from error


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
