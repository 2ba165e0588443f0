"""Whether a record belongs where it stands: its position to what its machine owes, its id to that position.

The one place that decides it, for every reader of journals. Without the ids (a plan of a rebalance, its inputs not at
hand) only the positions are asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from shareout.errors import Place, RunDirectoryDamaged
from shareout.ranges import Range, union, without
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import incarnations_of

STEP = 1 << 20
IdsAt = Callable[[Sequence[int]], list[int]]
WAY_OUT = (
    "Bring that journal home anew from its machine. If there is no better one, move its folder away: what it recorded "
    "then counts as missing, and runs again."
)


def ever_owed(headers: Iterable[Header]) -> list[Range]:
    """All that these starts of one machine owed, claimed and audited."""
    return union(one for header in headers for one in (*header.own, *header.audit))


def own_ranges(headers: Sequence[Header]) -> list[Range]:
    """What any of these starts owed or claimed as its own and none ran as an audit: what it did there stands for
    whoever owes it now. An audit does not, for it is there to be compared with what its owner finds."""
    owned = (one for header in headers for one in header.own)
    return list(without(owned, (one for header in headers for one in header.audit)))


class Belonging:
    """Of the journals in one run directory: the positions that its machine owed, claimed or audited in any of its
    starts, each with its one job."""

    def __init__(self, header: Header, ids_at: IdsAt | None = None, owed: Sequence[Range] | None = None) -> None:
        """`owed`: what it may have recorded; as a rule what this header says."""
        self.machine = header.machine
        self._ids_at = ids_at
        self._total = header.total
        self._may_claim_more = header.claims
        ranges = ever_owed([header]) if owed is None else owed
        self._starts = [start for start, _ in ranges]
        self._stops = [stop for _, stop in ranges]

    def without_ids(self) -> Belonging:
        """The same, asking only for positions."""
        made = object.__new__(Belonging)
        vars(made).update(vars(self))
        made._ids_at = None
        return made

    @property
    def knows_ids(self) -> bool:
        """Whether ids are asked for, too."""
        return self._ids_at is not None

    def is_owed(self, position: int) -> bool:
        """Whether a position is in what the machine runs or audits; its job is not asked for."""
        at = bisect_right(self._starts, position) - 1
        return at >= 0 and position < self._stops[at]

    def holds(self, jobs: Sequence[int], positions: Sequence[int]) -> bool:
        """Whether all of these, which are not none, belong."""
        # As a rule all are in one range, which two comparisons tell: no position is looked up by itself then.
        at = bisect_right(self._starts, min(positions)) - 1
        if at < 0 or (max(positions) >= self._stops[at] and not all(map(self.is_owed, positions))):
            return False
        if self._ids_at is not None:
            return self._ids_at(positions) == jobs
        return max(jobs) < self._total

    def check(self, journal: Path, places: Sequence[tuple[int, int, int]]) -> None:
        """Refuses the first that does not belong of records, each with its offset, id and position. Where work is
        shared a claim may have come between the look at claims and the one at its records."""
        if not places or self._hold(places):
            return
        if self._may_claim_more:
            self._look_again(journal)
        if odd := next((one for one in places if not self._hold([one])), None):
            raise self.refusal_at(journal, *odd)

    def _hold(self, places: Sequence[tuple[int, int, int]]) -> bool:
        return self.holds([job for _, job, _ in places], [position for _, _, position in places])

    def _look_again(self, journal: Path) -> None:
        claimed = ever_owed([one.header for one in incarnations_of(RunFolder(journal.parent))])
        ranges = union([*zip(self._starts, self._stops, strict=True), *claimed])
        self._starts = [start for start, _ in ranges]
        self._stops = [stop for _, stop in ranges]

    def refusal_at(self, journal: Path, offset: int, job: int, position: int) -> RunDirectoryDamaged:
        """The same for a record that begins at an offset."""
        with journal.open("rb") as file:
            line = 1 + sum(file.read(min(STEP, offset - at)).count(b"\n") for at in range(0, offset, STEP))
        return self.refusal(journal, line, job, position)

    def refusal(self, journal: Path, line: int, job: int, position: int) -> RunDirectoryDamaged:
        """Of a record that does not belong."""
        where = Place(str(journal), line)
        if not self.is_owed(position):
            what = f"a record of job {job} at position {position}, which is not {self.machine}'s to run"
        elif self._ids_at is not None:
            what = f"a record of job {job} at position {position}, where the plan has job {self._ids_at([position])[0]}"
        else:
            what = f"a record of job {job}, and there are {self._total} jobs"
        return RunDirectoryDamaged(what, where=where, way_out=WAY_OUT)
