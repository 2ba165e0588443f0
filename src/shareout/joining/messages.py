"""What goes between a run and its liaison: a call of the store's, and what came of it; a frame each, in a pipe.

<8 bytes: how long the words are, how long the body is> <the words, as JSON> <the body, as it is>
"""

from __future__ import annotations

import json
import struct
from typing import Any

from shareout.fields import dataclass
from shareout.world import world

FRAME = struct.Struct("<II")
READ = 1 << 16
NEWS = 0
"""The number of an answer to no call: something was asked of all hosts."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call, with a number by which its answer is known."""

    number: int
    call: str
    words: tuple[Any, ...] = ()
    body: bytes = b""

    def frame(self) -> bytes:
        """As it goes through the pipe."""
        return _frame([self.number, self.call, self.words], self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call."""

    number: int
    began: float
    """The moment before it, by CLOCK_BOOTTIME."""
    told: Any = None
    """What it gave back, but for bytes."""
    body: bytes | None = None
    """The bytes that it gave back; None: there were none."""
    away: str = ""
    """Why nobody knows what became of it, in words."""
    refusal: tuple[int, str, str] | None = None
    """With which exit code it is refused for good, why, and what to do about it."""

    def frame(self) -> bytes:
        """As it goes through the pipe."""
        words = [self.number, self.began, self.told, self.body is not None, self.away, self.refusal]
        return _frame(words, self.body or b"")


class Inbox:
    """Bytes of a pipe → whole frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def requests(self, data: bytes) -> list[Request]:
        """Those that these bytes complete."""
        return [Request(words[0], words[1], tuple(words[2]), body) for words, body in self._frames(data)]

    def answers(self, data: bytes) -> list[Answer]:
        """The same, in the other direction."""
        return [
            Answer(number, began, told, body if has_body else None, away, refusal=refusal and tuple(refusal))
            for (number, began, told, has_body, away, refusal), body in self._frames(data)
        ]

    def _frames(self, data: bytes) -> list[tuple[list[Any], bytes]]:
        self._bytes += data
        found = []
        at = 0
        while len(self._bytes) - at >= FRAME.size:
            words, body = FRAME.unpack_from(self._bytes, at)
            begin = at + FRAME.size
            if len(self._bytes) - begin < words + body:
                break
            middle, at = begin + words, begin + words + body
            found.append((json.loads(self._bytes[begin:middle]), bytes(self._bytes[middle:at])))
        del self._bytes[:at]
        return found


def send(handle: int, frame: bytes) -> None:
    """All of it. BrokenPipeError when nobody is at the other end."""
    sent = 0
    while sent < len(frame):
        sent += world.write(handle, frame[sent:])


def _frame(words: list[Any], body: bytes) -> bytes:
    told = json.dumps(words, separators=(",", ":")).encode("ascii")
    return FRAME.pack(len(told), len(body)) + told + body
