"""What the tally beside a journal proves of it: a hash of the bytes that were written, sealed with its own.

A tally is saved by the run itself, so a journal that is not what it says was damaged, or changed by somebody. To hash
a journal is many times as fast as to check its lines one by one, which is what whoever has a proof need not do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.record.reader import CHUNK

VERSION = 4
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """Offsets in a journal, 0 for none."""

    good: int = 0
    """Up to here it is the undamaged lines that were written, each where it belongs."""
    changed: int = 0
    """Up to here the tally knows it otherwise."""


def proof_of(journal: Path, cache: Path) -> Proof:
    """Without looking at a line; proves nothing where the tally is none, or of a longer journal than this copy."""
    try:
        facts, _ = sealed(cache)
        offset = int(facts["offset"])
        if offset > journal.stat().st_size:
            return Proof()
        if hash_of_prefix(journal, offset).hexdigest() != facts["journal"]:
            return Proof(changed=offset)
        return Proof(good=offset if facts["belonging"] and facts["damaged"] == 0 else 0)
    except (OSError, ValueError, KeyError, TypeError):
        return Proof()


def sealed(cache: Path) -> tuple[dict[str, Any], bytearray]:
    """The facts and the states in a tally's file. OSError when it cannot be read, ValueError, KeyError or TypeError
    when it is none, its seal is wrong or another version wrote it; what it says of the journal is not looked at."""
    with cache.open("rb") as file:
        head = file.readline()
        states = bytearray(file.read())
    seal = bytes(states[-HASH_BYTES:])
    del states[-HASH_BYTES:]
    if blake3(head).update(states).digest() != seal:
        raise ValueError("its seal is wrong")
    facts = json.loads(head)
    if facts["tally"] != VERSION:
        raise ValueError(f"it is of version {facts['tally']}")
    return facts, states


def hash_of_prefix(journal: Path, size: int) -> blake3:
    """Read, not mapped: mapped pages would count as this process's memory, as large as the journal."""
    hasher = blake3()
    buffer = memoryview(bytearray(CHUNK))
    with journal.open("rb", buffering=0) as file:
        while size and (count := file.readinto(buffer[: min(size, CHUNK)])):
            hasher.update(buffer[:count])
            size -= count
    return hasher
