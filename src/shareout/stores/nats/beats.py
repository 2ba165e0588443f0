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
FEW, EACH_S, LIST_S = 64, 0.01, 10.0
"""Of more hosts than that each looks at others only so often, by how many they are: all together look as often as a
hundred do, and one that has just come is seen some seconds later."""


class Beats:
    """Of all hosts of a ledger."""

    def __init__(self, prefix: str) -> None:
        self.stream = prefix
        self._own, self._said = "", b""
        self._last = os.urandom(1).hex()
        """After which name the next look goes on, of every host in another order."""
        self._known: list[str] = []
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
        if now < self._next:
            return {}
        if now >= self._next_list:
            self._known = sorted(self._names(line))
            self._next_list = now + LIST_S * self._are_many
        self._next = now + len(self._known) * EACH_S * self._are_many
        wanted = [*self._next_of(most), *filter(None, [self._own])]
        subjects = {self.subject(name): name for name in wanted}
        found = {subjects[subject]: data for subject, data in streams.last_of(line, self.stream, [*subjects]).items()}
        if found.get(self._own) == self._said:
            found.pop(self._own, None)
        return found

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
