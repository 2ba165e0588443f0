"""Position ↔ place of a phase of at most 4,096 jobs: a list of its places, shuffled.

Fisher-Yates with unbiased draws from the phase's stream, so that every order is as likely as any other; the network
of the large phases is too even where there are few jobs. `docs/algorithm.md` specifies it with test vectors.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from struct import unpack

# So that draws of two bytes do: with up to 4096 places left at most one in sixteen is passed over, with 33,000 nearly
# half would be. It is a part of the algorithm, and another limit would be another shuffle.
LONGEST = 4096
WORDS = 1 << 16


class ShuffledList:
    """`stream` gives so many of the stream's first bytes."""

    def __init__(self, stream: Callable[[int], bytes], size: int) -> None:
        self.size = size
        # Two bytes a place: a pool may have millions of small phases, and many of them are kept.
        self._places = array("H", _shuffled(stream, size))
        self._positions: array[int] | None = None

    def at(self, position: int) -> int:
        """By the list."""
        if not 0 <= position < self.size:
            raise IndexError(position)
        return self._places[position]

    def position_of(self, place: int) -> int:
        """By a second list, made when this is first asked."""
        if not 0 <= place < self.size:
            raise IndexError(place)
        if self._positions is None:
            self._positions = array("H", sorted(range(self.size), key=self._places.__getitem__))
        return self._positions[place]

    def between(self, start: int, stop: int) -> Iterator[int]:
        """A stretch of the list."""
        return iter(self._places[start:stop])

    def places_at(self, positions: Sequence[int]) -> list[int]:
        """By the list."""
        return list(map(self._places.__getitem__, positions))

    def prepare(self) -> None:
        """The list is there from the start."""
        return

    @property
    def held_bytes(self) -> int:
        """Of both lists, whether the second is made or not."""
        return 500 + 4 * self.size


def _shuffled(stream: Callable[[int], bytes], size: int) -> list[int]:
    """Words that would favour some places over others are passed over: mostly one in thirty."""
    enough = size + size // 16 + 16
    while True:
        places, left = list(range(size)), size
        if left < 2:
            return places
        for word in unpack(f"<{enough}H", stream(2 * enough)):
            chosen = word % left
            # The same as v < ⌊65536 / i⌋ · i in docs/algorithm.md, with one division less.
            if word - chosen + left <= WORDS:
                left -= 1
                places[left], places[chosen] = places[chosen], places[left]
                if left < 2:
                    return places
        enough *= 2
