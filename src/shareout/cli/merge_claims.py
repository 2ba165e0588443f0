"""What hosts that shared their work claimed, held against the entries of their ledger, where these lie beside the
journals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shareout.cli.inputs.run_folders import tell
from shareout.cli.place.ledger import ledgers_in
from shareout.ledger.beat import MACHINES
from shareout.merge.gather import Journal
from shareout.status.claims import Amiss, NotHere, amiss
from shareout.units import counted

SHOWN = 5
UNKNOWN = object()
"""The entries that would tell are not here."""


def claims_told(journals: Sequence[Journal]) -> dict[str, Any]:
    """Told to a person; and for a script whether all could be compared, and of how many jobs of which machine no entry
    bears out the claim. They count all the same: what was run is proved by journals."""
    beside = {journal.folder: ledgers_beside(journal) for journal in journals}
    here = list(dict.fromkeys(one for ledgers in beside.values() for one in ledgers))
    found, is_compared = [], True
    for journal in journals:
        if journal.claims:
            one = _compared(journal, beside[journal.folder], here)
            is_compared &= one is not UNKNOWN
            if isinstance(one, Amiss):
                found.append(one)
    for one in found[:SHOWN]:
        tell(_sentence(one))
    if found[SHOWN:]:
        tell(f"and claims of {len(found) - SHOWN} more starts")
    if not is_compared:
        tell("not all entries by which hosts shared this work are here: what they claimed was not compared with them")
    jobs: dict[str, int] = {}
    for one in found:
        jobs[one.machine] = jobs.get(one.machine, 0) + one.jobs
    return {"compared": is_compared, "amiss": jobs}


def _compared(journal: Journal, beside: Sequence[Path], here: Sequence[Path]) -> Amiss | object | None:
    """By the entries of the folder that it lies in; of one that was brought from elsewhere, by those at hand, which may
    be of another ledger."""
    near = beside or [one for one in here if journal.header.origin.startswith(one.parent.name)]
    try:
        one = amiss(near, journal.header, journal.claims) if near else UNKNOWN
    except NotHere:
        return UNKNOWN
    return UNKNOWN if isinstance(one, Amiss) and not (beside or one.is_there) else one


def ledgers_beside(journal: Journal) -> list[Path]:
    """Those of the same jobs in the shared folder that a journal lies in; none where it lies elsewhere."""
    folder = journal.folder.path.absolute().parent
    if folder.name != MACHINES:
        return []
    place = folder.parent.parent.parent
    return [one for one in ledgers_in(place) if one.parent == folder.parent.parent]


def _sentence(one: Amiss) -> str:
    where = f"lane {one.lane}, entry {one.k}"
    why = f"{where} is of {one.owner or 'nobody'}" if one.is_there else f"there is no {where}; was it set back?"
    return f"{one.machine} claims what no entry gave it, {counted(one.jobs, 'job')}: {why}"
