"""A pool that a call of `run` gives by itself: a file, standard input, or values.

What comes by a pipe or as words is written once into `runs/pools/`, in a folder named by its content, so that the
same call resumes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

from shareout.cli.options import Common
from shareout.errors import UsageError, cannot_read
from shareout.fields import dataclass
from shareout.pool.compressed import ENDING, text_of

BLOCK = 1 << 20
LINES = 5000
# As xargs and parallel write them.
SIGNS = {r"\0": "\0", r"\t": "\t", r"\n": "\n"}
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
    delimiter: str | None = None
    """What separates jobs, NUL or another sign; None: a line is one."""
    each: int | None = None
    """So many of them, or of the values, are a job."""
    sources: tuple[Source, ...] = ()

    def __bool__(self) -> bool:
        said = (self.pool, self.delimiter, self.kind, self.each)
        return bool(self.sources) or any(one is not None for one in said)


def pool_file(given: Given, common: Common, template: str) -> Path | None:
    """The file to read; None when the call names nothing."""
    _check(given, template)
    if not given:
        return None
    from shareout.pool.given import keep_file

    folder = common.runs / "pools"
    if given.each is not None:
        return keep_file(_together(_grouped(given)), folder, ".jsonl")
    if given.sources:
        return _grid_of(given.sources, folder)
    if given.pool is None:
        return None
    if given.delimiter is not None:
        items = _items(given.pool, _sign(given.delimiter))
        return keep_file(_together(map(_canonical, enumerate(items))), folder, ".jsonl")
    return _kept(given, given.pool, folder)


def _kept(given: Given, pool: str, folder: Path) -> Path:
    """The file itself, or, where it comes by a pipe or is said to be of another kind, a copy of that kind."""
    from shareout.pool.given import keep_file

    if pool == "-" or given.kind is not None:
        name = "stdin" if pool == "-" else Path(pool).name.removesuffix(ENDING)
        ending = ENDINGS[given.kind or "txt"]
        if not ending and Path(name).suffix not in ("", ".txt"):
            # It may have been another kind's.
            ending = ".txt"
        return keep_file(_blocks(pool), folder, ending, name)
    return Path(pool)


def _check(given: Given, template: str) -> None:
    """Flags that belong together stand together."""
    if given.sources:
        _check_sources(given, template)
    if given.delimiter is not None:
        _check_delimiter(given, given.delimiter)
    if given.each is not None:
        _check_each(given, given.each)
    if given.kind is not None and given.pool is None:
        raise UsageError("--as says what the named pool is", way_out="Name it, or - for standard input.")


def _check_delimiter(given: Given, delimiter: str) -> None:
    if given.pool is None or given.kind is not None:
        if delimiter == "\0":
            what = "-0 reads a list that is separated by NUL"
            raise UsageError(what, way_out="As: find . -print0 | shareout run -0 -")
        raise UsageError("-d says what separates the jobs of a named pool", way_out="As: shareout run -d , list.txt")
    if len(_sign(delimiter)) != 1:
        raise UsageError(f'-d takes a single sign, found "{delimiter}"', way_out="As -d , or -d '\\t' or -0.")


def _check_each(given: Given, each: int) -> None:
    if each < 1:
        raise UsageError(f"-N {each} is no number of values a job", way_out="Write -N 2 or more.")
    if given.kind is not None or (given.pool is None and len(given.sources) != 1):
        raise UsageError(
            "-N takes so many lines of one list, or values of one source, for each job",
            way_out="Name one: shareout run -N 3 --template 'myprog {1} {2} {3}' list.txt",
        )


def _sign(delimiter: str) -> bytes:
    return SIGNS.get(delimiter, delimiter).encode("utf-8", "surrogateescape")


def _grouped(given: Given) -> Iterator[bytes]:
    """So many at a time, an array a line; the last one may be shorter."""
    items: Iterator[str]
    if given.delimiter is not None and given.pool is not None:
        items = _items(given.pool, _sign(given.delimiter))
    elif given.pool is not None or given.sources[0].file:
        name = given.pool or given.sources[0].file
        lines = (line.removesuffix("\r") for line in _items(name, b"\n"))
        items = (line for line in lines if line.strip() and not line.startswith("#"))
    else:
        items = iter(given.sources[0].values)
    assert given.each is not None
    while some := tuple(islice(items, given.each)):
        yield json.dumps(some, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


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


def _items(name: str, sign: bytes) -> Iterator[str]:
    """What a sign separates. An item may hold newlines, or bytes that are not UTF-8."""
    rest = b""
    for block in _blocks(name):
        *items, rest = (rest + block).split(sign)
        for item in items:
            yield item.decode("utf-8", "surrogateescape")
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def _canonical(numbered: tuple[int, str]) -> bytes:
    """A JSON text a line."""
    from shareout.pool.given import canonical

    return canonical(numbered[1], numbered[0])


def _together(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Many lines in a block."""
    while block := b"".join(islice(lines, LINES)):
        yield block
