"""The runs that are looked at again and again, by `status` and its page: opened once, read on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.followed_runs import follow
from shareout.cli.inputs.run_folders import folders_of
from shareout.cli.options import Common, Web
from shareout.config import Settings
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.names import SCHEME
from shareout.plan.plan import Plan
from shareout.plan.shares.forecast import forecast_of
from shareout.record.folder import RunFolder
from shareout.status.beat import newcomers, shared_lanes
from shareout.status.costs import MOST_JOBS, Against, Comparison
from shareout.status.groups import GroupStatus, standings
from shareout.status.machine import Follower
from shareout.status.total import Status, by_group, look, settled_before

if TYPE_CHECKING:
    from shareout.cli.page_state import Looked
    from shareout.cli.place.brought import Brought
    from shareout.status.lanes import Lanes

FIND_S = 5.0
"""Between two looks for machines that have begun."""
FIRST_S = 0.3
"""As long as none has."""
GROUPS_PART = 0.01
"""Of a core, for groups: each look at them goes through all jobs."""


@dataclass(frozen=True, slots=True)
class StatusArguments:
    """The flags of `status`."""

    sources: list[str]
    active: bool
    by_group: bool
    as_swarm: bool
    every_s: float | None
    """How long to wait between two looks; None: look once."""
    web: Web | None = None
    web_of: int | None = None
    """The page is that of a run which has started this process, and this is where it is listened on."""


class Watched:
    """The runs that are looked at, opened once: a look again reads only what is new."""

    def __init__(
        self, folders: Sequence[RunFolder], asked: StatusArguments, common: Common, entry: Entry | None
    ) -> None:
        runs = follow(asked.sources, folders, common, entry, needs_pool=asked.by_group)
        self._followers = runs.followers
        self._settled_earlier = settled_before(runs.opened, runs.followers[0].header)
        self.plan = runs.plan
        self._by_group = asked.by_group
        self._comparison = _comparison(runs.plan, runs.settings, self._followers)
        self._groups: dict[str, GroupStatus] = {}
        self._next_groups = self._groups_at = 0.0
        self._was_over = False
        if asked.by_group and not self.has_groups:
            raise UsageError(
                "no groups are known here", way_out="Groups stand in the pool: name its folder with --configs DIR."
            )

    @property
    def has_groups(self) -> bool:
        """Whether the pool is at hand, and has some."""
        return self.plan is not None and bool(self.plan.pool.groups)

    def look(self) -> Status:
        """As it stands now; with the machines of the plan that left nothing here, when the plan is at hand."""
        plan = self.plan
        shares = {one.name: len(plan.share(one.name)) for one in plan.machines} if plan else None
        return look(self._followers, shares, self._settled_earlier)

    def has_newcomers(self) -> bool:
        """Whether hosts have begun since that share what these do."""
        return newcomers([one.folder for one in self._followers])

    def lanes(self) -> Lanes | None:
        """Who has what, in the folder that machines share."""
        return shared_lanes([one.folder for one in self._followers])

    def against(self) -> list[Against]:
        """How what was expected compares, where it is known what jobs cost."""
        return self._comparison.look() if self._comparison else []

    def looked(self) -> Looked:
        """For a page: groups too, where there are any."""
        from shareout.cli.page_state import Looked

        status, now = self.look(), time.monotonic()
        is_end, self._was_over = status.is_over and not self._was_over, status.is_over
        if self.has_groups and self.plan and (now >= self._next_groups or is_end):
            # By what it takes of a core, and not by the clock: where many others run, that is a while anyway.
            began = time.thread_time()
            self._groups, self._groups_at = _groups(self._followers, self.plan, status), time.time()
            self._next_groups = time.monotonic() + (time.thread_time() - began) / GROUPS_PART
        folders = [(one.header.machine, one.folder) for one in self._followers]
        group_of = self.plan.pool.group if self.has_groups and self.plan else None
        return Looked(status, self._groups, folders, group_of, groups_at=self._groups_at)

    def groups(self, status: Status) -> dict[str, GroupStatus]:
        """Group by group, when that is asked for."""
        return _groups(self._followers, self.plan, status) if self._by_group and self.plan else {}


class Looks:
    """For a page, which may stay open for days: machines that begin later are found now and then."""

    def __init__(self, asked: StatusArguments, common: Common, entry: Entry | None, *, is_early: bool = False) -> None:
        """`is_early`: nothing may have been recorded yet, and is waited for."""
        self._asked, self._common, self._entry = asked, common, entry
        self._is_early = is_early
        self._watched: Watched | None = None
        self._known: set[Path] = set()
        self._next = 0.0
        self._unpacked, self._brought = ExitStack(), ExitStack()
        self._source: Brought | None = None
        """What is at an address, and comes here."""

    def __enter__(self) -> Looks:
        if not self._is_early:
            self._find()
        return self

    def __exit__(self, *_: object) -> None:
        self._unpacked.close()
        self._brought.close()

    def __call__(self) -> Looked | None:
        """As it stands; None while there is nothing."""
        if time.monotonic() >= self._next:
            self._find()
        return self._watched.looked() if self._watched else None

    def catch_up(self) -> None:
        """Before a last look: what has arrived by now."""
        if self._source:
            self._source.catch_up()

    def _find(self) -> None:
        self._bring()
        kept = ExitStack()
        try:
            found = kept.enter_context(folders_of(self._asked.sources, self._common))
        except UsageError:
            if not self._is_early:
                raise
            found = []
        paths = {one.path for one in found}
        # Also where others are gone for good, as where somebody has begun anew.
        is_more = bool(paths - self._known)
        # One of the two is looked at no longer: in days these are thousands.
        (self._unpacked if is_more else kept).close()
        if is_more:
            self._unpacked = kept
            self._watched, self._known = Watched(found, self._asked, self._common, self._entry), paths
        # Nothing new comes into an archive, and what was unpacked is elsewhere each time.
        is_fixed = not all(Path(one).is_dir() for one in self._asked.sources)
        every_s = FIND_S if self._known else FIRST_S
        self._next = inf if is_fixed and self._known else time.monotonic() + every_s

    def _bring(self) -> None:
        """What is at an address comes here once, and is kept up with: also what begins there later."""
        if self._source or not any(one.startswith(SCHEME) for one in self._asked.sources):
            return
        from shareout.cli.place.brought import brought

        # With what jobs printed: a failure's last lines.
        self._source = self._brought.enter_context(brought(self._asked.sources, self._common, has_logs=True))
        self._asked = replace(self._asked, sources=self._source.places)
        self._common = replace(self._common, token_file=None)


def _comparison(plan: Plan | None, settings: Settings | None, followers: Sequence[Follower]) -> Comparison | None:
    if plan is None or settings is None or plan.cost_source is None or plan.jobs > MOST_JOBS:
        return None
    forecast = forecast_of(plan, settings.run)
    return Comparison(plan, forecast, followers) if forecast else None


def _groups(followers: Sequence[Follower], plan: Plan, status: Status) -> dict[str, GroupStatus]:
    absent = (
        position for name in status.absent for start, stop in plan.share(name).ranges for position in range(start, stop)
    )
    active = [plan.position_of(one.job) for one in status.active]
    found = by_group(followers, absent, lambda at: plan.pool.group(plan.job_at(at)), active)
    order = {name: number for number, name in enumerate(plan.pool.groups)}
    ordered = dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))
    return standings(status, ordered, plan.pool.group)
