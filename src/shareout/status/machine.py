"""One run directory as it stands; looked at again, only what is new is read.

What is live is known by the lock, on its own host; a copy from elsewhere is believed as long as it is fresh.
The rate is that of the last arrivals, so that a slow start or an interruption is forgotten.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

from shareout.choices import Order
from shareout.errors import CannotRead, RunDirectoryDamaged
from shareout.fields import dataclass, replace
from shareout.linux import host_name
from shareout.names import ALL
from shareout.plan.ids import ids_as_told
from shareout.plan.plan import Plan
from shareout.record.belonging import ever_owed, own_ranges
from shareout.record.folder import RunFolder
from shareout.record.journal import HEADER_LINES, Header
from shareout.record.lock import is_locked
from shareout.record.reader import incarnations_of, newest_header
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.saved import save, tally_of
from shareout.record.tallies.standing import DONE, ELSEWHERE, FAILED, NEW, SKIPPED, SPARED
from shareout.record.tallies.tally import Tally
from shareout.status.beat import FRESH_S, Pulse, is_shipped, told_by_beat
from shareout.status.last_run import LastEnds, has_ended

WINDOW_S = 120.0
WORTH_KEEPING_S = 2.0
LOOKS = 3
"""So often a directory is read that changes while it is."""


@dataclass(frozen=True, slots=True)
class Active:
    """A job that runs now. `activity` is when it last printed something."""

    job: int
    slot: int
    attempt: int
    started: float
    activity: float | None
    fraction: float | None
    text: str
    machine: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds until the end, with the range that it lies in nineteen times of twenty."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """Where one machine's share stands. `is_live`: a process works on it now."""

    name: str
    digest: str
    jobs: int
    done: int
    failed: int
    skipped: int
    running: int
    is_live: bool
    rate: float
    forecast: Forecast | None
    active: tuple[Active, ...]
    durations: Durations
    arrivals: tuple[float, ...]
    """Seconds between the last ends of jobs."""
    recent: tuple[int, ...]
    """The jobs that ended then."""
    first_start: float | None
    last_end: float | None
    damaged: int
    path: Path
    audits: int
    """Jobs of other machines that it runs again; they are counted there, and only here they are told."""
    audited: int
    """Those of them that have ended."""
    rate_over_s: float = WINDOW_S
    """How many seconds `rate` is of."""
    adopted: int = 0
    """Jobs that an earlier list had done, and that were taken over."""

    @property
    def todo(self) -> int:
        """Its own jobs in no final state, whether they run now or not; audits apart."""
        return self.jobs - self.done - self.failed - self.skipped

    @property
    def left(self) -> int:
        """What it still has to run, audits included."""
        return self.todo + self.audits - self.audited


class Follower:
    """Keeps what it has read of one journal."""

    def __init__(self, folder: RunFolder, plan: Plan | None = None) -> None:
        """`plan`: the one at hand, by whose shares a machine is judged that was started under other weights."""
        self.folder = folder
        self._plan = plan
        self._is_costed = plan is not None and plan.cost_source is not None
        # Until its header has been read: one that is damaged at once is not looked at again.
        self.is_joined = False
        self._last_ends = LastEnds(folder)
        self.pulse = Pulse(folder) if is_shipped(folder) else None
        """Where this lies in a folder that hosts share."""
        self._open()

    def _open(self) -> None:
        """Where work is shared, claims and records come while they are read: a record that no claim covers may be one
        whose claim came in between."""
        for left in reversed(range(LOOKS)):
            try:
                self._read()
                return
            except RunDirectoryDamaged:
                if not (self.is_joined and left):
                    raise

    def _read(self) -> None:
        self._journals = self.folder.journals()
        self.starts = [one.header for one in incarnations_of(self.folder)]
        self.header: Header = owed_now(newest_header(self.folder), self._plan)
        self.is_joined = self.header.is_joined
        if self.is_joined:
            # What it claimed, of its own share or of another's.
            self.header = replace(self.header, ranges=tuple(own_ranges(self.starts)))
        began = time.monotonic()
        self.tally: Tally = tally_of(self.folder, self.header, ids_as_told(self.header))
        if time.monotonic() - began > WORTH_KEEPING_S:
            self._keep()

    @property
    def is_sample(self) -> bool:
        """Whether what has run is a random sample of all: not where the longest jobs ran first, nor where an earlier
        list had some done."""
        is_adopting = any(one.whence for one in self.starts)
        return self.header.order == Order.SHUFFLED and not self._is_costed and not is_adopting

    def refresh(self) -> None:
        """Read what is new. What a new start owes, or a claim adds, is another share: all is opened anew then."""
        try:
            if self._has_other_share():
                self._open()
            self.tally.catch_up(self.folder.journals())
        except RunDirectoryDamaged:
            if not self.is_joined:
                raise
            self._open()

    def _has_other_share(self) -> bool:
        if not self.starts[-1].claims and self.folder.journals() == self._journals:
            return False
        before, starts = self.starts, [one.header for one in incarnations_of(self.folder)]
        if not starts:
            # What was read stays: it may be a mount that is away for a while.
            raise CannotRead(f"the journals of {self.folder.path} are not there any more")
        self._journals, self.starts = self.folder.journals(), starts
        return ever_owed(self.starts) != ever_owed(before) or self.starts[-1].digest != before[-1].digest

    def look(self) -> MachineStatus:
        """As it stands now."""
        self.refresh()
        return self.status()

    def status(self) -> MachineStatus:
        """As it stood when it was last refreshed."""
        # Files alone are looked at, and no process is asked: the run may be on another host, or over, or of another
        # version.
        tally, now = self.tally, time.time()
        live = self._live(now)
        active = tuple(_active(one, self.header.machine) for one in live.get("running", ()))
        last, began = self._last_ends.look()
        ends = [end for end, _ in last]
        rate, over_s = _rate(ends, began, now, tally.durations, len(active)) if live else (0.0, WINDOW_S)
        # The tally holds the machine's own positions first, then those of an audit.
        owned = sum(stop - start for start, stop in self.header.ranges)
        done, elsewhere, failed, *skipped = (
            tally.states.count(state, 0, owned) for state in (DONE, ELSEWHERE, FAILED, SKIPPED, SPARED)
        )
        audits = len(tally.states) - owned
        audited = audits - tally.states.count(NEW, owned)
        if self.is_joined:
            # What was taken over from it is another's now.
            owned, elsewhere, skipped = owned - elsewhere - skipped[1], 0, skipped[:1]
        return MachineStatus(
            self.header.machine,
            self.header.digest,
            jobs=owned,
            done=done + elsewhere,
            failed=failed,
            skipped=sum(skipped),
            running=max(len(active), int(live.get("counts", {}).get("running", 0))),
            is_live=bool(live),
            rate=rate,
            forecast=_told_by_itself(live)
            or forecast(tally.todo, rate, tally.durations, len(tally.states), self.is_sample),
            active=active,
            durations=tally.durations,
            arrivals=tuple(later - end for end, later in pairwise(ends)),
            recent=tuple(job for _, job in last),
            first_start=tally.first_start,
            last_end=tally.last_end,
            damaged=tally.damaged,
            path=self.folder.path,
            audits=audits,
            audited=audited,
            rate_over_s=over_s,
            adopted=self._adopted(),
        )

    def _adopted(self) -> int:
        if not any(one.whence for one in self.starts):
            return 0
        count = 0
        for one in incarnations_of(self.folder):
            part = self.tally.parts.get(one.path.name)
            if one.header.whence and part:
                # Beside its header a line each, and the one that ends it.
                # From the counts of lines, for there may be a million of them, and a look is to take no time.
                is_ended = has_ended(one)
                count += part.lines - HEADER_LINES - part.damaged - is_ended
        return count

    def _keep(self) -> None:
        """A long journal was brought home without its tally, or has outgrown it: the next look is to be quick. A run
        keeps its own; where nothing can be written, the next look reads again."""
        if not is_locked(self.folder):
            try:
                save(self.tally, self.folder.tally)
            except OSError:
                return

    def _live(self, now: float) -> Mapping[str, Any]:
        """What the running process tells of itself; empty when there is none."""
        if self.pulse:
            return (told_by_beat(self.folder) or {"counts": {}}) if self.pulse.is_felt() else {}
        try:
            facts = json.loads(self.folder.live.read_bytes())
            is_fresh = now - facts["updated"] < FRESH_S
            is_here = facts["host"] == host_name() and self.folder.lock.exists()
        except (OSError, ValueError, KeyError, TypeError):
            facts, is_fresh, is_here = {}, False, self.folder.lock.exists()
        # The kernel knows, on its own host: a file of the last second is there too when its run was just killed. From
        # elsewhere nobody can ask, for such a lock does not cross a network mount: so its age has to do.
        if is_here:
            return (facts or {"counts": {}}) if is_locked(self.folder) else {}
        return facts if is_fresh else {}


def owed_now(header: Header, plan: Plan | None) -> Header:
    """What its machine owes by the plan at hand, where that continues the same origin; what the header says else."""
    if (
        header.is_joined
        or plan is None
        or header.origin != plan.origin_hex
        or header.digest == plan.hex
        or header.machine == ALL
    ):
        return header
    if header.machine not in {machine.name for machine in plan.machines}:
        return replace(header, ranges=tuple((start, start) for start, _ in plan.share_all().ranges), audit=())
    share = plan.share(header.machine)
    return replace(header, digest=plan.hex, ranges=share.ranges, audit=share.audit)


def forecast(todo: int, rate: float, durations: Durations, jobs: int, is_sample: bool = True) -> Forecast | None:
    """What is to do, at the present rate. Positions are shuffled, so the jobs that are done are a random sample
    of those that are not: how far durations differ among them says how far the sum of the others can be off.
    Jobs that run in the order of the pool are no sample, and there is no range."""
    if not todo:
        return Forecast(0.0, 0.0, 0.0)
    if rate <= 0 or not durations.count:
        return None
    seconds = todo / rate
    spread = sqrt(durations.variance) / durations.mean if durations.mean and is_sample else 0.0
    known = min(durations.count, max(1, jobs))
    # 1.96 standard errors are nineteen times of twenty. Both sums are chance: that of what has run, from which the
    # mean is known, and that of what is to come.
    off = 1.96 * spread * sqrt(1 / known + 1 / todo)
    return Forecast(seconds, seconds * max(0.0, 1 - off), seconds * (1 + off))


def _told_by_itself(live: Mapping[str, Any]) -> Forecast | None:
    """What a run knows of its end that knows what its jobs cost."""
    seconds = live.get("counts", {}).get("eta_s")
    return Forecast(seconds, seconds, seconds) if isinstance(seconds, float) else None


def _rate(ends: list[float], began: float | None, now: float, durations: Durations, slots: int) -> tuple[float, float]:
    """Jobs a second: of the last two minutes, or of some rounds of all slots when jobs are longer; and of how many
    seconds that is."""
    # With jobs of an hour two minutes hold one end, or none: a rate would jump between nothing and far too much.
    window = max(WINDOW_S, 4 * durations.mean)
    since = max(now - window, began or (ends[0] if ends else now))
    count = sum(end > since for end in ends)
    first = next((end for end in ends if end > since), None)
    if first is not None and ends[0] > since and began is None:
        # All that the tail of the journal holds is younger than the window.
        return (count - 1) / (ends[-1] - first) if ends[-1] > first else 0.0, ends[-1] - first
    if count:
        return count / max(now - since, 1e-3), now - since
    # No end for that long: what is known is how long jobs took before.
    return slots / durations.mean if durations.mean and slots else 0.0, window


def _active(facts: Mapping[str, Any], machine: str) -> Active:
    return Active(
        facts["job"],
        facts["slot"],
        attempt=facts["attempt"],
        started=facts["started"],
        activity=facts.get("activity"),
        fraction=facts["fraction"],
        text=facts["text"],
        machine=machine,
    )
