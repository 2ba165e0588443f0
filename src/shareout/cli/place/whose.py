"""Who has what is missing from a merge, where hosts share a run: as their ledger tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shareout.plan.plan import Plan
from shareout.status.beat import LANES
from shareout.status.lanes import Lanes, lanes_in
from shareout.units import format_duration

NOBODY = "nobody now"
LOST = "what hosts hold for over and no journal here has (`requeue --missing` gives it out again)"


def whose_there(ledger: Path, plan: Plan) -> Callable[[int], str | None]:
    """Whose a job is, in words."""
    lanes = lanes_in(ledger)
    numbers = {one.name: number for number, one in enumerate(plan.machines)}

    def whose(job: int) -> str | None:
        try:
            position = plan.position_of(job)
        except IndexError:
            # An earlier plan settled it, and the directory that tells how is not here.
            return None
        if held := lanes.holding(position):
            return _owner(held.machine, lanes)
        machine = plan.owner(job)
        phase = next(at for at, (low, hi) in enumerate(plan.share(machine).ranges) if low <= position < hi)
        begun = (ledger / LANES / f"{numbers[machine]}.{phase}").is_dir()
        return LOST if begun else f"{machine}, which has not come"

    return whose


def _owner(name: str, lanes: Lanes) -> str:
    if not name:
        return NOBODY
    silent = f", silent for {format_duration(round(lanes.silent[name]))}" if name in lanes.silent else ""
    return f"{name}{silent}"
