"""How the lines of Python jobs come up: in memory that a worker shares with its parent, without a system call a job.
The pipe beside it only wakes the parent.

A few segments, used in turn, that hold nothing but text and zeros behind it. A worker writes line behind line into one
of them, goes on to the next when it is full, and comes to it again when all of it is zeros: the parent has taken what
stood there and wiped it. What stands there is the parent's as well: no death of the worker takes it back.

No number says how far a worker has come, for a line and a number could be seen in the wrong order. Every byte goes from
zero to what it stays, once. So a parent that sees no zero up to a newline sees the line, in whatever order a processor
hands on what was stored; and of a segment in which a worker sees zeros alone nothing is left to be wiped. Only that it
is done with a segment is told by a number, and system calls of both sides stand between that and what it speaks of.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import Any

from shareout.run.hands.messages import send
from shareout.run.hands.shared import Control
from shareout.world import world

SEGMENTS, SEGMENT_BYTES = 4, 256 << 10
# As much as may be looked at in vain behind the last line.
STEP = 32 << 10
# In the pipe: look. It may stand within what others write there, for no line has it.
BELL = b"\0"
FULL_S = 0.0005


class Ring:
    """One a worker, made before it is forked. These are the parent's hands on it."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.segments: list[Any] = [world.shared(SEGMENT_BYTES) for _ in range(SEGMENTS)]
        self._empty = bytes(SEGMENT_BYTES)
        self._number, self._at = 0, 0
        self._is_full = 0

    def look(self) -> None:
        """How many segments the worker is done with. Before the pipe is read, and that before `take`."""
        self._is_full = self.control.filled

    def has_more(self) -> bool:
        """Whether `take` would find anything. A byte is asked, and nothing is copied: of many slots few have said
        something."""
        at = self._at
        return self._number < self._is_full or (at < SEGMENT_BYTES and self.segments[self._number % SEGMENTS][at] != 0)

    def take(self) -> bytes:
        """What has come since the last time; a line may not be whole yet."""
        parts: list[bytes] = []
        while True:
            segment = self.segments[self._number % SEGMENTS]
            while piece := segment[self._at : self._at + STEP]:
                end = piece.find(0)
                parts.append(piece if end < 0 else piece[:end])
                self._at += len(parts[-1])
                if end >= 0:
                    break
            if self._number >= self._is_full:
                return b"".join(parts)
            segment[: self._at] = self._empty[: self._at]
            self._number += 1
            self._at = 0


class RingWriter:
    """The worker's hands. `write` puts one line where there is room for it, else it raises ValueError: then `put` does.

    A line is put by one call that holds Python's own lock (`write` of a mapping, which knows where it is), so that what
    threads of a job log meanwhile stands before it or behind it. A full segment is written up to its end for whoever
    still has its `write`: that raises, whoever has gone on to the next one.
    """

    def __init__(self, ring: Ring, up: int) -> None:
        self._control = ring.control
        self._segments = ring.segments
        self._empty = bytes(SEGMENT_BYTES)
        self._up = up
        self._number = 0
        self._lock = allocate_lock()
        self._thread = get_ident()
        self._is_busy = self._is_left = False
        self.write: Callable[[bytes], object] = self._segments[0].write

    def ring(self) -> None:
        """The parent looks now. BrokenPipeError when it is gone."""
        world.write(self._up, BELL)

    def send(self, data: bytes) -> None:
        """Put it there and have it looked at."""
        self.put(data)
        if not self._is_left:
            self.ring()

    def put(self, data: bytes) -> Callable[[bytes], object]:
        """All of it, however large; what puts the next line."""
        try:
            self.write(data)
        except ValueError:
            self._put_behind(data)
        return self.write

    def leave(self) -> None:
        """In a process that a job has forked: the memory is its parent's to write, and it may say by the pipe what it
        logs."""
        self._is_left = True
        for segment in self._segments:
            segment.seek(0, os.SEEK_END)

    def _put_behind(self, data: bytes) -> None:
        is_main = get_ident() == self._thread
        # A signal's handler that logs, while what it has interrupted is here: it cannot wait for itself.
        if self._is_left or (is_main and self._is_busy):
            send(self._up, data)
            return
        self._is_busy = self._is_busy or is_main
        try:
            with self._lock:
                self._put_in_turn(data)
        finally:
            self._is_busy = self._is_busy and not is_main

    def _put_in_turn(self, data: bytes) -> None:
        try:
            # Another thread may have gone on meanwhile.
            self.write(data)
            return
        except ValueError:
            pass
        for at in range(0, len(data), SEGMENT_BYTES):
            part = data[at : at + SEGMENT_BYTES]
            segment = self._empty_one()
            segment[: len(part)] = part
        # Not before the end of what takes several: no thread can write into the middle of it.
        segment.seek(len(part))
        self.write = segment.write

    def _empty_one(self) -> Any:
        """Into which nobody can write; what an exception of a handler has left half done is gone on with."""
        segment, control = self._segments[self._number % SEGMENTS], self._control
        segment.seek(0, os.SEEK_END)
        # One that is empty is never done with: to the parent it would look like the one that has its turn.
        if control.filled == self._number and segment[0]:
            # Rung before the number is told, and not after it: the system call keeps the order of the two. A parent
            # that is quicker sees the number when it looks next.
            self.ring()
            control.filled = self._number + 1
        if control.filled > self._number:
            segment = self._segments[(self._number + 1) % SEGMENTS]
            while segment[:] != self._empty:
                self.ring()
                world.sleep(FULL_S)
            segment.seek(0, os.SEEK_END)
            self._number += 1
        return segment
