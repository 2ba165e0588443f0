"""A pool that a call of `run` gives by itself: a file, standard input, or values.

What comes by a pipe or as words is written once into `runs/pools/`, in a folder named by its content, so that the
same call resumes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from shareout.cli.options import Common
from shareout.errors import UsageError, cannot_read
from shareout.fields import dataclass
from shareout.pool.compressed import ENDING, text_of

BLOCK = 1 << 20
ENDINGS = {"txt": "", "csv": ".csv", "jsonl": ".jsonl", "grid": ".grid.json", "groups": ".groups.json"}


@dataclass(frozen=True, slots=True)
class Source:
    """One source of values: words, or the lines of a file. `linked`: it goes along with the one before."""

    values: tuple[str, ...] = ()
    file: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """What the call names."""

    pool: str | None = None
    kind: str | None = None
    """What the pool is, whatever its name; one of ENDINGS."""
    null: bool = False
    """Jobs are separated by NUL."""
    sources: tuple[Source, ...] = ()

    def __bool__(self) -> bool:
        return self.pool is not None or bool(self.sources) or self.null or self.kind is not None


def pool_file(given: Given, common: Common, template: str) -> Path | None:
    """The file to read; None when the call names nothing."""
    _check(given, template)
    if not given:
        return None
    from shareout.pool.given import keep_file

    folder = common.runs / "pools"
    if given.sources:
        return _grid_of(given.sources, folder)
    if given.pool is None:
        return None
    if given.null:
        return keep_file(_canonical_items(given.pool), folder, ".jsonl")
    if given.pool == "-" or given.kind is not None:
        name = "stdin" if given.pool == "-" else Path(given.pool).name.removesuffix(ENDING)
        ending = ENDINGS[given.kind or "txt"]
        if not ending and Path(name).suffix not in ("", ".txt"):
            # It may have been another kind's.
            ending = ".txt"
        return keep_file(_blocks(given.pool), folder, ending, name)
    return Path(given.pool)


def _check(given: Given, template: str) -> None:
    """Flags that belong together stand together."""
    if given.sources:
        _check_sources(given, template)
    if given.null and (given.pool is None or given.kind is not None):
        raise UsageError("-0 reads a list that is separated by NUL", way_out="As: find . -print0 | shareout run -0 -")
    if given.kind is not None and given.pool is None:
        raise UsageError("--as says what the named pool is", way_out="Name it, or - for standard input.")


def _check_sources(given: Given, template: str) -> None:
    if given.pool is not None:
        raise UsageError(
            f"a pool is named, {given.pool}, and values are given as well",
            way_out="Leave one out; --arg-file FILE makes a file one of the sources. A pool stands before --arg.",
        )
    if given.sources[0].linked:
        raise UsageError("--arg+ goes along with the source before it, and there is none", way_out="Begin with --arg.")
    _check_linked(given.sources)
    if len(given.sources) > 1 and not template:
        raise UsageError(
            "several sources of values need a command to put them into", way_out="Add --template 'myprog {1} {2}'."
        )


def _check_linked(sources: Sequence[Source]) -> None:
    """Values that go along with others must be as many."""
    for before, source in pairwise(sources):
        if source.linked and source.values and before.values and len(source.values) != len(before.values):
            raise UsageError(
                f"--arg+ has {len(source.values)} values, and the source before it {len(before.values)}",
                way_out="They go along value for value: give as many. For all combinations say --arg.",
            )


def _grid_of(sources: Sequence[Source], folder: Path) -> Path:
    """A grid file with an axis for each source, named 1, 2 …"""
    from shareout.pool.given import keep_file

    # A grid and not its lines: all combinations of three sources of a thousand values are a billion.
    axes: list[tuple[list[str], list[str]]] = []
    for number, source in enumerate(sources, 1):
        if source.file:
            # Kept by its content as well: the file may be a pipe, or another one at the next call.
            axis = json.dumps({"lines": keep_file(_blocks(source.file), folder, ".txt").name})
        else:
            axis = json.dumps(source.values)
        if source.linked:
            axes[-1][0].append(str(number))
            axes[-1][1].append(axis)
        else:
            axes.append(([str(number)], [axis]))
    said = [
        f"{json.dumps(','.join(names))}: {parts[0] if len(parts) == 1 else '[' + ', '.join(parts) + ']'}"
        for names, parts in axes
    ]
    return keep_file(iter([("{" + ",\n ".join(said) + "}\n").encode("ascii")]), folder, ".grid.json")


def _opened(name: str) -> BinaryIO:
    if name == "-":
        # Not closed with it: whether there is a terminal is asked of it later.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return open(text_of(Path(name)), "rb")
    except OSError as error:
        raise cannot_read(name, error) from error


def _blocks(name: str) -> Iterator[bytes]:
    with _opened(name) as file:
        yield from iter(_reading(file, name), b"")


def _reading(file: BinaryIO, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return file.read(BLOCK)
        except OSError as error:
            raise cannot_read(name, error) from error

    return read


def _canonical_items(name: str) -> Iterator[bytes]:
    """What NUL separates, a JSON text a line: an item may hold newlines, or bytes that are not UTF-8."""
    from shareout.pool.given import canonical

    rest = b""
    number = 0
    for block in _blocks(name):
        *items, rest = (rest + block).split(b"\0")
        lines = [canonical(item.decode("utf-8", "surrogateescape"), at) for at, item in enumerate(items, number)]
        number += len(items)
        yield b"".join(lines)
    if rest:
        yield canonical(rest.decode("utf-8", "surrogateescape"), number)
