"""The inputs → one BLAKE3: what every machine compares before it starts.

A file's own hash is plain BLAKE3, the same as `b3sum` prints. The digest covers the role, size and hash of
every input that decides who runs what, never a name, a path or a time stamp. `docs/algorithm.md` has the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from shareout.errors import cannot_read
from shareout.fields import dataclass
from shareout.pool import InputFile
from shareout.pool.compressed import text_of

# A context for each use: the same inputs never give the same hash for two of them, so that a pool digest that gets
# where a plan's belongs is refused, and not taken for another plan.
DIGEST_CONTEXT = "shareout 2 plan digest"
POOL_CONTEXT = "shareout 2 pool digest"
WORK_CONTEXT = "shareout 2 work hash"
PARALLEL_BYTES = 1 << 20
# The letter of each job; lines that are none, `#` and `/` among them, stay as they are.
_STATES = re.compile(rb"^(\xef\xbb\xbf)?[^#/\n](?=[ \t])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HashedInput:
    """One row of the table that `plan` prints; `path` is empty for what comes from settings or flags."""

    role: str
    path: str
    size: int
    blake3: bytes


def hash_input(one: InputFile) -> HashedInput:
    """Of a pool's file, as it is now or as it was when it was opened."""
    if one.hash is not None:
        return HashedInput(one.role, str(one.path), one.hash.size, one.hash.blake3)
    return (hash_without_states if one.has_states else hash_file)(one.role, one.path)


def hash_file(role: str, path: Path) -> HashedInput:
    """Mapped and hashed on all cores when the file is large enough to gain from it. Of a compressed one, the text."""
    text = text_of(path)
    try:
        size = text.stat().st_size
        hasher = blake3(max_threads=blake3.AUTO) if size >= PARALLEL_BYTES else blake3()
        hasher.update_mmap(text)
    except OSError as error:
        raise cannot_read(path, error) from error
    return HashedInput(role, str(path), size, hasher.digest())


def hash_without_states(role: str, path: Path) -> HashedInput:
    """A runs.txt as if none of its jobs had been run: each line begins with `.`."""
    hasher, size = blake3(), 0
    try:
        with path.open("rb") as file:
            # Whole lines: where a block ends within one, the next block would seem to begin with a letter of a state.
            # About a megabyte of them at a time, for a file of ten million lines is not held.
            while lines := file.readlines(PARALLEL_BYTES):
                data = without_states(b"".join(lines))
                hasher.update(data)
                size += len(data)
    except OSError as error:
        raise cannot_read(path, error) from error
    return HashedInput(role, str(path), size, hasher.digest())


def without_states(lines: bytes) -> bytes:
    """Lines of a runs.txt, each as of a job that was never run."""
    return _STATES.sub(rb"\1.", lines)


def hash_text(role: str, content: bytes) -> HashedInput:
    """Of what comes from settings or flags, with no file of its own."""
    return HashedInput(role, "", len(content), blake3(content).digest())


def digest_of(kind: str, inputs: Sequence[HashedInput], context: str = DIGEST_CONTEXT) -> bytes:
    """The kind of pool, then roles, sizes and hashes in the given order, each in a frame of known length."""
    hasher = blake3(derive_key_context=context)
    hasher.update(_framed(kind))
    # The hash of each file and not its bytes one after the other: who has `b3sum` can check a row of `plan` by itself,
    # and find which file is another one.
    for one in inputs:
        hasher.update(_framed(one.role) + one.size.to_bytes(8, "little") + one.blake3)
    return hasher.digest()


def _framed(word: str) -> bytes:
    # A length before each word, not a sign between two: no two lists of inputs make the same bytes.
    encoded = word.encode()
    return len(encoded).to_bytes(4, "little") + encoded
