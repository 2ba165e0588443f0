"""Several machines together: of one plan, each machine once, those that left nothing included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, permutations

from shareout.fields import dataclass, replace
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.ranges import common, size, union, without
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import told
from shareout.record.sample import wilson
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.standing import DONE, ELSEWHERE, FAILED, SKIPPED, SPARED
from shareout.record.tallies.tally import Tally
from shareout.status.machine import Active, Follower, Forecast, MachineStatus, forecast

AT_ONCE = 1 << 16


@dataclass(slots=True)
class Counts:
    """States of some jobs, a group's for example."""

    jobs: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    running: int = 0

    @property
    def todo(self) -> int:
        """Those in no final state, whether they run now or not."""
        return self.jobs - self.done - self.failed - self.skipped


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `status` tells."""

    digest: str
    counts: Counts
    machines: tuple[MachineStatus, ...]
    absent: Mapping[str, int]
    """Machines of the plan without a run directory here, and how many jobs are theirs."""
    rate: float
    forecast: Forecast | None
    durations: Durations
    arrivals: tuple[float, ...]
    earlier: int
    """Jobs of the pool that earlier plans settled, before a rebalance."""
    earlier_absent: int
    """Those of them that are in no directory here, although some of those plans are here."""
    is_sample: bool
    """Whether what has run is a random sample of all jobs."""

    @property
    def active(self) -> tuple[Active, ...]:
        """The jobs that run now, on all machines that tell it."""
        return tuple(one for machine in self.machines for one in machine.active)

    @property
    def is_over(self) -> bool:
        """Nothing is left to do, or nobody does it."""
        return not any(machine.is_live for machine in self.machines)

    def failure_rate(self) -> tuple[float, float, float] | None:
        """The share of jobs that fail, and the range that it lies in nineteen times of twenty (Wilson's)."""
        if not self.is_sample:
            return None
        counts = self.counts
        return wilson(counts.failed, counts.done + counts.failed, counts.jobs - counts.skipped)


def open_followers(
    folders: Sequence[RunFolder], said: Callable[[str], None], plan: Plan | None = None
) -> list[Follower]:
    """One for each machine of each origin; of copies the longest. `plan`: the one at hand, whose shares count where
    machines were started under other weights."""
    found: dict[tuple[str, str], Follower] = {}
    for folder in folders:
        follower = Follower(folder, plan)
        for sentence in told(follower.tally.damage):
            said(sentence)
        # A copy that was brought home twice is the same machine: counted twice its jobs would be more than there are.
        key = (follower.header.origin, follower.header.machine)
        other = found.get(key)
        if other is not None:
            said(f"{other.folder.path} and {folder.path} are both of {follower.header.machine}: the longer counts")
        if other is None or folder.size() > other.folder.size():
            found[key] = follower
    return list(found.values())


def newest_plan(followers: Sequence[Follower], said: Callable[[str], None]) -> list[Follower]:
    """Those of the plan that was worked on last; a folder of runs may hold several plans."""
    plans: dict[str, list[Follower]] = {}
    for one in followers:
        plans.setdefault(one.header.origin, []).append(one)
    if len(plans) > 1:
        newest = max(plans, key=lambda origin: max(one.folder.worked_on() for one in plans[origin]))
        others = ", ".join(origin[:16] for origin in plans if origin != newest)
        said(f"this is plan {newest[:16]}, the last one that was worked on; there is also {others}")
        return plans[newest]
    return list(followers)


def settled_before(followers: Sequence[Follower], header: Header) -> int | None:
    """How many jobs directories of earlier plans tell as settled; None when none is here."""
    mine = [one for one in followers if one.header.origin in header.ancestors]
    if not mine:
        return None
    return sum(sum(one.tally.counts[state] for state in (DONE, FAILED, SKIPPED)) for one in mine)


def look(followers: Sequence[Follower], shares: Mapping[str, int] | None, settled_earlier: int | None = None) -> Status:
    """All of them now. `shares`: how many jobs each machine of the plan has, when the plan is known;
    `settled_earlier`: what `settled_before` says."""
    for one in followers:
        one.refresh()
    # All are read before the first is told: what one has done of another's jobs is not to do in that one's counts.
    _see_each_other(followers)
    machines = tuple(sorted((one.status() for one in followers), key=lambda one: one.name))
    header = _furthest(followers)
    absent = _absent(machines, shares or {})
    earlier = header.total - header.jobs
    found = Status(
        header.digest,
        _together(machines, header.jobs),
        machines=machines,
        absent=absent,
        rate=sum(machine.rate for machine in machines),
        forecast=_slowest(machines, absent),
        durations=_durations(machines),
        arrivals=tuple(gap for machine in machines for gap in machine.arrivals),
        earlier=earlier,
        earlier_absent=max(0, earlier - settled_earlier) if settled_earlier is not None else 0,
        is_sample=all(one.is_sample for one in followers),
    )
    return _shared(found, followers) if any(one.is_joined for one in followers) else found


def _furthest(followers: Sequence[Follower]) -> Header:
    """Of a stream each host knows as many jobs as it has been told of."""
    return max((one.header for one in followers), key=lambda one: one.jobs if one.stream else 0)


def _durations(machines: Iterable[MachineStatus]) -> Durations:
    made = Durations()
    for machine in machines:
        made.merge(machine.durations)
    return made


def _shared(found: Status, followers: Sequence[Follower]) -> Status:
    """Where machines share what is left, nobody's share is waited for, and all end together. What two have done, since
    one took it over from the other, is one job."""
    counts = replace(found.counts)
    done = union(one for follower in followers for one in follower.tally.stretches(DONE))
    failed = union(one for follower in followers for one in follower.tally.stretches(FAILED))
    counts.done, counts.failed = size(done), size(list(without(failed, done)))
    ahead = forecast(counts.todo, found.rate, found.durations, counts.jobs, found.is_sample)
    return replace(found, counts=counts, absent={}, forecast=ahead)


def _together(machines: Iterable[MachineStatus], jobs: int) -> Counts:
    """Of all jobs of the plan: those of machines that left nothing here are to do."""
    total = Counts(jobs)
    for machine in machines:
        total.done += machine.done
        total.failed += machine.failed
        total.skipped += machine.skipped
        total.running += machine.running
    return total


def _absent(machines: Iterable[MachineStatus], shares: Mapping[str, int]) -> dict[str, int]:
    """Nobody is absent where one host runs for all."""
    known = {machine.name for machine in machines}
    if ALL in known:
        return {}
    return {name: jobs for name, jobs in shares.items() if name not in known and jobs}


def _see_each_other(followers: Sequence[Follower]) -> None:
    """What a machine did that is another's now is not for that one to do."""
    for one, other in permutations(followers, 2):
        if one.is_joined and other.is_joined:
            one.tally.done_elsewhere(other.tally, common(one.header.ranges, other.header.ranges))
    for other in followers:
        # Nothing but what it no longer owes can be another's now; and what it ran as an audit stands for nobody's own.
        former = common(other.tally.former.ranges, own_ranges(other.starts)) if other.tally.former else ()
        for one in followers if former else ():
            if one is not other:
                one.tally.done_elsewhere(other.tally, common(former, one.header.ranges))


def by_group(
    followers: Sequence[Follower],
    absent: Iterable[int],
    group_at: Callable[[int], str | None],
    active: Sequence[int],
) -> dict[str, Counts]:
    """`group_at` tells a position's; `absent` are positions of machines that left nothing here, `active` those of
    jobs that run now."""
    groups: dict[str, Counts] = {}

    def group(position: int) -> Counts:
        return groups.setdefault(group_at(position) or "-", Counts())

    for follower in followers:
        tally: Tally = follower.tally
        owned = sum(stop - at for at, stop in follower.header.ranges)
        each = (tally.states.window(at, min(at + AT_ONCE, owned)) for at in range(0, owned, AT_ONCE))
        for index, state in enumerate(chain.from_iterable(each)):
            one = group(tally.position(index))
            one.jobs += 1
            one.done += state in (DONE, ELSEWHERE)
            one.failed += state == FAILED
            one.skipped += state in (SKIPPED, SPARED)
    for position in absent:
        group(position).jobs += 1
    for position in active:
        group(position).running += 1
    return groups


def _slowest(machines: Sequence[MachineStatus], absent: Mapping[str, int]) -> Forecast | None:
    """Shares are fixed: it is over when the last machine is. None when one of them is not known to end."""
    # No forecast, and not that of the others: it would say that all is over while a share has not begun.
    if absent or any(machine.left and machine.forecast is None for machine in machines):
        return None
    return max(
        (machine.forecast for machine in machines if machine.forecast), key=lambda one: one.seconds, default=None
    )
