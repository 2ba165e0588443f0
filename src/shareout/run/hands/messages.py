"""What a worker sends up its pipe or its ring, and how the parent reads it.

A line that begins with `{` is the journal line of a job that is done at its first try; the parent appends it
as it is. Lines that begin with `!` are messages: `!{` the journal line of any other attempt, `!A` a Python job
that did not end well, `!I` why a worker can run nothing, `!L` a log record, `!O` what a job printed, by streams, `!F`
where that was set aside, for it is large, `!N` where a batch that was taken back ends. What was written is in the
parent's pipe, or in memory that is the parent's too: no death of the worker takes it back. A zero byte in the pipe is
part of no line: it wakes the parent, who finds lines in the ring.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from shareout.world import world


def send(up: int, data: bytes) -> None:
    """All of it, however large. BrokenPipeError when the parent is gone."""
    while data:
        # A signal that comes in the middle of a write ends it there: it has then taken less than all.
        data = data[world.write(up, data) :]


def message(kind: str, facts: Mapping[str, object]) -> bytes:
    """One line: `kind` is one letter of those above, `facts` are JSON."""
    # JSON in ASCII has no newline of its own: whatever was printed or said, a message is one line.
    return b"!%b%b\n" % (kind.encode("ascii"), json.dumps(facts).encode("ascii"))


def parse_message(line: bytes) -> tuple[str, Mapping[str, Any]]:
    """`!A{…}` → ("A", facts)."""
    return chr(line[1]), json.loads(line[2:])


def not_begun(serial: int, position: int) -> bytes:
    """The batch of this number ends before a position; the parent takes back what is behind."""
    return message("N", {"serial": serial, "pos": position})


def refuse(tell: Callable[[bytes], None], down: int, said: str, trace: str) -> None:
    """Nothing can be run here: the parent is told, and its end is waited for."""
    tell(message("I", {"job": -1, "try": 0, "said": said, "trace": trace}))
    # It stays: a worker that ended here would be replaced, and the next one have the same to say.
    while world.read(down, 4096):
        pass
