"""The server is looked after: started, asked now and then whether it still writes, and started anew where it does not.

It is held to what hosts want of it: an answer to a write on its disk. One that has died is started again at once, on
the same port; one that lives and does not answer is killed first. What hosts were told is on the disk, and they come
back by themselves; so a restart costs a second, and a server that is wedged costs all of them their lanes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from shareout.errors import CannotStart
from shareout.ledger.store import Away
from shareout.serving.program import ServerProgram
from shareout.stores.nats.store import NatsStore

PULSE_S = 2.0
"""Between two writes."""
HUNG_S = 6.0
"""So long without an answer, and it counts as hung: there are as many seconds more until a fence shuts."""
AGAIN_S = 1.0
"""From a start that failed to the next one."""
FULL_S = 30.0
"""A server that has no room is started anew no more often, and only where its disk has some."""
ROOM = 8 << 20
"""Bytes: it takes nine tenths of what it finds, and says no after that."""
_BROKEN = b"critical write error"
"""In the log of a server, of a stream that is broken until it starts again."""


class Onlooker:
    """Of a server that somebody has: nobody starts it anew from here, but it is told when it does not answer."""

    def __init__(self, said: Callable[[str], None]) -> None:
        self._said = said
        self._next = 0.0
        self._is_away = False

    def look(self, net: NatsStore) -> None:
        """Whenever there is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PULSE_S
        try:
            net.pulse()
        except Away as error:
            if not self._is_away:
                self._said(f"{error}: hosts end what they run, start a little more, and wait")
            self._is_away = True
        else:
            if self._is_away:
                self._said(f"{net.place} takes entries again")
            self._is_away = False

    def end(self) -> None:
        """It goes on, and keeps what it has."""


class Keeper:
    """Of one server on this host."""

    def __init__(self, program: ServerProgram, said: Callable[[str], None]) -> None:
        """Started: CannotStart where that fails."""
        self._program = program
        self._said = said
        self._next = 0.0
        self._answered = time.monotonic()
        self._started = time.monotonic()
        self._complaint = ""
        self._is_broken = False
        program.start()

    def look(self, net: NatsStore) -> None:
        """Whenever there is time. Never raises for what the server does."""
        now = time.monotonic()
        if self._program.is_dead():
            self._start("the server has died")
        elif now >= self._next:
            self._next = now + PULSE_S
            self._feel(net)

    def _feel(self, net: NatsStore) -> None:
        # A stream that met the end of the disk takes nothing more, while others, as that of the pulse, go on.
        self._is_broken |= self._program.has_said(_BROKEN)
        if self._is_broken:
            self._judge("no room")
            return
        try:
            net.pulse()
        except Away as error:
            self._judge(str(error))
        else:
            self._answered = time.monotonic()
            if self._complaint:
                self._complaint = ""
                self._said("the server takes entries again")

    def _judge(self, told: str) -> None:
        now = time.monotonic()
        if "no room" in told:
            self._complain("the disk of the server is full: hosts run on and wait; make room, and they go on")
            self._answered = now
            if (self._is_broken or now - self._started > FULL_S) and self._has_room():
                self._end_and_start("there is room again")
        elif now - self._answered > HUNG_S:
            self._end_and_start("the server does not answer")

    def _end_and_start(self, why: str) -> None:
        self._program.end()
        self._start(why)

    def _start(self, why: str) -> None:
        if time.monotonic() - self._started < AGAIN_S:
            return
        self._started = self._answered = time.monotonic()
        self._is_broken = False
        try:
            self._program.start()
        except CannotStart as error:
            self._complain(f"{why}, and cannot be started: {error.what}")
        else:
            self._said(f"{why}: it is started anew, on the same port")

    def _complain(self, sentence: str) -> None:
        if sentence != self._complaint:
            self._complaint = sentence
            self._said(sentence)

    def _has_room(self) -> bool:
        room = os.statvfs(self._program.log.parent)
        return room.f_bavail * room.f_frsize > ROOM

    def end(self) -> None:
        """What it has is kept."""
        self._program.end()
