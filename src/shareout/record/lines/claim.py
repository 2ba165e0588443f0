"""What a machine may record beside its share: positions that it took, how, and from whom.

A share is fixed as long as machines do not talk. Where they balance what is left between them, whoever takes positions
says so in its own journal before it runs them, so that journals alone still prove who was to do what.
"""

from __future__ import annotations

import json
from enum import StrEnum
from zlib import crc32

from shareout.fields import dataclass
from shareout.ranges import Range


class How(StrEnum):
    """By which right positions were taken."""

    OPEN = "open"
    """A start of the machine goes on with what an earlier one had."""
    TAKE = "take"
    """Nobody had them."""
    ASIDE = "aside"
    """They were put aside, to be tried again by whoever comes first."""
    CUT = "cut"
    """Who had them is slower, and keeps the rest."""
    SEIZE = "seize"
    """Who had them has been silent for too long."""
    ASK = "ask"
    """A person asked for them once more."""
    FEED = "feed"
    """They came while the run went on."""
    ADOPT = "adopt"
    """They were done before, under another plan."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of a journal."""

    lane: str
    """Which share, or part of one."""
    k: int
    """Which entry of the lane gave them."""
    ranges: tuple[Range, ...]
    how: How
    origin: str = ""
    """From whom, where they were another's."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of a stream, as a host that has heard of it writes it down: so a merge knows without the ledger what all
    is. `{"sealed":12,"lines":"<BLAKE3>","crc":…}`."""

    jobs: int
    lines: str
    """BLAKE3 of all lines, each with its newline; 64 hex digits."""


def seal_line(seal: Seal) -> bytes:
    """As it stands there."""
    raw = json.dumps({"sealed": seal.jobs, "lines": seal.lines}, separators=(",", ":"))[:-1].encode("ascii")
    return b'%b,"crc":"%08x"}\n' % (raw, crc32(raw))
