"""A Python iterable → a file of canonical JSON lines, written once; from there the same path as jobs.jsonl.

The bytes depend on the values alone, so every machine that generates the same rows gets the same digest.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.config import Settings
from shareout.entry import Group
from shareout.errors import CannotRecord, InputError, Place, UsageError
from shareout.pool.groups import GroupsPool
from shareout.pool.rows import JsonlPool

FLUSH_LINES = 10_000


def open_given(rows: Iterable[Any], folder: Path, settings: Settings) -> JsonlPool:
    """Write the rows under a name made from their bytes; an equal file that is there already serves as well."""
    return JsonlPool(keep_file(_blocks(rows), folder, ".jsonl"), settings.commands.template)


def open_groups(groups: Sequence[Group], folder: Path) -> GroupsPool:
    """The same for groups: a file of the units of each, and one that names them."""
    files: dict[int, str] = {}
    for group in groups:
        if id(group.units) not in files:
            if isinstance(group.units, str):
                raise UsageError(
                    f'the units of the group "{group.name}" are one text', way_out='Give a list of them: ["a.mp4"].'
                )
            files[id(group.units)] = keep_file(_blocks(group.units), folder, ".jsonl").name
    twice = [one.name for at, one in enumerate(groups) if one.name in [other.name for other in groups[:at]]]
    if twice:
        raise UsageError(f'the group "{twice[0]}" is given twice', way_out="Give each a name of its own.")
    facts = {one.name: {"template": one.template, "units": {"lines": files[id(one.units)]}} for one in groups}
    return GroupsPool(keep_file(iter([json.dumps({"groups": facts}).encode("ascii")]), folder, ".groups.json"), "")


def keep_file(blocks: Iterable[bytes], folder: Path, ending: str, name: str = "") -> Path:
    """A file named by its content; with a name of its own, in a folder that is."""
    # Machines that share a folder may start at once: each writes a file of its own.
    fresh = folder / f".new-{socket.gethostname()}-{os.getpid()}"
    hasher = blake3()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            for block in blocks:
                file.write(block)
                hasher.update(block)
        known = hasher.hexdigest()[:16]
        path = folder / known / f"{name}{ending}" if name else folder / f"{known}{ending}"
        path.parent.mkdir(exist_ok=True)
        fresh.replace(path)
    except OSError as error:
        raise CannotRecord(f"the pool that was given cannot be kept in {folder}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return path


def _blocks(rows: Iterable[Any]) -> Iterator[bytes]:
    lines: list[bytes] = []
    for number, row in _each(rows):
        lines.append(canonical(row, number))
        if len(lines) == FLUSH_LINES:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


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
