"""Reads a journal: every whole, undamaged line; says where good data ends and what is damaged.

A torn last line is a fact, not damage. Damage in the middle costs only the lines that it touched: when a
newline was overwritten, the lines before and after it are found again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from blake3 import blake3

from shareout.errors import CannotRead, Place, RunDirectoryDamaged
from shareout.fields import dataclass, replace
from shareout.ranges import Range, union
from shareout.record.folder import RunFolder
from shareout.record.journal import TAIL, VERSION, BadLine, Header, Line, check, parse, parse_header
from shareout.record.lines.claim import Claim, How, Seal
from shareout.record.lines.common_line import OTHER, Plain, plain_line, plain_lines
from shareout.record.lines.form import is_as_written
from shareout.record.outcome import Attempt

# What fits in a core's cache is checked and read twice as fast as what does not.
CHUNK = 1 << 18
LONGEST_HEADER = 1 << 26
# Tries to find a record again in one damaged stretch, so that no damage makes reading slow.
MOST_RESCUES = 200
_FIRST, _SECOND = b'{"shareout":', b'{"session":"start",'
_CLAIM, _SEAL = b'\n{"claim":', b'\n{"sealed":'
_BEHIND = re.compile(rb'"crc":"[0-9a-f]{8}"\}.')
_START = re.compile(rb'\{"(?:job|session|shareout|claim|sealed)":')
_END = re.compile(rb',"crc":"[0-9a-f]{8}"\}')


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch that is no record: where it is, for a person who wants to look."""

    path: Path
    line: int
    offset: int
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a journal, each with a right checksum, and of a right form."""

    offset: int
    data: bytes
    """The bytes that were read, newlines and damage included."""
    lines: list[bytes]
    """The good lines, without newlines."""
    offsets: list[int] | None
    """Where each begins; None when nothing is damaged, for then they follow one another from `offset` on."""
    plain: list[Plain]
    """What each says, when it is a common line."""

    @property
    def is_whole(self) -> bool:
        """Whether all that was read is good lines."""
        return self.offsets is None

    def located(self) -> Iterator[tuple[int, bytes]]:
        """Every line with its offset in the file."""
        if self.offsets is not None:
            yield from zip(self.offsets, self.lines, strict=True)
            return
        offset = self.offset
        for line in self.lines:
            yield offset, line
            offset += len(line) + 1


class JournalReader:
    """Streams the lines of one journal; `damage` fills while it goes, `good_end` tells where to append."""

    def __init__(self, path: Path, start: int = 0, line: int = 0, hasher: blake3 | None = None) -> None:
        self.path = path
        self.good_end = start
        self.torn = 0
        self.damage: list[Damage] = []
        self.line = line
        self._hasher = hasher
        """Given all bytes up to `good_end`, as they are read."""

    def chunks(self) -> Iterator[Chunk]:
        """For readers in a hurry: a third of a microsecond a line."""
        # Unbuffered: pieces have the size that we want already, and a buffer would copy each.
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.good_end)
            pieces: list[bytes] = []
            while read := file.read(CHUNK):
                cut = read.rfind(b"\n") + 1
                if cut:
                    data = b"".join((*pieces, read[:cut]))
                    pieces = [read[cut:]]
                    yield self._checked(data)
                else:
                    pieces.append(read)
            self.torn = sum(map(len, pieces))

    def blocks(self) -> Iterator[list[bytes]]:
        """Checked lines without newline, in lists."""
        for chunk in self.chunks():
            yield chunk.lines

    def lines(self) -> Iterator[bytes]:
        """The same one by one, in order of the file."""
        for chunk in self.chunks():
            yield from chunk.lines

    def located(self) -> Iterator[tuple[int, bytes]]:
        """Every checked line with its offset."""
        for chunk in self.chunks():
            yield from chunk.located()

    def records(self) -> Iterator[Line]:
        """What every line says."""
        for chunk in self.chunks():
            yield from self.records_of(chunk)

    def records_of(self, chunk: Chunk) -> Iterator[Line]:
        """The same of the chunk that was read last, results and all: a result that is no JSON is damage as well."""
        for offset, line in chunk.located():
            record = self.record_of(chunk, offset, line)
            if not isinstance(record, Damage):
                yield record

    def record_of(self, chunk: Chunk, offset: int, line: bytes) -> Line | Damage:
        """Of one of its lines; the damage is told here already."""
        try:
            return parse(line)
        except BadLine as error:
            number = self.line - chunk.data.count(b"\n", offset - chunk.offset) + 1
            self.damage.append(Damage(self.path, number, offset, len(line), str(error)))
            return self.damage[-1]

    def attempts(self) -> Iterator[Attempt]:
        """In order of the file; headers, sessions and lines of kinds that are not known are passed over."""
        return (record for record in self.records() if isinstance(record, Attempt))

    def checked(self, lines: list[bytes]) -> list[tuple[int, bytes]]:
        """The good ones of lines that follow one another, with their offsets; `damage` and `good_end` are told."""
        return list(self._sifted(self.good_end, b"", lines).located())

    def _checked(self, data: bytes) -> Chunk:
        offset = self.good_end
        lines = data.split(b"\n")
        lines.pop()
        # Not by `check`, which is called only where something is wrong: a call a line costs more than the checksum.
        good = [line for line in lines if line[-TAIL:] == b',"crc":"%08x"}' % crc32(line[:-TAIL])]
        if self._hasher is not None:
            self._hasher.update(data)
        if len(good) == len(lines):
            plain = plain_lines(data)
            if all(_is_right(good[at]) for at in _others(plain)):
                self.line += len(lines)
                self.good_end += len(data)
                return Chunk(offset, data, good, None, plain)
        return self._sifted(offset, data, lines)

    def _sifted(self, offset: int, data: bytes, lines: list[bytes]) -> Chunk:
        good: list[bytes] = []
        offsets: list[int] = []
        for line in lines:
            self.line += 1
            try:
                _judge(line)
                good.append(line)
                offsets.append(self.good_end)
            except BadLine as error:
                self.damage.append(Damage(self.path, self.line, self.good_end, len(line), str(error)))
                for at, found in _rescued(line):
                    good.append(found)
                    offsets.append(self.good_end + at)
            self.good_end += len(line) + 1
        return Chunk(offset, data, good, offsets, list(map(plain_line, good)))


def _others(plain: list[Plain]) -> Iterator[int]:
    """Which lines are no common ones: found without a look at each."""
    at = -1
    for _ in range(plain.count(OTHER)):
        at = plain.index(OTHER, at + 1)
        yield at


def _judge(line: bytes) -> None:
    """Raises BadLine at one that is not what was written, or cannot be a record."""
    check(line)
    if plain_line(line) is OTHER and not is_as_written(line):
        parse(line)


def _is_right(line: bytes) -> bool:
    try:
        _judge(line)
    except BadLine:
        return False
    return True


def _rescued(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    """The records in a damaged stretch. Where one ends is certain: no result holds the bytes of a checksum."""
    at, tries = 0, 0
    for end in _END.finditer(stretch):
        for start in _START.finditer(stretch, at, end.start()):
            tries += 1
            found = stretch[start.start() : end.end()]
            if tries <= MOST_RESCUES and _is_right(found):
                yield start.start(), found
                break
        at = end.end()


def read_header(path: Path) -> Header:
    """The first two lines; a journal without readable ones belongs to no plan that could be named."""
    return _header_of(path, _first_lines(path))


def _header_of(path: Path, lines: tuple[bytes, bytes]) -> Header:
    try:
        if not all(line.endswith(b"\n") for line in lines):
            raise BadLine("the file ends in it")
        version = json.loads(check(lines[0][:-1]) + b"}").get("shareout")
        if isinstance(version, int) and version != VERSION:
            raise _other_version(path, version)
        return parse_header(lines[0][:-1], lines[1][:-1])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunDirectoryDamaged(
            f"the header of the journal is damaged: {error}",
            where=Place(str(path), 1),
            way_out=f"Move {path} away to keep it, and run again; the jobs that it holds would run again.",
        ) from error


def _other_version(path: Path, version: int) -> RunDirectoryDamaged:
    who = "a newer shareout" if version > VERSION else "shareout 0.1"
    return RunDirectoryDamaged(
        f"was written by {who} (journal version {version}, this one reads {VERSION})",
        where=Place(str(path)),
        way_out="Use that program; nothing was changed.",
    )


def _first_lines(path: Path) -> tuple[bytes, bytes]:
    try:
        if path.exists() and not path.is_file():
            raise RunDirectoryDamaged("is no file that could be read", where=Place(str(path)))
        with path.open("rb") as file:
            return file.readline(LONGEST_HEADER), file.readline(LONGEST_HEADER)
    except OSError as error:
        raise CannotRead(
            f"{path} cannot be read: {error.strerror}", way_out="Give yourself the right to it."
        ) from error


def is_torn_header(path: Path) -> bool:
    """A process that was killed while it wrote the very first lines left nothing to keep. Anything else that has no
    two lines is not ours to pass over: reading its header will refuse it."""
    if not path.is_file():
        return False
    first, second = (line.rstrip(b"\0") for line in _first_lines(path))
    if b"\n" in first:
        return b"\n" not in second and _SECOND.startswith(second[: len(_SECOND)]) and not _BEHIND.search(second)
    return _FIRST.startswith(first[: len(_FIRST)]) and not _BEHIND.search(first)


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One start of a machine, and the journal that it left."""

    folder: RunFolder
    path: Path
    header: Header
    begin: int
    """Where its records begin."""
    size: int
    """How long it was before its claims were read: all that is recorded up to there is by claims that are known."""
    claims: tuple[Claim, ...] = ()


def incarnations_of(folder: RunFolder) -> list[Incarnation]:
    """The oldest first; without those that were killed before they had recorded anything."""
    found = []
    for path in folder.journals():
        if not is_torn_header(path):
            size = path.stat().st_size
            lines = _first_lines(path)
            header, begin = _header_of(path, lines), sum(map(len, lines))
            claims: tuple[Claim, ...] = ()
            if header.claims:
                claims = tuple(one for one in _said(path, begin, _CLAIM) if isinstance(one, Claim))
                _refuse_beyond(path, claims, header.jobs)
                header = replace(header, claimed=_held(claims), taken=_held(claims, How.SEIZE))
                if header.stream:
                    header = _as_far_as_it_came(path, begin, header)
            found.append(Incarnation(folder, path, header, begin, size, claims=claims))
    return found


def _held(claims: Sequence[Claim], how: How | None = None) -> tuple[Range, ...]:
    return tuple(union(one for claim in claims if how in (None, claim.how) for one in claim.ranges))


def _as_far_as_it_came(path: Path, begin: int, header: Header) -> Header:
    """Of a stream there are as many jobs as its seal says; without one, as many as are known here."""
    seal = next((one for one in _said(path, begin, _SEAL) if isinstance(one, Seal)), None)
    jobs = seal.jobs if seal else max((stop for _, stop in header.claimed), default=0)
    return replace(header, jobs=jobs, seal=seal)


def _said(path: Path, begin: int, kind: bytes) -> list[Line]:
    """The lines of a journal that begin so; found without a look at the lines between them, which are many. A claim
    that is damaged holds nothing, and the records that it allowed are refused."""
    found: list[Line] = []
    with path.open("rb", buffering=0) as file:
        # From the newline before the first line on, so that each line has one.
        file.seek(begin - 1)
        rest = b""
        while read := file.read(CHUNK):
            data = rest + read
            end = data.rfind(b"\n")
            rest = data[end:] if end >= 0 else data
            at = data.find(kind, 0, end)
            while at >= 0:
                with suppress(BadLine):
                    found.append(parse(data[at + 1 : data.index(b"\n", at + 1)]))
                at = data.find(kind, at + 1, end)
    return found


def _refuse_beyond(path: Path, claims: Sequence[Claim], jobs: int) -> None:
    if any(stop > jobs for claim in claims for _, stop in claim.ranges):
        raise RunDirectoryDamaged(
            f"a claim is of positions that a plan of {jobs} jobs does not have",
            where=Place(str(path)),
            way_out=f"Move {path} away to keep it; what it recorded counts as not done.",
        )


def newest_header(folder: RunFolder) -> Header:
    """What the last start of its machine owed."""
    found = incarnations_of(folder)
    if not found:
        raise RunDirectoryDamaged("has no journal", where=Place(str(folder.path)))
    return found[-1].header


def told(damage: Sequence[Damage]) -> list[str]:
    """What is wrong in the middle, in sentences."""
    said = [
        f"{one.path}:{one.line}: {one.size} bytes at offset {one.offset} are damaged ({one.why}); "
        "what they recorded counts as not done"
        for one in damage[:5]
    ]
    return [*said, f"{damage[5].path}: and {len(damage) - 5} more damaged lines"] if len(damage) > 5 else said
