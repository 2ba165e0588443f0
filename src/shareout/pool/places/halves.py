"""Counts of a file, block by block; of a large one the second half is taken by a process of its own."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence


def in_halves(count: Callable[[int, int], array[int]], chunks: int) -> list[array[int]]:
    """What `count` gives for the first half of so many chunks, and for the second. Early in the program: nothing else
    runs yet."""
    half = chunks // 2
    reader, child = _in_child(lambda: count(half, chunks))
    first = count(0, half)
    second = _received(reader, child)
    # What is wrong with the second half is told here, and not there.
    return [first, second if second is not None else count(half, chunks)]


def added_up(parts: Sequence[array[int]]) -> tuple[array[int], array[int]]:
    """Of counts that come in pairs, block after block: of each of the two how many there are up to a block's end."""
    kept, counted = array("Q"), array("Q")
    kept_so_far = counted_so_far = 0
    for part in parts:
        for at in range(0, len(part), 2):
            kept_so_far += part[at]
            counted_so_far += part[at + 1]
            kept.append(kept_so_far)
            counted.append(counted_so_far)
    return kept, counted


def _in_child(work: Callable[[], array[int]]) -> tuple[int, int]:
    """Fork; the child writes what the work gives into a pipe."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(work().tobytes())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    return reader, child


def _received(reader: int, child: int) -> array[int] | None:
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        return None
    counts = array("Q")
    counts.frombytes(content)
    return counts
