"""Reads a journal: every whole, undamaged line; says where good data ends and what is damaged.

A torn last line is a fact, not damage. Damage in the middle costs only the lines that it touched: when a
newline was overwritten, the lines before and after it are found again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shareout.errors import Place, RunDirectoryDamaged
from shareout.record.journal import VERSION, BadLine, Header, check, parse
from shareout.record.outcome import Attempt

CHUNK = 1 << 20
_RECORD = re.compile(rb'\{"(?:job|session|shareout)":.*?"crc":"[0-9a-f]{8}"\}')


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch that is no record: where it is, for a person who wants to look."""

    line: int
    offset: int
    size: int
    why: str


class JournalReader:
    """Streams the lines of one journal; `damage` fills while it goes, `good_end` tells where to append."""

    def __init__(self, path: Path, start: int = 0, line: int = 0) -> None:
        self.path = path
        self.good_end = start
        self.torn = 0
        self.damage: list[Damage] = []
        self.line = line

    def lines(self) -> Iterator[bytes]:
        """Checked lines without newline, in order of the file."""
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[bytes]]:
        """The same in lists, for readers in a hurry."""
        with self.path.open("rb") as file:
            file.seek(self.good_end)
            rest = b""
            while chunk := file.read(CHUNK):
                if b"\n" not in chunk:
                    rest += chunk
                    continue
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                yield self.checked(lines)
            self.torn = len(rest)

    def located(self) -> Iterator[tuple[int, bytes]]:
        """Every checked line with its offset."""
        with self.path.open("rb") as file:
            file.seek(self.good_end)
            for raw in file:
                if not raw.endswith(b"\n"):
                    self.torn = len(raw)
                    return
                offset = self.good_end
                for line in self.checked([raw[:-1]]):
                    yield offset + raw.index(line), line

    def attempts(self) -> Iterator[Attempt]:
        for line in self.lines():
            record = parse(line)
            if isinstance(record, Attempt):
                yield record

    def checked(self, lines: list[bytes]) -> list[bytes]:
        """The good ones of the lines that stand at `good_end`; what is not good is noted in `damage`."""
        good: list[bytes] = []
        for line in lines:
            self.line += 1
            try:
                check(line)
                good.append(line)
            except BadLine as error:
                good += self._rescued(line, str(error))
            self.good_end += len(line) + 1
        return good

    def _rescued(self, line: bytes, why: str) -> list[bytes]:
        self.damage.append(Damage(self.line, self.good_end, len(line), why))
        found = []
        for match in _RECORD.finditer(line):
            try:
                check(match[0])
                found.append(match[0])
            except BadLine:
                continue
        return found


def read_header(path: Path) -> Header:
    """The first line; a journal without a readable one belongs to no plan that could be named."""
    try:
        with path.open("rb") as file:
            line = file.readline()
    except OSError as error:
        raise RunDirectoryDamaged(f"cannot be read: {error.strerror}", where=Place(str(path))) from error
    try:
        if not line.endswith(b"\n"):
            raise BadLine("the file ends in it")
        version = json.loads(check(line[:-1]) + b"}").get("shareout")
        if isinstance(version, int) and version > VERSION:
            raise RunDirectoryDamaged(
                f"was written by a newer shareout (journal version {version}, this one reads {VERSION})",
                where=Place(str(path)),
                way_out="Use the newer program; nothing was changed.",
            )
        header = parse(line[:-1])
        if not isinstance(header, Header):
            raise BadLine("it is another record")
    except (ValueError, KeyError, TypeError) as error:
        raise RunDirectoryDamaged(
            f"the header of the journal is damaged: {error}",
            where=Place(str(path), 1),
            way_out=f"Move {path.parent} away to keep it, and run again; the jobs that it holds would run again.",
        ) from error
    return header


def told(damage: list[Damage], path: Path) -> list[str]:
    """What is wrong in the middle, in sentences."""
    said = [
        f"{path}:{one.line}: {one.size} bytes at offset {one.offset} are damaged ({one.why}); "
        "what they recorded counts as not done"
        for one in damage[:5]
    ]
    return [*said, f"{path}: and {len(damage) - 5} more damaged lines"] if len(damage) > 5 else said
