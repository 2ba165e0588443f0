"""The Supply contract: where the crew gets its next range of positions, and whom it tells when one is finished.

The crew does not know where work comes from. The static share is one supply; claims in a shared directory and
an engine's tasks are others. Positions are the plan's, over all phases; a supply never hands out one that the
journal already counts as final.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from shareout.fields import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """A contiguous range of positions to run, in order: start … stop-1."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def without(self, apart: Collection[int]) -> Iterator[Work]:
        """The stretches between these positions."""
        start = self.start
        for position in sorted(apart):
            if start <= position < self.stop:
                if start < position:
                    yield Work(start, position)
                start = position + 1
        if start < self.stop:
            yield Work(start, self.stop)


class Supply(Protocol):
    """All calls come from the crew's own thread."""

    lost: str
    """Why nothing more will come although there is work left, in words; empty until then."""

    def next(self, limit: int) -> Work | None:
        """The next range of at most `limit` positions; None when nothing can be had now."""

    def give_back(self, work: Work) -> None:
        """Positions that were handed out but not begun; they are handed out again, before anything new."""

    def finished(self, work: Work) -> None:
        """Every position of the range has its final outcome in the journal."""

    def pass_on(self, position: int) -> bool:
        """Whether its next try is another machine's: then it is in this one's hands no more."""

    def is_exhausted(self) -> bool:
        """True when nothing is left to hand out, now or later."""

    def left(self) -> int:
        """How many positions are not handed out yet."""
