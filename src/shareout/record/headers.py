"""Whether the headers of journals can be believed: against the plan when it is at hand, else against each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from shareout.errors import Place, RunDirectoryDamaged, ShareoutError
from shareout.names import ALL
from shareout.ranges import Range
from shareout.record.belonging import WAY_OUT
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import Incarnation, incarnations_of


class Given(Protocol):
    """What a plan gives to a machine."""

    @property
    def ranges(self) -> Sequence[Range]:
        """The positions that it runs, a range for each phase."""

    @property
    def audit(self) -> Sequence[Range]:
        """Those of another machine's that it runs again."""


class Planned(Protocol):
    """A plan, as far as headers repeat it."""

    @property
    def hex(self) -> str:
        """Its digest, as headers have it."""

    @property
    def jobs(self) -> int:
        """How many jobs it has."""

    @property
    def order(self) -> str:
        """Whether its positions are shuffled: an `Order`."""

    @property
    def ancestors(self) -> Sequence[str]:
        """Digests of the plans that it continues, oldest first."""

    def share(self, name: str) -> Given:
        """What the machine of that name is given. A ShareoutError when it has none."""


def check_folders(folders: Sequence[RunFolder], plan: Planned | None) -> None:
    """All that was recorded there."""
    check_headers([one for folder in folders for one in incarnations_of(folder)], plan)


def check_headers(found: Sequence[Incarnation], plan: Planned | None) -> None:
    """Refuses the first that says what cannot be."""
    for one in found:
        header = one.header
        if plan is not None and header.digest == plan.hex:
            _check_with_plan(one, plan)
    _check_with_others(found)


def _check_with_plan(one: Incarnation, plan: Planned) -> None:
    header = one.header
    # Whoever joined may have been a guest, and recorded what it claimed.
    if not header.is_joined:
        _check_share(one, plan)
    jobs = plan.jobs if header.stream else header.jobs
    if (jobs, header.order, header.ancestors) != (plan.jobs, plan.order, plan.ancestors):
        raise _refused(one, f"it says {header.jobs} jobs in the order {header.order}, and the plan does not")


def _check_share(one: Incarnation, plan: Planned) -> None:
    header = one.header
    try:
        share = plan.share(header.machine)
    except ShareoutError:
        raise _refused(one, f'it is of a machine "{header.machine}", and the plan has none of that name') from None
    if header.ranges != share.ranges or header.audit != share.audit:
        planned = _told(share.ranges), _told(share.audit)
        part = 0 if header.ranges != share.ranges else 1
        said = _told((header.ranges, header.audit)[part])
        kind = ("its", "its audit's")[part]
        raise _refused(one, f"{kind} positions are {said}, and the plan gives {header.machine} {planned[part]}")


def _check_with_others(found: Sequence[Incarnation]) -> None:
    """One plan has one number of jobs, and gives every position to one machine (and to `all`, who has them all)."""
    first: dict[str, Incarnation] = {}
    known: dict[tuple[str, str, bool], Incarnation] = {}
    for one in found:
        header = one.header
        other = first.setdefault(header.digest, one)
        if _plan_facts(other.header) != _plan_facts(header):
            raise _refused(one, f"{other.path} says other things of the same plan")
        same = known.setdefault((header.digest, header.machine, header.is_joined), one)
        if (same.header.ranges, same.header.audit) != (header.ranges, header.audit):
            raise _refused(
                one, f"{same.path} gives {header.machine} {_told(same.header.ranges)}, it {_told(header.ranges)}"
            )
    for digest in first:
        _refuse_overlap([one for (of, name, _), one in known.items() if of == digest and name != ALL])


def _refuse_overlap(found: Sequence[Incarnation]) -> None:
    ranges = sorted(
        (start, stop, number) for number, one in enumerate(found) for start, stop in one.header.ranges if start < stop
    )
    for (start, stop, number), (later, _, other) in pairwise(ranges):
        if later < stop:
            first, second = found[number], found[other]
            both = f"{first.header.machine} ({first.path}) and {second.header.machine}"
            raise _refused(second, f"position {max(start, later)} is said to be of {both}")


def _plan_facts(header: Header) -> tuple[object, ...]:
    # Of a stream each knows of as many jobs as had come.
    jobs = -1 if header.stream else header.jobs
    return jobs, header.kind, header.order, header.ancestors, header.pool_jobs, header.phases, len(header.ranges)


def _told(ranges: Sequence[Range], most: int = 4) -> str:
    """`0…99, 200…299 …`, as `plan` writes them."""
    said = ", ".join(f"{start}…{stop - 1}" for start, stop in ranges[:most] if start < stop)
    return (said or "none") + (" …" if len(ranges) > most else "")


def _refused(one: Incarnation, why: str) -> RunDirectoryDamaged:
    return RunDirectoryDamaged(
        f"the header of the journal is not what its run wrote: {why}",
        where=Place(str(one.path), 1),
        way_out=WAY_OUT,
    )
