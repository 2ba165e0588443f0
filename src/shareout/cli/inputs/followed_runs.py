"""The runs that are looked at again and again, by `status` and by `wait`: opened once, and of one plan."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.cli.inputs.run_folders import if_of_these, inputs_at_hand, meant, tell
from shareout.cli.options import Common
from shareout.config import Settings
from shareout.entry import Entry
from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.status.machine import Follower
from shareout.status.total import newest_plan, open_followers


@dataclass(frozen=True, slots=True)
class FollowedRuns:
    """What there is to look at."""

    opened: Sequence[Follower]
    """Of all plans whose jobs have the same ids."""
    followers: Sequence[Follower]
    """Those of the plan that was worked on last."""
    plan: Plan | None
    """That one, when its inputs are at hand."""
    settings: Settings | None
    """Of these inputs."""


def follow(
    sources: Sequence[str],
    folders: Sequence[RunFolder],
    common: Common,
    entry: Entry | None,
    *,
    needs_pool: bool = False,
) -> FollowedRuns:
    """Those that are meant among these folders, which the sources were found to hold."""
    # A look now and then is not to read all of a pool in a folder over a network.
    at_hand, settings = inputs_at_hand(common, entry, folders, from_shared=needs_pool) or (None, None)
    chosen = meant(sources, folders, at_hand)
    plan = if_of_these(at_hand, chosen)
    opened = open_followers(chosen, tell, plan)
    followers = newest_plan(opened, tell)
    # In another plan a position is another job: neither costs nor groups are to be looked up by it.
    plan = if_of_these(plan, [one.folder for one in followers])
    return FollowedRuns(opened, followers, plan, settings)
