"""The certificate of runs that are complete: the one that a merge gives, without a table."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.cli.merge_beside import names_of
from shareout.cli.options import Common
from shareout.merge.gather import Journal, NeedsMore
from shareout.merge.proof.certificate import Proven
from shareout.merge.proof.complete import are_apart
from shareout.merge.results import Merge


def proof_of(journals: Sequence[Journal], common: Common, *, processes: int = 0) -> Proven | None:
    """None where jobs are missing, or records contradict each other. `processes`: 0 for as many as are good."""
    try:
        return _attempt(journals, common, lean=are_apart(journals), processes=processes)
    except NeedsMore:
        return _attempt(journals, common, lean=False, processes=processes)


def _attempt(journals: Sequence[Journal], common: Common, *, lean: bool, processes: int) -> Proven | None:
    lean = lean and journals[0].header.kind != "command"
    with Merge(journals, None, lean=lean, processes=processes) as merge:
        merge.gather()
        summary = merge.summarize()
    if not summary.is_complete or summary.is_contradicted:
        return None
    return Proven.of(journals[0].header.work, names_of(journals, common), summary)
