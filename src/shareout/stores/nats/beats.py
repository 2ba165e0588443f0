"""Beats: the last message of a subject each, in the server's memory: they cost no disk, and go with it."""

from __future__ import annotations

import os

from shareout.ledger.store import LONGEST_BEAT
from shareout.stores.nats import streams
from shareout.stores.nats.spelling import meant, spelled
from shareout.stores.nats.wire import Line, Nobody

HEADERS = 200
"""Bytes that headers add to a message."""


class Beats:
    """Of all hosts of a ledger."""

    def __init__(self, prefix: str) -> None:
        self.stream = prefix
        self._own, self._said = "", b""
        self._last = os.urandom(1).hex()
        """After which name the next look goes on, of every host in another order."""

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
        found: dict[str, bytes] = {}
        names = sorted(self._names(line))
        after = [name for name in names if name > self._last]
        chosen = (after + names[: len(names) - len(after)])[:most]
        for name in chosen:
            if stored := streams.last(line, self.stream, self.subject(name)):
                found[name] = stored.data
        if chosen:
            self._last = chosen[-1]
        if self._own and (stored := streams.last(line, self.stream, self.subject(self._own))):
            found |= {self._own: stored.data} if stored.data != self._said else {}
        return found

    def _names(self, line: Line) -> list[str]:
        listed = streams.subjects(line, self.stream, f"{self.stream}.>")
        known = (meant(subject.removeprefix(f"{self.stream}.")) for subject in listed)
        return [name for name in known if name is not None and name != self._own]
