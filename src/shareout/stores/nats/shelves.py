"""Shipped files: a file is the messages of one subject, one piece behind the other, each with its place in it.

The server takes a piece only behind the very message that was seen as the last one, so that of two who ship at once one
is told to look again, and a piece that is sent twice stands there once.
"""

from __future__ import annotations

from shareout.fields import dataclass
from shareout.stores.nats import streams
from shareout.stores.nats.wire import Line

PIECE = 64_000
"""Bytes of a message: an answer to it is waited for only so long, also on a slow line."""
KEPT = 512
"""Files of which it is known where what was read last ended."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A message of a file."""

    number: int
    at: int
    end: int


class Shelves:
    """All files of a ledger, by their subjects. What it remembers of them is true for ever: nothing is taken away."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._last: dict[str, _Spot] = {}
        self._read: dict[str, _Spot] = {}

    def length(self, line: Line, subject: str) -> int:
        """Looked at now."""
        return self._end(line, subject).end

    def _end(self, line: Line, subject: str) -> _Spot:
        found = streams.last(line, self.stream, subject)
        spot = _Spot(found.number, found.at, found.at + len(found.data)) if found else _Spot(0, 0, 0)
        _remember(self._last, subject, spot)
        return spot

    def grow(self, line: Line, subject: str, offset: int, data: bytes) -> int:
        """What of it is not there yet is put behind what is."""
        spot = self._last.get(subject) or self._end(line, subject)
        if offset <= spot.end < offset + len(data):
            spot = self._pieces(line, subject, spot, data[spot.end - offset :])
        elif not data or spot.end < offset:
            spot = self._end(line, subject)
        return spot.end

    def _pieces(self, line: Line, subject: str, spot: _Spot, data: bytes) -> _Spot:
        while data:
            piece, data = data[:PIECE], data[PIECE:]
            number = streams.put(line, subject, piece, behind=spot.number, at=spot.end)
            if number is None:
                # Somebody else was first, or we were, before the answer was lost: who asks again goes on from there.
                return self._end(line, subject)
            spot = _Spot(number, spot.end, spot.end + len(piece))
            _remember(self._last, subject, spot)
        return spot

    def forget(self) -> None:
        """After an answer that was lost."""
        self._last.clear()

    def piece(self, line: Line, subject: str, offset: int, most: int) -> bytes:
        """From there on; up to so many bytes."""
        spot = self._read.get(subject)
        if spot is None or not spot.at <= offset <= spot.end:
            spot = self._spot_before(line, subject, offset)
        told = b""
        number = spot.number if spot.at <= offset < spot.end else spot.number + 1
        while len(told) < most:
            found = streams.following(line, self.stream, subject, number)
            if found is None:
                break
            _remember(self._read, subject, _Spot(found.number, found.at, found.at + len(found.data)))
            # One that leaves a gap was put by nobody of ours.
            if not found.at <= offset + len(told) <= found.at + len(found.data):
                break
            told += found.data[offset + len(told) - found.at :]
            number = found.number + 1
        return told[:most]

    def _spot_before(self, line: Line, subject: str, offset: int) -> _Spot:
        """The message in which a place lies, found by halving; or what comes before the first."""
        low, high = 1, self._end(line, subject).number
        spot = _Spot(0, 0, 0)
        while low <= high:
            middle = (low + high) // 2
            found = streams.following(line, self.stream, subject, middle)
            if found is None or found.at > offset:
                high = middle - 1
            else:
                spot = _Spot(found.number, found.at, found.at + len(found.data))
                low = found.number + 1
        return spot


def _remember(known: dict[str, _Spot], subject: str, spot: _Spot) -> None:
    known.pop(subject, None)
    known[subject] = spot
    if len(known) > KEPT:
        del known[next(iter(known))]
