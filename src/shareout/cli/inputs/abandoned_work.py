"""What a run would leave behind: work that was done with other inputs from the same place, before they changed."""

from __future__ import annotations

from shareout.cli.inputs.recorded_call import Call, is_same_place
from shareout.cli.inputs.run_folders import tell
from shareout.cli.options import Common
from shareout.errors import ShareoutError
from shareout.plan.ids import ids_as_told
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE


def tell_other_inputs(call: Call, common: Common, plan: Plan, machine: str) -> None:
    """New inputs are a new plan that starts from nothing: who changed them by a slip should know before it does."""
    if RunFolder.of(common.runs, plan.origin, machine).journals():
        return
    found = _others(call, common, plan, machine)
    if not found:
        return
    # Told and not refused: most changes of inputs are meant, and nothing is lost by a new run directory.
    told = ", ".join(f"{done:,} done jobs of another plan ({digest[:16]})" for digest, done in found.items())
    tell(f"{common.runs} has {told}; the inputs have changed since, and this plan begins anew")
    tell("to go on with those put the inputs back as they were; `rebalance`, made before a change, keeps what is done")


def _others(call: Call, common: Common, plan: Plan, machine: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in sorted(common.runs.glob(f"*/{machine}")):
        folder = RunFolder(path)
        if not is_same_place(call, folder):
            continue
        try:
            header = newest_header(folder)
            if call.own is None and header.work == plan.work.hex():
                # Of the very jobs: it can be gone on with, and somebody has said not to.
                continue
            if header.origin != plan.origin_hex and header.origin not in plan.ancestors:
                done = tally_of(folder, header, ids_as_told(header)).states.count(DONE)
                # A plan that was looked at and never did anything is nobody's loss.
                if done:
                    found[header.origin] = done
        except (OSError, ShareoutError):
            continue
    return found
