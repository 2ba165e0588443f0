"""Where the rows of a large text begin, kept for the next start: a look at ten million rows takes seconds, and to read
what it has found a fiftieth of one. A file in `runs/pools/`, named by the hash of the text.

It is a cache, which only a run writes: each file is believed only with its seal, for the very text, and from the very
version that reads it; where there is none, or none that is right, all is looked at again.
"""

from __future__ import annotations

import json
import sys
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout._version import VERSION
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.pool.places.marks import Marks

SMALLEST = 4 << 20
"""Bytes of a text that is worth it: less is looked at in a few tenths of a second."""
_SEAL = 32


@dataclass(frozen=True, slots=True)
class TextHash:
    """What a text is known by."""

    size: int
    blake3: bytes


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a text once all of it was looked at, and nothing was wrong with it."""

    lines: array[int]
    """Of each of its blocks how many lines that are jobs begin up to its end."""
    all_lines: array[int]
    """The same of all its lines."""
    marks: Marks
    facts: dict[str, Any]
    """What else its kind of pool has found out, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of what is kept."""

    folder: Path

    def find(self, text: TextHash, kind: str) -> Findings | None:
        """What was kept of a text as this kind of pool reads it. None when there is nothing that can be believed."""
        try:
            content = self._path(text, kind).read_bytes()
            body = memoryview(content)[:-_SEAL]
            if blake3(body).digest() != content[-_SEAL:]:
                return None
            end = content.index(b"\n")
            head = json.loads(content[:end])
            if {key: head[key] for key in ("text", "size", "kind", "by", "order")} != _belonging(text, kind):
                return None
            return _read(head, body[end + 1 :], text.size)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, text: TextHash, kind: str, found: Findings) -> None:
        """Where it cannot be written, the next start looks again."""
        marks = found.marks
        head = {
            **_belonging(text, kind), "blocks": len(found.lines), "rows": marks.count, "marks": len(marks.offsets),
            "facts": found.facts,
        }  # fmt: skip
        columns = filter(None, (found.lines, found.all_lines, marks.offsets))
        parts = [json.dumps(head).encode("ascii") + b"\n", *map(array.tobytes, columns)]
        seal = blake3()
        for part in parts:
            seal.update(part)
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            # Not synced: what a power cut leaves of it is found by its seal.
            replace_file(self._path(text, kind), [*parts, seal.digest()], sync=False)

    def _path(self, text: TextHash, kind: str) -> Path:
        return self.folder / f"{text.blake3.hex()[:16]}.{kind}.rows"


def _belonging(text: TextHash, kind: str) -> dict[str, Any]:
    """What it is of, and who may read it: what a version finds out wrongly must not outlive it."""
    return {"text": text.blake3.hex(), "size": text.size, "kind": kind, "by": VERSION, "order": sys.byteorder}


def _read(head: dict[str, Any], rest: memoryview, size: int) -> Findings | None:
    marks = Marks(size)
    lines, all_lines, offsets = array("Q"), array("Q"), marks.offsets
    at = 0
    for column, count in ((lines, head["blocks"]), (all_lines, head["blocks"]), (offsets, head["marks"])):
        stop = at + count * column.itemsize
        column.frombytes(rest[at:stop])
        at = stop
    marks.count = head["rows"]
    return Findings(lines, all_lines, marks, head["facts"]) if at == len(rest) else None
