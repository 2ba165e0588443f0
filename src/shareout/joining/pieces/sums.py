"""What all hosts together have done, as far as this one knows by the newest entries."""

from __future__ import annotations

from shareout.events import Counts
from shareout.fields import replace
from shareout.joining.pieces.picking import Picking
from shareout.joining.pieces.places import Places
from shareout.ledger.host import Host
from shareout.ranges import size
from shareout.record.tallies.standing import DONE, ELSEWHERE
from shareout.record.tallies.tally import Tally


def whole(known: Counts, host: Host, tally: Tally, picking: Picking, places: Places) -> Counts:
    """What this machine knows → what is done of all."""
    if host.asking.phases.is_stream:
        known = replace(known, jobs=host.asking.state.fed)
    entries = [lane.entry for lane in host.lanes.values()]
    failed = _failed(known, host)
    # Where one was skipped too late, this machine's own journal or another's may have it as done.
    skipped = max(known.skipped, size(places.skipped()) - _skipped_in_vain(tally, places))
    found = [(entry.low, entry.hi) for entry in entries] + [(root.low, root.hi) for root in host.later]
    left = [one for low, hi in found if low < hi for one in places.real(low, hi)]
    counted = [picking.count(*one) for one in ((0, known.jobs), *left)]
    if None in counted:
        # Of a part of the jobs that cannot be told apart so quickly, only what was done here is known.
        return replace(known, failed=failed, skipped=skipped)
    all_of_them, *open_ = (count or 0 for count in counted)
    over = all_of_them - sum(open_) - failed - skipped
    return replace(known, done=max(known.done, over), failed=failed, skipped=skipped)


def _failed(known: Counts, host: Host) -> int:
    failed = sum(host.failed_in.values()) + sum(lane.entry.failed for lane in host.lanes.values())
    if not host.is_over():
        # What failed here may not be told yet. In the end it counts as others may have found it since: well.
        failed = max(known.failed, failed)
    return failed


def _skipped_in_vain(tally: Tally, places: Places) -> int:
    """How many jobs were skipped when they were done."""
    found = 0
    for start, stop in places.skipped():
        at = tally.index(start)
        found += tally.states.count(DONE, at, at + stop - start)
        found += tally.states.count(ELSEWHERE, at, at + stop - start)
    return found
