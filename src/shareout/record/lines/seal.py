"""The end of a stream, as a journal has it: how many jobs had come when it was closed, and the hash of their lines.

`{"sealed":12,"lines":"<BLAKE3>","crc":…}`. A host that has heard of the end writes it, so that a merge knows what all
is without the ledger.
"""

from __future__ import annotations

import json
from zlib import crc32

from shareout.fields import dataclass


@dataclass(frozen=True, slots=True)
class Seal:
    """One line of a journal."""

    jobs: int
    lines: str
    """BLAKE3 of all lines, each with its newline; 64 hex digits."""


def seal_line(seal: Seal) -> bytes:
    """As it stands there."""
    raw = json.dumps({"sealed": seal.jobs, "lines": seal.lines}, separators=(",", ":"))[:-1].encode("ascii")
    return b'%b,"crc":"%08x"}\n' % (raw, crc32(raw))
