"""Who has what is missing from a merge, where hosts share a run: as their ledger tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.status.beat import LANES, shared_lanes
from shareout.status.lanes import Lanes
from shareout.units import format_duration

NOBODY = "nobody now"
UNSHARED = "groups that nobody shares here"
LOST = "what hosts hold for over and no journal here has (`requeue --missing` gives it out again)"


def whose_there(folders: Sequence[RunFolder], plan: Plan) -> Callable[[int], str | None]:
    """Whose a job is, in words, by the ledgers into which hosts have shipped these run directories."""
    ledgers: dict[str, Lanes | None] = {}
    numbers = {one.name: number for number, one in enumerate(plan.machines)}

    def whose(job: int) -> str | None:
        group = plan.pool.group(job) or ""
        if group not in ledgers:
            ledgers[group] = shared_lanes(folders, group)
        lanes = ledgers[group]
        try:
            position = plan.position_of(job)
        except IndexError:
            # An earlier plan settled it, and the directory that tells how is not here.
            return None
        if lanes is None:
            return None
        if not lanes.is_about(group):
            return UNSHARED
        if held := lanes.holding(position):
            return _owner(held.machine, lanes)
        machine = plan.owner(job)
        phase = next(at for at, (low, hi) in enumerate(plan.share(machine).ranges) if low <= position < hi)
        has_begun = (lanes.ledger / LANES / f"{numbers[machine]}.{phase}").is_dir()
        return LOST if has_begun else f"{machine}, which has not come"

    return whose


def _owner(name: str, lanes: Lanes) -> str:
    if not name:
        return NOBODY
    silent = f", silent for {format_duration(round(lanes.silent[name]))}" if name in lanes.silent else ""
    return f"{name}{silent}"
