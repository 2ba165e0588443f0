"""Run directories → Report: everything that the page shows, as data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from shareout.choices import Order
from shareout.fields import dataclass, field
from shareout.machines import Machine
from shareout.plan.fingerprint import words
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import Damage
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.standing import DONE, FAILED, SKIPPED
from shareout.record.tallies.tally import Tally
from shareout.report.balance import Balance, balance_of
from shareout.report.last_lines import last_lines
from shareout.report.reading import FEW, LONGEST_KEPT, Deeds, Failure, Long, Reading, kind_of
from shareout.report.spans import align

MOST_ROWS = 64
MOST_FAILURES = 200
MOST_WITH_LINES = 20
MOST_KINDS = 12
# Positions are held by pages: of a pool of 10^12 jobs only what has run takes room.
_PAGE = 1 << 16
# Done beats failed, failed beats skipped, anything beats not yet.
_SKIPPED, _FAILED, _DONE = 1, 2, 3
_RANKED = bytes.maketrans(bytes((DONE, FAILED, SKIPPED)), bytes((_DONE, _FAILED, _SKIPPED)))
_ALIKE = [bytes((rank,)) * _PAGE for rank in range(_DONE + 1)]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the jobs of the pool stand, each counted once."""

    total: int
    done: int
    failed: int
    skipped: int

    @property
    def missing(self) -> int:
        """Jobs of which nothing here tells an end."""
        return max(0, self.total - self.done - self.failed - self.skipped)


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine's line in the table."""

    deeds: Deeds
    share: int
    done: int
    failed: int

    @property
    def idle(self) -> float:
        """The part of its slots' time, while it ran, in which no job was in them."""
        whole = len(self.deeds.slots) * self.deeds.active_s
        return max(0.0, 1 - self.deeds.busy_s / whole) if whole else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell."""

    root: str
    pool_digest: str
    kind: str
    plans: tuple[str, ...]
    counts: Counts
    machines: tuple[MachineRow, ...]
    longest: tuple[Long, ...]
    failures: tuple[Failure, ...]
    kinds: tuple[tuple[str, int], ...]
    balance: Balance | None
    lines: dict[tuple[str, int], list[str]]
    """By machine and job: the last lines of some that failed."""
    damage: tuple[Damage, ...]
    is_sample: bool = True
    """What has run is a random sample of all jobs."""
    groups: Mapping[str, Durations] = field(default_factory=dict)
    """How long attempts took, by group; empty where there are none, or it is not known which job is of which."""

    @property
    def fingerprint(self) -> str:
        """Of the first plan, from which all others were rebalanced."""
        return words(bytes.fromhex(self.root))

    @property
    def began(self) -> float | None:
        """When the first attempt on any machine started; None when none has."""
        return min((row.deeds.began for row in self.machines if row.deeds.began is not None), default=None)

    @property
    def ended(self) -> float | None:
        """When the last attempt on any machine ended, by that machine's clock."""
        return max((row.deeds.ended for row in self.machines if row.deeds.ended is not None), default=None)

    @property
    def slots(self) -> int:
        """Those that were seen at work: a slot that never had a job is in no journal."""
        return sum(len(row.deeds.slots) for row in self.machines)

    @property
    def has_bars(self) -> bool:
        """Whether every attempt can be drawn by itself."""
        few = [row.deeds.bars for row in self.machines]
        return all(bars is not None for bars in few) and sum(len(bars or ()) for bars in few) <= FEW

    @property
    def has_slots(self) -> bool:
        """Whether there is a row for every slot, or only one for every machine."""
        return self.slots <= MOST_ROWS

    def durations(self) -> Durations:
        """Of all machines together."""
        together = Durations()
        for row in self.machines:
            together.merge(row.deeds.durations)
        return together


def report_of(
    runs: Sequence[tuple[RunFolder, Header]],
    machines: Sequence[Machine],
    said: Callable[[str], None],
    *,
    is_costed: bool = False,
    group_of: Callable[[int], str | None] | None = None,
) -> Report:
    """Reads the journals, then of the logs what the failures need. Empty journals are no obstacle. `is_costed`: the
    jobs that are known to be long ran first. `group_of` tells a job's group, where there are some."""
    gathered = _Gathered(group_of)
    # A job that failed may be done in a plan that was made of what was left: older plans come first.
    for folder, header in sorted(runs, key=lambda run: (len(run[1].ancestors), run[1].origin)):
        gathered.add(folder, header)
    gathered.drop_mended()
    deeds = _in_order(gathered.deeds.values(), machines)
    shares = _shares(gathered, deeds)
    align([one.spans for one in deeds])
    first = runs[0][1]
    counts = gathered.standing.counts(max(header.total for _, header in runs), gathered.mended)
    is_sample = _is_sample(runs, in_part=is_costed and counts.missing > 0)
    failures = _chosen([failure for one in deeds for failure in one.failures.values()])
    return Report(
        first.root,
        first.pool_digest,
        kind=first.kind,
        plans=tuple(gathered.plans),
        counts=counts,
        machines=tuple(MachineRow(one, shares[one.machine], *gathered.settled[one.machine]) for one in deeds),
        longest=tuple(sorted((long for one in deeds for long in one.longest), reverse=True)[:LONGEST_KEPT]),
        failures=failures,
        kinds=_kinds(deeds),
        balance=balance_of(deeds, shares, machines) if is_sample else None,
        lines=_lines(failures, said),
        damage=tuple(gathered.damage),
        is_sample=is_sample,
        groups=gathered.groups,
    )


def _in_order(deeds: Iterable[Deeds], machines: Sequence[Machine]) -> list[Deeds]:
    """As machines.json has the machines, then those that it does not have."""
    named = {one.name: number for number, one in enumerate(machines)}
    return sorted(deeds, key=lambda one: (named.get(one.machine, len(named)), _counted(one.machine)))


def _shares(gathered: _Gathered, deeds: Sequence[Deeds]) -> dict[str, int]:
    """Jobs of each machine. After a rebalance a share holds jobs that others did: what each did is what counts."""
    return {one.machine: one.finished for one in deeds} if len(gathered.plans) > 1 else gathered.shares


def _is_sample(runs: Sequence[tuple[RunFolder, Header]], *, in_part: bool) -> bool:
    """Rates can be compared only where every machine got a random sample of the same jobs. `in_part`: those that are
    known to be short have not run."""
    return not in_part and all(header.order == Order.SHUFFLED for _, header in runs)


class _Gathered:
    """What is summed up while the journals are read, one after the other."""

    def __init__(self, group_of: Callable[[int], str | None] | None) -> None:
        self._group_of = group_of
        self.groups: dict[str, Durations] = {}
        self.deeds: dict[str, Deeds] = {}
        self.shares: dict[str, int] = {}
        self.settled: dict[str, tuple[int, int]] = {}
        self.plans: dict[str, None] = {}
        self.standing = _Standing()
        self.damage: list[Damage] = []
        self.mended = 0
        self._origin = ""
        self._failed: dict[int, str] = {}

    def add(self, folder: RunFolder, header: Header) -> None:
        """One run directory; those of older plans must have come before, and of one origin they follow one another."""
        name = header.machine
        one = self.deeds.setdefault(name, Deeds(name))
        self.plans[header.digest] = None
        # By the origin and not the digest: where only weights are others, positions are the same, and what one failed
        # at and another did is one position, which counts once by itself.
        if header.origin != self._origin:
            self.drop_mended()
            self._origin = header.origin
            self._failed = {job: each.machine for each in self.deeds.values() for job in each.failures}
        watched = set(self._failed)
        tally = Reading(one, watched, self._took if self._group_of else None).read(folder, header)
        for job in set(self._failed) - watched:
            self._ended(job)
        done, failed = self.settled.get(name, (0, 0))
        # What it does not owe any more counts as well: who owes it now does not run it again.
        for part in filter(None, (tally, tally.former)):
            done, failed = done + part.done, failed + part.failed
            self.standing.add(header, part)
        self.settled[name] = (done, failed)
        self.shares[name] = self.shares.get(name, 0) + sum(stop - start for start, stop in header.ranges)
        self.damage += tally.damage
        if sum(len(each.slots) for each in self.deeds.values()) > MOST_ROWS:
            for each in self.deeds.values():
                each.spans.without_slots()

    def _took(self, jobs: Iterable[int], seconds: Iterable[float]) -> None:
        assert self._group_of
        found: dict[str, list[float]] = {}
        for job, one in zip(jobs, seconds, strict=True):
            found.setdefault(self._group_of(job) or "-", []).append(one)
        for name, many in found.items():
            self.groups.setdefault(name, Durations()).add_all(many)

    def _ended(self, job: int) -> None:
        """What failed in an older plan, in this one."""
        failures = self.deeds[self._failed.pop(job)].failures
        if job in failures and failures[job].origin != self._origin:
            del failures[job]
        self.mended += 1

    def drop_mended(self) -> None:
        """Failures of jobs that another machine has done by the same positions are none."""
        for each in self.deeds.values():
            each.failures = {
                job: one
                for job, one in each.failures.items()
                if not self.standing.is_done(one.origin, one.attempt.position)
            }


class _Standing:
    """The state of every position, by plan: an audit, or a machine that is here twice, counts no job twice."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, int], bytes | bytearray] = {}

    def is_done(self, origin: str, position: int) -> bool:
        """By whichever machine."""
        page, place = divmod(position, _PAGE)
        return (origin, page) in self._pages and self._pages[origin, page][place] == _DONE

    def add(self, header: Header, tally: Tally) -> None:
        """The states of one run directory. Of two that speak of a position the better one counts."""
        at = 0
        for start, stop in tally.ranges:
            while start < stop:
                page, place = divmod(start, _PAGE)
                length = min(stop - start, _PAGE - place)
                fresh = tally.states.window(at, at + length).translate(_RANKED)
                self._raise((header.origin, page), place, fresh)
                start, at = start + length, at + length

    def _raise(self, key: tuple[str, int], place: int, fresh: bytearray) -> None:
        """Where these are better they stand from now on."""
        held = self._pages.get(key, _ALIKE[0])
        old = held[place : place + len(fresh)]
        if old == fresh:
            return
        if not isinstance(held, bytearray):
            held = bytearray(held)
        held[place : place + len(fresh)] = bytes(map(max, old, fresh)) if old.strip(b"\0") else fresh
        # One of which all is done is the same for all: a share of a billion takes what is scattered, not a gigabyte.
        is_alike = held[0] == held[-1] and held == _ALIKE[held[0]]
        self._pages[key] = _ALIKE[held[0]] if is_alike else held

    def counts(self, total: int, mended: int) -> Counts:
        """Over all plans. `mended`: jobs that failed in an older plan and ended in a later one, which has another
        position for them."""
        skipped, failed, done = (
            sum(page.count(rank) for page in self._pages.values()) for rank in (_SKIPPED, _FAILED, _DONE)
        )
        return Counts(total, done, max(0, min(failed - mended, total - done - skipped)), skipped)


def _counted(name: str) -> list[tuple[int, str]]:
    """So that node9 comes before node10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _chosen(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """One of each kind first, then the others, in the order in which they ended."""
    ordered = sorted(failures, key=lambda one: one.attempt.end)
    by_kind: dict[str, Failure] = {}
    for one in ordered:
        by_kind.setdefault(kind_of(one.attempt), one)
    first = list(by_kind.values())
    chosen = set(map(id, first))
    return tuple([*first, *(one for one in ordered if id(one) not in chosen)][:MOST_FAILURES])


def _kinds(deeds: Sequence[Deeds]) -> tuple[tuple[str, int], ...]:
    together: Counter[str] = Counter()
    for one in deeds:
        together.update(one.kinds)
    return tuple(together.most_common(MOST_KINDS))


def _lines(failures: Sequence[Failure], said: Callable[[str], None]) -> dict[tuple[str, int], list[str]]:
    """Looked up for the first of the failures only: a log may be large."""
    wanted: dict[RunFolder, list[Failure]] = {}
    for one in failures[:MOST_WITH_LINES]:
        wanted.setdefault(one.folder, []).append(one)
    found: dict[tuple[str, int], list[str]] = {}
    for folder, many in wanted.items():
        machine = many[0].machine
        lines = last_lines(folder, [(one.attempt.job, one.attempt.attempt) for one in many], said)
        found.update({(machine, job): text for job, text in lines.items()})
    return found
