"""Beats: the last message of a subject each, in the server's memory: they cost no disk, and go with it."""

from __future__ import annotations

import os
import time

from shareout.ledger.store import LONGEST_BEAT
from shareout.stores.nats import streams
from shareout.stores.nats.spelling import meant, spelled
from shareout.stores.nats.wire import Line, Nobody

HEADERS = 200
"""Bytes that headers add to a message."""
FEW, MANY, TOGETHER, LIST_S = 64, 1_000, 5_000, 10.0
"""Of more hosts than that each looks at others more seldom, and at more of them at a time, so that all together are
told of so many beats a second; who has just come is seen some seconds later."""


class Beats:
    """Of all hosts of a ledger."""

    def __init__(self, prefix: str) -> None:
        self.stream = prefix
        self._own, self._said = "", b""
        self._last = os.urandom(1).hex()
        """After which name the next look goes on, of every host in another order."""
        self._known: list[str] = []
        self._may_have = 0
        """How many were asked for since they were looked at."""
        self._next = self._next_list = 0.0

    def subject(self, name: str) -> str:
        """Where a host's is."""
        return f"{self.stream}.{spelled(name)}"

    def write(self, line: Line, name: str, text: bytes) -> None:
        """It takes the last one's place."""
        if len(text) > LONGEST_BEAT or b"\n" in text:
            raise ValueError(f"a beat of {len(text)} bytes")
        self._own, self._said = name, text
        try:
            streams.put(line, self.subject(name), text, behind=-1)
        except Nobody:
            # A server that was started anew has forgotten it: of what it had in memory it knows not even the name.
            self.make(line)
            streams.put(line, self.subject(name), text, behind=-1)

    def make(self, line: Line) -> None:
        """Where it is not there."""
        streams.make(line, self.stream, streams.settings_of_beats(self.stream, LONGEST_BEAT + HEADERS))

    def read(self, line: Line, most: int) -> dict[str, bytes]:
        """Of others than who writes here; what somebody else has written under that name is among it."""
        try:
            return self._read(line, most)
        except streams.Refused as error:
            if error.code != streams.NO_STREAM:
                raise
            return {}

    def _read(self, line: Line, most: int) -> dict[str, bytes]:
        now = time.monotonic()
        self._may_have += most
        if now < self._next and most <= MANY:
            return {}
        if now >= self._next_list:
            self._known = sorted(self._names(line))
            self._next_list = now + max(LIST_S, self._rest_s) * self._are_many
        self._next = now + self._rest_s * self._are_many
        wanted = [*self._next_of(self._may_have), *filter(None, [self._own])]
        self._may_have = 0
        subjects = {self.subject(name): name for name in wanted}
        found = {subjects[subject]: data for subject, data in streams.last_of(line, self.stream, [*subjects]).items()}
        if found.get(self._own) == self._said:
            found.pop(self._own, None)
        return found

    @property
    def _rest_s(self) -> float:
        return len(self._known) ** 2 / TOGETHER

    @property
    def _are_many(self) -> bool:
        return len(self._known) > FEW

    def _next_of(self, most: int) -> list[str]:
        """So many, from where the last look ended."""
        after = [name for name in self._known if name > self._last]
        chosen = (after + self._known[: len(self._known) - len(after)])[:most]
        if chosen:
            self._last = chosen[-1]
        return chosen

    def _names(self, line: Line) -> list[str]:
        listed = streams.subjects(line, self.stream, f"{self.stream}.>")
        known = (meant(subject.removeprefix(f"{self.stream}.")) for subject in listed)
        return [name for name in known if name is not None and name != self._own]
