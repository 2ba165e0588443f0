"""Which journals belong together, and what a merge knows in the end: done, failed, missing and whose, run twice."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from shareout.errors import PlanMismatch
from shareout.merge.gather import Journal
from shareout.merge.proof.audit import Comparison
from shareout.plan.ids import IdsAt, ids_as_told
from shareout.plan.permutation import Permutations
from shareout.plan.plan import Plan
from shareout.record.belonging import Belonging
from shareout.record.folder import RunFolder
from shareout.record.headers import check_headers
from shareout.record.journal import Header
from shareout.record.proof import proof_of
from shareout.record.reader import Damage, is_torn_header, read_header
from shareout.record.sample import wilson

# Beyond so many the owners of missing jobs are told of the first ones only: it is two microseconds each.
MOST_OWNED = 1_000_000
SHOWN = 4

Opened = tuple[RunFolder, Header, int]
"""A run directory, its journal's header, and where that ends."""


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
    missing_ids: array[int] = field(default_factory=lambda: array("Q"))
    failed_ids: array[int] = field(default_factory=lambda: array("Q"))
    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    disagreed: int = 0
    """Jobs of which there are records that contradict each other."""
    disagreements: list[tuple[int, list[Said]]] = field(default_factory=list)
    """Of the first of these what is said."""
    comparison: Comparison = field(default_factory=Comparison)
    codes: dict[str, set[str]] = field(default_factory=dict)
    """Which code each machine ran."""
    changed: list[RunFolder] = field(default_factory=list)
    """Whose journal is not what its run wrote, although nothing in it is damaged."""
    damage: list[tuple[RunFolder, Damage]] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Jobs of which no journal here tells an end."""
        return self.total - self.done - self.failed - self.skipped

    @property
    def failure_rate(self) -> tuple[float, float, float] | None:
        """The share of jobs that fail, and the range that it lies in nineteen times of twenty, for all jobs."""
        return wilson(self.failed, self.done + self.failed, self.total - self.skipped)

    @property
    def is_contradicted(self) -> bool:
        """Whether not everything that was read can be true: there is a table then, and no certificate."""
        return bool(self.disagreed or self.changed)

    @property
    def is_complete(self) -> bool:
        """Every job of the pool is done or given up; a job that failed is neither."""
        return self.done + self.skipped == self.total


def _unknown(_: Sequence[RunFolder]) -> None:
    """No plan is at hand."""


def open_journals(
    folders: Sequence[RunFolder],
    said: Callable[[str], None],
    choose: Callable[[Sequence[tuple[RunFolder, Header]]], str] | None = None,
    plan_of: Callable[[Sequence[RunFolder]], Plan | None] = _unknown,
) -> list[Journal]:
    """Headers read and compared. A journal whose first line was never whole holds nothing, and is told. Different
    plans are refused, unless somebody chooses: he is asked for the root of the one that is meant. `plan_of`: the plan
    of these directories, when its inputs are at hand."""
    found = _with_headers(folders, said)
    if found and choose is not None:
        root = choose([(folder, header) for folder, header, _ in found])
        found = [one for one in found if one[1].root == root]
    if found:
        _refuse_other_plans(found)
        _tell_same_machine(found, said)
    plan = plan_of([folder for folder, _, _ in found]) if found else None
    check_headers([(folder, header) for folder, header, _ in found], plan)
    # Hashing needs nothing of Python: journals are proven at the same time.
    with ThreadPoolExecutor(4) as threads:
        proofs = list(threads.map(lambda one: proof_of(one[0].journal, one[0].tally), found))
    return [
        Journal(
            number,
            folder,
            header,
            start=start,
            size=folder.journal.stat().st_size,
            proof=proofs[number],
            belonging=Belonging(header, _ids_at(header, plan)),
        )
        for number, (folder, header, start) in enumerate(found)
    ]


def _with_headers(folders: Sequence[RunFolder], said: Callable[[str], None]) -> list[Opened]:
    found: list[Opened] = []
    for folder in folders:
        if is_torn_header(folder.journal):
            said(f"{folder.journal} ends in its first line: that run recorded nothing")
            continue
        header = read_header(folder.journal)
        with folder.journal.open("rb") as file:
            found.append((folder, header, len(file.readline())))
    return found


def _ids_at(header: Header, plan: Plan | None) -> IdsAt | None:
    """As the plan knows them, else as far as the header tells."""
    return (plan and plan.ids_of(header.digest)) or ids_as_told(header)


def are_apart(journals: Sequence[Journal]) -> bool:
    """Whether no two journals can speak of the same job: of one plan, with ranges of their own and no audits."""
    headers = [journal.header for journal in journals]
    if len({header.digest for header in headers}) > 1 or any(header.audit for header in headers):
        return False
    ranges = sorted(one for header in headers for one in header.ranges if one[0] < one[1])
    return all(first[1] <= second[0] for first, second in pairwise(ranges))


def _refuse_other_plans(found: Sequence[Opened]) -> None:
    first_folder = found[0][0]
    total = max(header.total for _, header, _ in found)
    plans: dict[tuple[str, str, str], list[RunFolder]] = {}
    for folder, header, _ in found:
        plans.setdefault((header.root, header.work, header.kind), []).append(folder)
    if len(plans) > 1:
        told = [_told_plan(root, kind, folders) for (root, _, kind), folders in plans.items()]
        raise PlanMismatch(
            f"these directories are of {len(plans)} plans: {'; '.join(told[:SHOWN])}{' …' if told[SHOWN:] else ''}",
            way_out="Merge the directories of one plan at a time (with those that were rebalanced from it).",
        )
    for folder, header, _ in found:
        if header.total != total:
            raise PlanMismatch(f"{folder.path} counts {header.total} jobs, {first_folder.path} {total}")


def _told_plan(root: str, kind: str, folders: Sequence[RunFolder]) -> str:
    more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
    return f"{root[:16]} ({kind} jobs), as {folders[0].path}{more}"


def _tell_same_machine(found: Sequence[Opened], said: Callable[[str], None]) -> None:
    seen: dict[tuple[str, str], RunFolder] = {}
    for folder, header, _ in found:
        other = seen.setdefault((header.digest, header.machine), folder)
        if other is not folder:
            said(f"{other.path} and {folder.path} are both of machine {header.machine}: each job counts once")


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
    permutation = Permutations(bytes.fromhex(headers[0].digest), [headers[0].jobs], headers[0].order)[0]

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
        if number == MOST_OWNED:
            break
        name = owner(job)
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0] or "")))


def _each(flat: Sequence[int]) -> Iterator[int]:
    for start, stop in ranges_of(flat):
        yield from range(start, stop)
