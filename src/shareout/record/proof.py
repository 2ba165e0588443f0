"""What the tally beside journals proves of them: hashes of the bytes that were written, sealed with its own.

A tally is saved by the run itself, so a journal that is not what it says was damaged, or changed by somebody. To hash
a journal is many times as fast as to check its lines one by one, which is what whoever has a proof need not do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.record.reader import CHUNK

VERSION = 6
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """Offsets in a journal, 0 for none."""

    good: int = 0
    """Up to here it is the undamaged lines that were written, each where it belongs."""
    changed: int = 0
    """Up to here the tally knows it otherwise."""


def proofs_of(folder: RunFolder) -> dict[str, Proof]:
    """Of each of its journals that the tally knows, by their names, without looking at a line. Of one that is longer
    than this copy it proves nothing."""
    try:
        facts, _ = sealed(folder.tally)
        return {
            name: _proof(folder.path / name, offset, told, is_whole=facts["belonging"] and damaged == 0)
            for name, (offset, _, damaged, told) in facts["journals"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _proof(journal: Path, offset: int, told: str, *, is_whole: bool) -> Proof:
    try:
        if offset > journal.stat().st_size:
            return Proof()
        if hash_of_prefix(journal, offset).hexdigest() != told:
            return Proof(changed=offset)
    except OSError:
        return Proof()
    return Proof(good=offset if is_whole else 0)


def sealed(cache: Path) -> tuple[dict[str, Any], bytearray]:
    """The facts and the states in a tally's file. OSError when it cannot be read, ValueError, KeyError or TypeError
    when it is none, its seal is wrong or another version wrote it; what it says of the journal is not looked at."""
    with cache.open("rb") as file:
        head = file.readline()
        states = bytearray(file.read())
    seal = bytes(states[-HASH_BYTES:])
    del states[-HASH_BYTES:]
    # It is written without a sync, so that a power cut may leave any part of it: only a hash of all tells.
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
