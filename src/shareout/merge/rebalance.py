"""What is not done → what new inputs must hold: ranges of positions, from the tallies of the run directories.

A machine whose directory is not here counts as having done nothing; the caller tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shareout.plan.ids import ids_as_told
from shareout.ranges import Range, without
from shareout.record.amend import refuse_busy
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import told
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE, FAILED, SKIPPED


def left_positions(
    jobs: int, journals: Sequence[tuple[RunFolder, Header]], said: Callable[[str], None], *, failed: bool
) -> tuple[Range, ...]:
    """Of all positions of a plan those that no machine has done. `failed`: what failed is left as well. Positions and
    not ids: what is left is contiguous in the order in which jobs run, so that a few ranges say it for a pool of any
    size. As ids it would be a list of half the pool."""
    settled = [DONE, SKIPPED] if failed else [DONE, SKIPPED, FAILED]
    done: list[Range] = []
    refuse_busy([folder for folder, _ in journals])
    for folder, header in journals:
        # Its own jobs, and those of others that it has done in an audit, or owed before: they count in the merge.
        tally = tally_of(folder, header, ids_as_told(header))
        for sentence in told(tally.damage):
            said(sentence)
        done += tally.stretches(*settled)
    return tuple(without([(0, jobs)], done))
