"""Position ↔ place of a large phase: a permutation of 0…n-1 that tells one value at a time, in constant memory.

An unbalanced Feistel network over a×b ≥ n pairs with cycle walking. A list of 10^9 places would not fit, and
Python's own shuffle may change between versions. `docs/algorithm.md` specifies it with test vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import isqrt

# A random-looking order takes three; three more cost a look-up and an addition each, where there are tables. Another
# number is another shuffle.
ROUNDS = 6
KEY_BYTES = 16 * ROUNDS
MASK = (1 << 64) - 1
MIX = 0xBF58476D1CE4E5B9
# Up to here the round functions fit in small tables, and a position costs a fifth: 6 × 65,536 entries at most.
MOST_TABLED = 1 << 16
CHUNK = 4096


class Network:
    """For a phase of any size; its keys are the first bytes of the phase's stream."""

    def __init__(self, stream: bytes, size: int) -> None:
        self.size = size
        # Not a power of two: a × b is then less than √n + 1 above n, and hardly any place has to be walked on from. To
        # walk on, and not to take a remainder, is what keeps it a bijection.
        self._rows = isqrt(size - 1) + 1 if size else 1
        self._columns = -(-size // self._rows) if size else 1
        self._keys = round_keys(stream)
        self._tables: list[list[int]] = []
        self._row_of: list[int] = []
        self._column_of: list[int] = []
        self._asked = 0

    def at(self, position: int) -> int:
        """The place in the phase of the job at a position."""
        if not 0 <= position < self.size:
            raise IndexError(position)
        # Unrolled, for it is asked for every job of a phase that has no tables; `position_of` has the same as a loop.
        (k0, m0), (k1, m1), (k2, m2), (k3, m3), (k4, m4), (k5, m5) = self._keys
        rows, columns, size, mask, mix = self._rows, self._columns, self.size, MASK, MIX
        place = position
        while True:
            left, right = divmod(place, columns)
            t = (right + k0) * m0 & mask
            left = (left + (((t ^ t >> 32) * mix & mask) >> 16)) % rows
            t = (left + k1) * m1 & mask
            right = (right + (((t ^ t >> 32) * mix & mask) >> 16)) % columns
            t = (right + k2) * m2 & mask
            left = (left + (((t ^ t >> 32) * mix & mask) >> 16)) % rows
            t = (left + k3) * m3 & mask
            right = (right + (((t ^ t >> 32) * mix & mask) >> 16)) % columns
            t = (right + k4) * m4 & mask
            left = (left + (((t ^ t >> 32) * mix & mask) >> 16)) % rows
            t = (left + k5) * m5 & mask
            right = (right + (((t ^ t >> 32) * mix & mask) >> 16)) % columns
            place = left * columns + right
            if place < size:
                return place

    def position_of(self, place: int) -> int:
        """The inverse of `at`."""
        if not 0 <= place < self.size:
            raise IndexError(place)
        position = place
        while True:
            left, right = divmod(position, self._columns)
            for number in range(ROUNDS - 1, -1, -1):
                if number % 2:
                    right = (right - _mixed(left, *self._keys[number])) % self._columns
                else:
                    left = (left - _mixed(right, *self._keys[number])) % self._rows
            position = left * self._columns + right
            if position < self.size:
                return position

    def between(self, start: int, stop: int) -> Iterator[int]:
        """The places at the positions start … stop-1, in order; much cheaper than one call each."""
        # Tables cost six round functions a row, and a position without them six as well: they are worth it from as many
        # positions as there are rows. Who looks at one job of a huge pool does not wait for them.
        if stop - start > self._rows:
            self.prepare()
        chunks = (self.chunk(low, min(low + CHUNK, stop)) for low in range(start, stop, CHUNK))
        return chain.from_iterable(chunks)

    def chunk(self, start: int, stop: int) -> list[int]:
        """The same as a list, for a short stretch."""
        if not self._tables:
            return list(map(self.at, range(start, stop)))
        t0, t1, t2, t3, t4, t5 = self._tables
        row_of, column_of, columns, size = self._row_of, self._column_of, self._columns, self.size
        places: list[int] = []
        append = places.append
        # Row by row: what follows one another there needs no division.
        row, first = divmod(start, columns)
        left_over = stop - start
        while left_over > 0:
            end = min(columns, first + left_over)
            for right, step in enumerate(t0[first:end], first):
                left = row_of[row + step]
                right = column_of[right + t1[left]]
                left = row_of[left + t2[right]]
                right = column_of[right + t3[left]]
                left = row_of[left + t4[right]]
                place = left * columns + column_of[right + t5[left]]
                append(place if place < size else self._places((place,))[0])
            left_over -= end - first
            row, first = row + 1, 0
        return places

    def places_at(self, positions: Sequence[int]) -> list[int]:
        """The same for any positions, which must be there. Who asks often is soon answered faster."""
        self._asked += len(positions)
        if self._asked > self._rows:
            self.prepare()
        return self._places(positions)

    def _places(self, positions: Iterable[int]) -> list[int]:
        if not self._tables:
            return list(map(self.at, positions))
        t0, t1, t2, t3, t4, t5 = self._tables
        row_of, column_of, columns, size = self._row_of, self._column_of, self._columns, self.size
        places: list[int] = []
        append = places.append
        for place in positions:
            while True:
                left, right = divmod(place, columns)
                left = row_of[left + t0[right]]
                right = column_of[right + t1[left]]
                left = row_of[left + t2[right]]
                right = column_of[right + t3[left]]
                left = row_of[left + t4[right]]
                place = left * columns + column_of[right + t5[left]]
                if place < size:
                    append(place)
                    break
        return places

    def prepare(self) -> None:
        """Make now what `between` would make: before workers are forked."""
        if not self._tables and self._rows <= MOST_TABLED:
            # Sum → remainder: to look it up takes a third of the time of a division.
            self._row_of, self._column_of = list(range(self._rows)) * 2, list(range(self._columns)) * 2
            self._tables = self._make_tables()

    @property
    def held_bytes(self) -> int:
        """With its tables, which only `prepare` makes."""
        # 36: a pointer of 8 bytes, and an integer of 28, as CPython has them; and two for each remainder.
        return 1000 + ((36 * ROUNDS + 2 * 44) * self._rows if self._rows <= MOST_TABLED else 0)

    def _make_tables(self) -> list[list[int]]:
        return [
            [_mixed(value, key, factor) % self._columns for value in range(self._rows)]
            if number % 2
            else [_mixed(value, key, factor) % self._rows for value in range(self._columns)]
            for number, (key, factor) in enumerate(self._keys)
        ]


def _mixed(value: int, key: int, factor: int) -> int:
    """The round function: 48 bits out of 64, so that the remainder's bias stays under 2^-18 for 10^18 jobs."""
    t = (value + key) * factor & MASK
    return ((t ^ t >> 32) * MIX & MASK) >> 16


def round_keys(stream: bytes) -> list[tuple[int, int]]:
    """What is added and what is multiplied by in each round; the factors are odd."""
    numbers = [int.from_bytes(stream[at : at + 8], "little") for at in range(0, KEY_BYTES, 8)]
    # Odd, for an even factor would lose the highest bit: two values would be mixed alike.
    return [(numbers[2 * number], numbers[2 * number + 1] | 1) for number in range(ROUNDS)]
