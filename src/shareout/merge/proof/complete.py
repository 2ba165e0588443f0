"""Which journals belong together, and what a merge knows in the end: done, failed, missing and whose, run twice."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from shareout.errors import PlanMismatch
from shareout.fields import dataclass, field
from shareout.merge.gather import Journal, NeedsMore
from shareout.merge.proof.audit import Comparison
from shareout.plan.ids import IdsAt, ids_as_told
from shareout.plan.permutation import Permutations
from shareout.plan.plan import Plan
from shareout.ranges import Range, union
from shareout.record.belonging import Belonging, ever_owed
from shareout.record.folder import RunFolder
from shareout.record.headers import check_headers
from shareout.record.journal import Header
from shareout.record.proof import Proof, proofs_of
from shareout.record.reader import Damage, Incarnation, incarnations_of
from shareout.record.sample import wilson

T = TypeVar("T")

# Beyond so many the owners of missing jobs are told of the first ones only: it is two microseconds each.
MOST_OWNED = 1_000_000
SHOWN = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What one journal tells of a job on which journals disagree: its result as JSON text, or that it failed."""

    machine: str
    result: str
    journal: str


@dataclass(slots=True)
class Summary:
    """Everything a merge found. Ranges are start, stop, start, stop …"""

    total: int
    done: int = 0
    failed: int = 0
    skipped: int = 0
    twice: int = 0
    taken: int = 0
    """Of these, those that one machine took over from another."""
    missing_ids: array[int] = field(default_factory=lambda: array("Q"))
    failed_ids: array[int] = field(default_factory=lambda: array("Q"))
    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    printed: list[tuple[int, bytes]] = field(default_factory=list)
    """The same of what the jobs have printed."""
    prints_differ: list[int] = field(default_factory=list)
    """Jobs that were done twice, and printed different things."""
    disagreed: int = 0
    """Jobs of which there are records that contradict each other."""
    disagreements: list[tuple[int, list[Said]]] = field(default_factory=list)
    """Of the first of these what is said."""
    comparison: Comparison = field(default_factory=Comparison)
    codes: dict[str, set[str]] = field(default_factory=dict)
    """Which code each machine ran."""
    adopted: dict[str, int] = field(default_factory=dict)
    """How many of the jobs that are done were done in which run of an earlier list."""
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    """What each machine's newest start tells of where it ran."""
    changed: list[Journal] = field(default_factory=list)
    """Those that are not what their run wrote, although nothing in them is damaged."""
    damage: list[Damage] = field(default_factory=list)
    claims: dict[str, Any] | None = None
    """Whether what hosts claimed of shared work could be compared with its entries, and of how many jobs of whom these
    say otherwise; None where none was shared."""
    is_open: bool = False
    """No journal here tells that the stream was closed: more jobs may have come than are known here."""

    @property
    def missing(self) -> int:
        """Jobs of which no journal here tells an end."""
        return self.total - self.done - self.failed - self.skipped

    @property
    def failure_rate(self) -> tuple[float, float, float] | None:
        """The share of jobs that fail, and the range that it lies in nineteen times of twenty, for all jobs. None where
        some were done in another list: those are no sample of this one."""
        if self.adopted:
            return None
        return wilson(self.failed, self.done + self.failed, self.total - self.skipped)

    @property
    def is_contradicted(self) -> bool:
        """Whether not everything that was read can be true: there is a table then, and no certificate."""
        return bool(self.disagreed or self.changed)

    @property
    def is_complete(self) -> bool:
        """Every job of the pool is done or given up; a job that failed is neither."""
        return self.done + self.skipped == self.total and not self.is_open


def _unknown(_: Sequence[RunFolder]) -> None:
    """No plan is at hand."""


def open_journals(
    folders: Sequence[RunFolder],
    said: Callable[[str], None],
    choose: Callable[[Sequence[tuple[RunFolder, Header]]], str] | None = None,
    plan_of: Callable[[Sequence[RunFolder]], Plan | None] = _unknown,
) -> list[Journal]:
    """Headers read and compared. Different plans are refused, unless somebody chooses: he is asked for the root of the
    one that is meant. `plan_of`: the plan of these directories, when its inputs are at hand."""
    found = [one for folder in folders for one in incarnations_of(folder)]
    if found and choose is not None:
        root = choose([(one.folder, one.header) for one in found])
        found = [one for one in found if one.header.root == root]
    if found:
        _refuse_other_plans(found)
        _tell_same_machine(found, said)
    kept = list(dict.fromkeys(one.folder for one in found))
    plan = plan_of(kept) if found else None
    # All headers before the first line is read: journals that cannot be of one plan are refused in a moment, and not
    # after minutes.
    check_headers(found, plan)
    owed = {folder: ever_owed([one.header for one in found if one.folder == folder]) for folder in kept}
    from concurrent.futures import ThreadPoolExecutor

    # Hashing needs nothing of Python: journals are proven at the same time.
    with ThreadPoolExecutor(4) as threads:
        proofs = dict(zip(kept, threads.map(proofs_of, kept), strict=True))
    return [
        Journal(
            number,
            one.folder,
            path=one.path,
            header=one.header,
            start=one.begin,
            size=one.size,
            proof=proofs[one.folder].get(one.path.name, Proof()),
            belonging=Belonging(one.header, _ids_at(one.header, plan), owed[one.folder]),
            own=one.header.own,
            claims=one.claims,
        )
        for number, one in enumerate(found)
    ]


def _ids_at(header: Header, plan: Plan | None) -> IdsAt | None:
    """As the plan knows them, else as far as the header tells."""
    return (plan and plan.ids_of(header.origin)) or ids_as_told(header)


def is_open(journals: Sequence[Journal]) -> bool:
    """Whether more jobs may have come than are known here: of a stream no journal tells that it was closed."""
    headers = [journal.header for journal in journals]
    return any(one.stream for one in headers) and not any(one.seal for one in headers)


def are_apart(journals: Sequence[Journal]) -> bool:
    """Whether no two machines can speak of the same job: of one plan, with ranges of their own and no audits."""
    headers = [journal.header for journal in journals]
    if len({header.digest for header in headers}) > 1 or any(header.audit for header in headers):
        return False
    # Starts of one machine do not run what another of them has done; where one did, that shows, and times are asked.
    owed: dict[str, list[Range]] = {}
    for header in headers:
        owed[header.machine] = union([*owed.get(header.machine, ()), *header.own])
    ranges = sorted(one for of_machine in owed.values() for one in of_machine)
    return all(first[1] <= second[0] for first, second in pairwise(ranges))


def leanest(journals: Sequence[Journal], attempt: Callable[[bool], T], *, may_be_lean: bool = True) -> T:
    """What comes of the attempt, which is told whether it may do without the times that decide between two records of a
    job: for there should not be two."""
    # What a command has printed is in its journal; a result of Python most often is all that there is.
    lean = may_be_lean and are_apart(journals) and journals[0].header.kind != "command"
    try:
        return attempt(lean)
    except NeedsMore:
        # Two records of one job after all. Rare, so the merge begins anew: to gather times always, for the case that
        # they are needed, would make every merge slower.
        return attempt(False)


def _refuse_other_plans(found: Sequence[Incarnation]) -> None:
    total = max(one.header.total for one in found)
    plans: dict[tuple[str, str, str], list[RunFolder]] = {}
    for one in found:
        # By the root and not the digest: what was rebalanced or reweighed has the ids of where it began, and belongs
        # together. And by the work, for ids alone may be those of another pool's jobs.
        folders = plans.setdefault((one.header.root, one.header.work, one.header.kind), [])
        if one.folder not in folders:
            folders.append(one.folder)
    if len(plans) > 1:
        told = [_told_plan(root, kind, folders) for (root, _, kind), folders in plans.items()]
        raise PlanMismatch(
            f"these directories are of {len(plans)} plans: {'; '.join(told[:SHOWN])}{' …' if told[SHOWN:] else ''}",
            way_out="Merge the directories of one plan at a time (with those that were rebalanced from it).",
        )
    _refuse_other_ends([one for one in found if one.header.seal])
    for one in found:
        if one.header.total != total and not one.header.stream:
            raise PlanMismatch(
                f"{one.folder.path} counts {one.header.total} jobs, {found[0].folder.path} {found[0].header.total}"
            )


def _refuse_other_ends(sealed: Sequence[Incarnation]) -> None:
    for one in sealed:
        if one.header.seal != sealed[0].header.seal:
            raise PlanMismatch(f"{one.path} and {sealed[0].path} tell two different ends of the same stream")


def _told_plan(root: str, kind: str, folders: Sequence[RunFolder]) -> str:
    more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
    return f"{root[:16]} ({kind} jobs), as {folders[0].path}{more}"


def _tell_same_machine(found: Sequence[Incarnation], said: Callable[[str], None]) -> None:
    seen: dict[tuple[str, str], RunFolder] = {}
    told = set()
    for one in found:
        other = seen.setdefault((one.header.origin, one.header.machine), one.folder)
        if other != one.folder and one.folder not in told:
            told.add(one.folder)
            said(f"{other.path} and {one.folder.path} are both of machine {one.header.machine}: each job counts once")


def ranges_of(flat: Sequence[int]) -> list[tuple[int, int]]:
    """Start, stop, start, stop … → pairs of them."""
    return list(zip(flat[0::2], flat[1::2], strict=True))


def told_ranges(flat: Sequence[int], most: int = 8) -> str:
    """`3, 7-9, 12 …`"""
    pairs = ranges_of(flat[: 2 * most])
    parts = [str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in pairs]
    return ", ".join(parts) + (" …" if len(flat) > 2 * most else "")


def append_ranges(to: array[int], more: Sequence[int]) -> None:
    """Ranges that follow; one that goes on where the last one ends is joined to it."""
    if to and more and to[-1] == more[0]:
        to[-1] = more[1]
        more = more[2:]
    to.extend(more)


def owners_without_plan(journals: Sequence[Journal]) -> Callable[[int], str | None] | None:
    """Whose a job is, by the ranges that the journals themselves tell; None for a machine that left none here.
    Only where that can be worked out from a journal alone: one phase, no rebalance."""
    headers = [journal.header for journal in journals if not journal.header.ancestors]
    if not headers or any(len(header.ranges) != 1 for header in headers):
        return None
    permutation = Permutations(bytes.fromhex(headers[0].origin), [headers[0].jobs], headers[0].order)[0]

    def owner(job: int) -> str | None:
        position = permutation.position_of(job)
        for header in headers:
            if header.ranges[0][0] <= position < header.ranges[0][1]:
                return header.machine
        return None

    return owner


def missing_by_owner(missing: Sequence[int], owner: Callable[[int], str | None]) -> dict[str | None, int]:
    """How many of the missing jobs are whose, the largest first; of very many only the first are looked at."""
    counts: dict[str | None, int] = {}
    for number, job in enumerate(_each(missing)):
        # The ids of a share are strewn over the pool: so there is no way to count by ranges, and each is asked for.
        if number == MOST_OWNED:
            break
        name = owner(job)
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0] or "")))


def _each(flat: Sequence[int]) -> Iterator[int]:
    for start, stop in ranges_of(flat):
        yield from range(start, stop)
