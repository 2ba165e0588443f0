"""What is not done → what new inputs must hold: ranges of positions, from the tallies of the run directories.

A machine whose directory is not here counts as having done nothing; the caller tells it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from shareout.plan.ids import ids_as_told
from shareout.record.amend import refuse_busy
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import told
from shareout.record.tallies.tally import DONE, FAILED, SKIPPED, tally_of

# Positions and not ids: what is left is contiguous in the order in which jobs run, so that a few ranges say it for a
# pool of any size. As ids it would be a list of half the pool.
Range = tuple[int, int]


def left_positions(
    jobs: int, journals: Sequence[tuple[RunFolder, Header]], said: Callable[[str], None], *, failed: bool
) -> tuple[Range, ...]:
    """Of all positions of a plan those that no machine has done. `failed`: what failed is left as well."""
    settled = [DONE, SKIPPED] if failed else [DONE, SKIPPED, FAILED]
    done: list[Range] = []
    refuse_busy([folder for folder, _ in journals])
    for folder, header in journals:
        done += _settled(folder, header, bytes(settled), said)
    return tuple(_complement(jobs, sorted(done)))


def _settled(folder: RunFolder, header: Header, states: bytes, said: Callable[[str], None]) -> Iterator[Range]:
    """Its own jobs, and those of others that it has done in an audit: they count in the merge."""
    tally = tally_of(folder.journal, folder.tally, header, ids_as_told(header))
    for sentence in told(tally.damage, folder.journal):
        said(sentence)
    at = 0
    for start, stop in (*header.ranges, *header.audit):
        # Stretches of equal states at one search each: a share may hold a billion, and there are few changes.
        for match in re.finditer(b"[%b]+" % states, memoryview(tally.states)[at : at + stop - start]):
            yield start + match.start(), start + match.end()
        at += stop - start


def _complement(jobs: int, done: Sequence[Range]) -> Iterator[Range]:
    end = 0
    for start, stop in done:
        if start > end:
            yield end, start
        end = max(end, stop)
    if end < jobs:
        yield end, jobs
