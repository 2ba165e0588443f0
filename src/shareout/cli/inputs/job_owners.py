"""Whose jobs are: as the ledger tells where hosts share them, as the plan says when its inputs are here, else as far as
the journals themselves tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shareout.cli.options import Common
from shareout.cli.planning import plan_of
from shareout.entry import Entry
from shareout.errors import CannotRead, ShareoutError
from shareout.merge.gather import Journal
from shareout.merge.proof.complete import Summary, missing_by_owner, owners_without_plan
from shareout.plan.plan import Plan


def owners_of_missing(
    summary: Summary, journals: Sequence[Journal], common: Common, entry: Entry | None
) -> dict[str | None, int]:
    """How many of the missing jobs are whose, the largest first; empty when nobody can tell. None: of machines that
    left no run directory here."""
    if not summary.missing_ids:
        return {}
    if shared := _whose_there(journals, common, entry):
        return missing_by_owner(summary.missing_ids, shared)
    plan = _plan_of(journals, common, entry)
    owner = _owner_by(plan) if plan else owners_without_plan(journals)
    return missing_by_owner(summary.missing_ids, owner) if owner else {}


def ran_longest_first(journals: Sequence[Journal], common: Common, entry: Entry | None) -> bool:
    """Whether it is known here that what jobs cost said which ran first: then those that ran are no sample of all."""
    plan = _plan_of(journals, common, entry)
    return plan is not None and plan.cost_source is not None


def _whose_there(
    journals: Sequence[Journal], common: Common, entry: Entry | None
) -> Callable[[int], str | None] | None:
    """None where the journals lie in no ledger's folder, or its plan is nowhere."""
    from shareout.ledger.beat import MACHINES

    if journals[0].folder.path.parent.name != MACHINES:
        return None
    from shareout.cli.inputs.run_folders import inputs_at_hand
    from shareout.cli.place.whose import whose_there

    folders = list(dict.fromkeys(journal.folder for journal in journals))
    found = inputs_at_hand(common, entry, folders)
    if found is None or found[0].origin_hex not in {one.header.origin for one in journals}:
        return None
    return whose_there(folders, found[0])


def _plan_of(journals: Sequence[Journal], common: Common, entry: Entry | None) -> Plan | None:
    if not (common.configs / "machines.json").is_file():
        return None
    try:
        plan, _ = plan_of(common, entry, local_barriers=True, kind=journals[0].header.kind)
    except CannotRead:
        raise
    except ShareoutError:
        # Inputs of something else, or not whole: the merge does without them.
        return None
    return plan if plan.origin_hex in {journal.header.origin for journal in journals} else None


def _owner_by(plan: Plan) -> Callable[[int], str | None]:
    def owner(job: int) -> str | None:
        try:
            return plan.owner(job)
        except IndexError:
            # An earlier plan settled it, and the directory that tells how is not here.
            return None

    return owner
