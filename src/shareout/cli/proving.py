"""The certificate of runs that are complete: the one that a merge gives, without a table."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.cli.merge_beside import names_of
from shareout.cli.options import Common
from shareout.merge.gather import Journal
from shareout.merge.proof.certificate import Proven, work_of
from shareout.merge.proof.complete import leanest
from shareout.merge.results import Merge


def proof_of(journals: Sequence[Journal], common: Common, *, processes: int = 0) -> Proven | None:
    """None where jobs are missing, or records contradict each other. `processes`: 0 for as many as are good."""

    def attempt(lean: bool) -> Proven | None:
        with Merge(journals, None, lean=lean, processes=processes) as merge:
            merge.gather()
            summary = merge.summarize()
        if not summary.is_complete or summary.is_contradicted:
            return None
        return Proven.of(work_of(journals), names_of(journals, common), summary)

    return leanest(journals, attempt)
