"""The lines of one chunk of a journal as columns, for a tally that folds them in all at once.

Nine of ten records are first tries that are done. Made into an Attempt each, they would take most of the time that a
journal of ten million lines takes; as columns, what is asked of them is asked by loops that run in C.
"""

from __future__ import annotations

from array import array
from operator import itemgetter

from shareout.fields import dataclass
from shareout.record.journal import parse
from shareout.record.outcome import Attempt
from shareout.record.reader import Chunk

_is_plain = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Bulk:
    """First tries that are done, a column a fact, and the other attempts beside them."""

    jobs: list[int]
    positions: list[int]
    others: list[Attempt]
    _starts: tuple[bytes, ...]
    _ends: tuple[bytes, ...]

    @property
    def are_apart(self) -> bool:
        """Whether no position of the columns comes twice, nor in the others: then the order of lines says nothing."""
        apart = set(self.positions)
        return len(apart) == len(self.positions) and all(one.position not in apart for one in self.others)

    def times(self) -> tuple[array[float], array[float]]:
        """Starts and ends, seconds since 1970. Asked last, for it is the dearest of all."""
        return array("d", map(float, self._starts)), array("d", map(float, self._ends))


def bulk_of(chunk: Chunk) -> Bulk | None:
    """Of a chunk that is whole; None when it has no common line."""
    plain = list(filter(_is_plain, chunk.plain))
    if not plain:
        return None
    jobs, positions, starts, ends, _ = zip(*plain, strict=True)
    odd = [parse(line) for line, row in zip(chunk.lines, chunk.plain, strict=True) if not row[0]]
    others = [record for record in odd if isinstance(record, Attempt)]
    return Bulk(list(map(int, jobs)), list(map(int, positions)), others, starts, ends)
