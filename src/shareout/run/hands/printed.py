"""What a worker's jobs print: the slot's files under descriptors 1 and 2, emptied when a job has ended.

A file a stream and not one for both: a journal tells outputs apart by their hashes, a log by its words. How lines of
the two were mingled is lost by that; whoever needs it has the job write both on one (`2>&1`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from blake3 import blake3

from shareout.fields import dataclass
from shareout.record.outcome import Imprint, Stream
from shareout.run.hands.messages import message
from shareout.run.output.aside import set_aside
from shareout.world import world

# Larger outputs, both together, do not travel through the pipe.
INLINE_BYTES = 64 << 10
STEP = 1 << 20
# Bytes of a hash that are kept.
HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Printed:
    """What one attempt has printed, and the message that brings it."""

    brought: bytes = b""
    out: Imprint | None = None
    err: Imprint | None = None


NOTHING = Printed()


def open_outputs(outputs: Mapping[Stream, Path]) -> None:
    """Descriptors 1 and 2 → the slot's files. Appended to, so that two writers never overwrite each other."""
    for stream, path in outputs.items():
        # To read as well: what was printed is read back by the descriptor, wherever the name leads by then.
        handle = world.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o644)
        if handle != stream.number:
            world.dup2(handle, stream.number)
            world.close(handle)


def take_printed(job: int, attempt: int, outputs: Mapping[Stream, Path]) -> Printed:
    """What stands in the slot's files, which are empty then."""
    # By the sizes. Our offset does not move with what a program writes that has opened /dev/stdout for itself.
    out, err = world.fstat(1).st_size, world.fstat(2).st_size
    if not out and not err:
        return NOTHING
    facts: dict[str, object] = {"job": job, "try": attempt}
    # Both or none of them is set aside: they are moved in the order in which they come.
    if out + err <= INLINE_BYTES:
        return Printed(out=_read(1, out, "out", facts), err=_read(2, err, "err", facts), brought=message("O", facts))
    imprints = [_imprint_of_file(number, size) if size else None for number, size in ((1, out), (2, err))]
    for (stream, path), imprint in zip(outputs.items(), imprints, strict=True):
        if imprint:
            facts[stream] = str(set_aside(path, job, attempt, stream))
    open_outputs(outputs)
    return Printed(message("F", facts), *imprints)


def _read(number: int, size: int, word: str, facts: dict[str, object]) -> Imprint | None:
    """A small one, into the facts of its message."""
    if not size:
        return None
    data = world.pread(number, size, 0)
    empty(number)
    # JSON is text: bytes that are none travel as surrogates, and are the same bytes again in the log.
    facts[word] = data.decode("utf-8", "surrogateescape")
    return Imprint(len(data), kept_hash(blake3(data)))


def empty(number: int) -> None:
    """What stood there has been read."""
    world.ftruncate(number, 0)
    world.lseek(number, 0, os.SEEK_SET)


def _imprint_of_file(handle: int, size: int) -> Imprint:
    hashed, at = blake3(), 0
    while at < size and (data := world.pread(handle, min(STEP, size - at), at)):
        hashed.update(data)
        at += len(data)
    return Imprint(size, kept_hash(hashed))


def kept_hash(hashed: blake3) -> str:
    """As much of it as a record keeps."""
    return hashed.hexdigest(length=HASH_BYTES)
