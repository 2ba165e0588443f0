"""Position ↔ place in each phase of a plan: a keyed permutation, or none with `[run] order = given`.

Permutations are made when they are asked for, and those made last are kept: a pool may have millions of phases.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Protocol

from blake3 import blake3

from shareout.choices import Order
from shareout.plan.network import KEY_BYTES, Network
from shareout.plan.shuffled_list import LONGEST, ShuffledList

CONTEXT = "shareout 2 permutation"
MOST_KEPT_BYTES = 64 << 20


class Permutation(Protocol):
    """Of 0…size-1; counted from the first job of the phase. IndexError for what is outside."""

    size: int

    def at(self, position: int) -> int:
        """The place in the phase of the job at a position."""

    def position_of(self, place: int) -> int:
        """The inverse of `at`."""

    def between(self, start: int, stop: int) -> Iterator[int]:
        """The places at the positions start … stop-1, in order; much cheaper than one call each."""

    def places_at(self, positions: Sequence[int]) -> list[int]:
        """The places at any positions, which must be there."""

    def prepare(self) -> None:
        """Make now what makes `between` cheap."""

    @property
    def held_bytes(self) -> int:
        """How much memory it takes, about, when it is prepared."""


class InOrder:
    """A position is its place."""

    held_bytes = 100

    def __init__(self, size: int) -> None:
        self.size = size

    def at(self, position: int) -> int:
        """The position itself."""
        if not 0 <= position < self.size:
            raise IndexError(position)
        return position

    position_of = at

    def between(self, start: int, stop: int) -> Iterator[int]:
        """The positions themselves."""
        return iter(range(start, stop))

    def places_at(self, positions: Sequence[int]) -> list[int]:
        """A list of its own, which the caller may change."""
        return list(positions)

    def prepare(self) -> None:
        """Nothing has to be made."""
        return


class Permutations:
    """Of all phases of a plan, by number."""

    def __init__(self, digest: bytes, sizes: Sequence[int], order: str) -> None:
        self._sizes = sizes
        self._order = order
        self._keyed = blake3(digest, derive_key_context=CONTEXT)
        self._kept: OrderedDict[int, Permutation] = OrderedDict()
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, phase: int) -> Permutation:
        found = self._kept.get(phase)
        if found is None:
            found = self._kept[phase] = self._make(phase)
            self._held_bytes += found.held_bytes
            # The one made first goes, and not the one used least: phases are run one after the other, so that it is
            # over as a rule, and to note each use would cost every position. One that is larger than all the room stays
            # as long as it is the last: else each position would make it anew.
            while self._held_bytes > MOST_KEPT_BYTES and len(self._kept) > 1:
                self._held_bytes -= self._kept.popitem(last=False)[1].held_bytes
        return found

    def prepare(self) -> None:
        """Do now what is long: the tables of as many large phases as are kept."""
        held_bytes = 0
        for phase, size in enumerate(self._sizes):
            if size > LONGEST:
                permutation = self[phase]
                held_bytes += permutation.held_bytes
                # More than are kept would push out those made first, before a single position of them was asked for.
                if held_bytes > MOST_KEPT_BYTES:
                    return
                permutation.prepare()

    def _make(self, phase: int) -> Permutation:
        size = self._sizes[phase]
        if self._order == Order.GIVEN:
            return InOrder(size)
        keyed = self._keyed.copy()
        keyed.update(phase.to_bytes(4, "little"))
        return ShuffledList(keyed.digest, size) if size <= LONGEST else Network(keyed.digest(KEY_BYTES), size)
