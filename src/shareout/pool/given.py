"""A Python iterable → a file of canonical JSON lines, written once; from there the same path as jobs.jsonl.

The bytes depend on the values alone, so every machine that generates the same rows gets the same digest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.config import Settings
from shareout.entry import Group
from shareout.errors import CannotRecord, InputError, Place, UsageError
from shareout.linux import host_name
from shareout.pool.groups import GroupsPool
from shareout.pool.places.shelf import Shelf
from shareout.pool.rows import JsonlPool

FLUSH_LINES = 10_000


def open_given(rows: Iterable[Any], folder: Path, settings: Settings) -> JsonlPool:
    """Write the rows under a name made from their bytes; an equal file that is there already serves as well."""
    writer = RowWriter()
    path = keep_file(writer.blocks(rows), folder, ".jsonl")
    pool = JsonlPool(path, settings.commands.template, is_ours=writer.is_sure, shelf=Shelf(folder))
    pool.reserved = pool.reserved | {settings.run.cost}
    return pool


def open_groups(groups: Sequence[Group], folder: Path) -> GroupsPool:
    """The same for groups: a file of the units of each, and one that names them."""
    files: dict[int, str] = {}
    for group in groups:
        if id(group.units) not in files:
            if isinstance(group.units, str):
                raise UsageError(
                    f'the units of the group "{group.name}" are one text', way_out='Give a list of them: ["a.mp4"].'
                )
            files[id(group.units)] = keep_file(RowWriter().blocks(group.units), folder, ".jsonl").name
    twice = [one.name for at, one in enumerate(groups) if one.name in [other.name for other in groups[:at]]]
    if twice:
        raise UsageError(f'the group "{twice[0]}" is given twice', way_out="Give each a name of its own.")
    facts = {one.name: {"template": one.template, "units": {"lines": files[id(one.units)]}} for one in groups}
    path = keep_file(iter([json.dumps({"groups": facts}).encode("ascii")]), folder, ".groups.json")
    return GroupsPool(path, "", shelf=Shelf(folder))


def keep_file(blocks: Iterable[bytes], folder: Path, ending: str, name: str = "") -> Path:
    """A file named by its content; with a name of its own, in a folder that is."""
    # Machines that share a folder may start at once: each writes a file of its own.
    fresh = folder / f".new-{host_name()}-{os.getpid()}"
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


class RowWriter:
    """Rows → blocks of lines, thousands in one call of the json module, which costs a fifth of a call for each."""

    def __init__(self) -> None:
        self.is_sure = True
        """Whether what was written needs no look by those who read it: no key is there twice, no row has a group."""

    def blocks(self, rows: Iterable[Any]) -> Iterator[bytes]:
        """What the user's own code raises while it makes rows is told as that."""
        made = 0
        block: list[Any] = []
        while True:
            block = []
            try:
                rows = iter(rows)
                # Also when it raises, the list keeps what came before.
                block.extend(islice(rows, FLUSH_LINES))
            except InputError:
                # Of rows that are checked while they are made: its sentence is the right one.
                raise
            except Exception as error:
                self._lines(block, made)
                number = made + len(block)
                what = f"making row {number} failed: {type(error).__name__}: {error}"
                raise InputError(what, where=Place("the pool from code", number + 1)) from error
            if not block:
                return
            yield self._lines(block, made)
            made += len(block)

    def _lines(self, block: Sequence[Any], first: int) -> bytes:
        text = _at_once(block)
        if text is None:
            text = b"".join(canonical(row, number) for number, row in enumerate(block, first))
        if b"{" in text:
            self._look(block, text)
        return text

    def _look(self, block: Sequence[Any], text: bytes) -> None:
        """Whether all objects are rows, with keys that are text, and none is a group."""
        rows = [row for row in block if type(row) is dict]
        self.is_sure &= (
            text.count(b'":') == sum(map(len, rows))
            and set(map(type, chain.from_iterable(rows))) <= {str}
            and b'"group":' not in text
        )


def _at_once(block: Sequence[Any]) -> bytes | None:
    """The lines of rows of one kind; None where it must be tried row by row.

    A newline in JSON is always one of ours, for in texts it is written as two signs: where rows are as many as
    separators of their kind, none of these is inside a row.
    """
    kinds = set(map(type, block))
    edge = "" if kinds <= _SCALARS else "]\n,[" if kinds <= {list, tuple} else "}\n,{" if kinds == {dict} else None
    if edge is None:
        return None
    try:
        text = _BLOCK.encode(block)[1:-1]
    except (TypeError, ValueError):
        return None
    if not edge:
        return text.replace("\n,", "\n").encode("ascii") + b"\n"
    if text.count(edge) != len(block) - 1:
        return None
    return text.replace(edge, edge.replace(",", "")).replace("\n,", ",").encode("ascii") + b"\n"


def _of_numpy(value: Any) -> Any:
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_BLOCK = json.JSONEncoder(separators=("\n,", ":"), allow_nan=False, default=_of_numpy)
_SCALARS = {int, float, str, bool, type(None)}


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
