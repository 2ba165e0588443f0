"""What a worker sends up its pipe, and how the parent reads it.

A line that begins with `{` is the journal line of a job that is done at its first try; the parent appends it
as it is. Lines that begin with `!` are messages: `!{` the journal line of any other attempt, `!A` a Python job
that did not end well, `!I` why a worker can run nothing, `!L` a log record, `!O` what a job printed, `!F` a large
output set aside, `!N` where a batch that was taken back ends. What was written is in the parent's pipe: no death
of the worker takes it back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shareout.run.output.aside import set_aside
from shareout.world import world

# Larger outputs do not travel through the pipe.
INLINE_BYTES = 64 << 10


def send(up: int, data: bytes) -> None:
    """All of it, however large. BrokenPipeError when the parent is gone."""
    while data:
        data = data[world.write(up, data) :]


def message(kind: str, facts: Mapping[str, object]) -> bytes:
    """One line: `kind` is one letter of those above, `facts` are JSON."""
    return b"!%b%b\n" % (kind.encode("ascii"), json.dumps(facts).encode("ascii"))


def parse_message(line: bytes) -> tuple[str, Mapping[str, Any]]:
    """`!A{…}` → ("A", facts)."""
    return chr(line[1]), json.loads(line[2:])


def not_begun(serial: int, position: int) -> bytes:
    """The batch of this number ends before a position; the parent takes back what is behind."""
    return message("N", {"serial": serial, "pos": position})


def output_message(job: int, attempt: int, size: int, path: Path) -> bytes:
    """What stands in the slot's file, which is descriptor 1: the message that brings it. The file is empty then."""
    if size <= INLINE_BYTES:
        text = world.pread(1, size, 0).decode("utf-8", "surrogateescape")
        world.ftruncate(1, 0)
        world.lseek(1, 0, os.SEEK_SET)
        return message("O", {"job": job, "try": attempt, "text": text})
    aside = set_aside(path, job, attempt)
    reopen(path)
    return message("F", {"job": job, "try": attempt, "path": str(aside)})


def refuse(up: int, down: int, said: str, trace: str) -> None:
    """Nothing can be run here: the parent is told, and its end is waited for."""
    send(up, message("I", {"job": -1, "try": 0, "said": said, "trace": trace}))
    while world.read(down, 4096):
        pass


def reopen(path: Path) -> None:
    """Descriptors 1 and 2 → the slot's file. Appended to, so that two writers never overwrite each other."""
    handle = world.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o644)
    for number in (1, 2):
        if handle != number:
            world.dup2(handle, number)
    if handle > 2:
        world.close(handle)
