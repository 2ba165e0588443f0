"""The certificate of runs that are complete: the one that a merge gives, without a table."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.merge.gather import Journal, NeedsMore
from shareout.merge.proof.certificate import Proven
from shareout.merge.proof.complete import are_apart
from shareout.merge.results import Merge
from shareout.titles import named_columns


def proof_of(journals: Sequence[Journal], common: Common, *, processes: int = 0) -> Proven | None:
    """None where jobs are missing, or records contradict each other. `processes`: 0 for as many as are good."""
    try:
        return _attempt(journals, common, lean=are_apart(journals), processes=processes)
    except NeedsMore:
        return _attempt(journals, common, lean=False, processes=processes)


def names_of(journals: Sequence[Journal], common: Common) -> tuple[str, ...]:
    """As the configs at hand call the results, else as those did that the runs had."""
    here = named_columns(common.configs, load_settings(common.configs)) if common.configs.is_dir() else ()
    # The least of them and not the first: in which order directories are named must not change the table.
    return here or min((journal.header.columns for journal in journals if journal.header.columns), default=())


def _attempt(journals: Sequence[Journal], common: Common, *, lean: bool, processes: int) -> Proven | None:
    lean = lean and journals[0].header.kind != "command"
    with Merge(journals, None, lean=lean, processes=processes) as merge:
        merge.gather()
        summary = merge.summarize()
    if not summary.is_complete or summary.is_contradicted:
        return None
    return Proven.of(journals[0].header.work, names_of(journals, common), summary)
