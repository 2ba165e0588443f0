"""`--adopt`: which run directories of earlier lists are meant, and the word that there is something to adopt."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from shareout.adopt.adopting import Adopt, adoptable, places_of
from shareout.adopt.lists import MOST_JOBS, folders_below
from shareout.cli.inputs.run_folders import inputs_for, tell
from shareout.cli.merge_asked import ANY_CODE
from shareout.cli.options import Common
from shareout.config import Settings
from shareout.entry import Entry
from shareout.errors import ShareoutError, UsageError
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.plan.shares.said import PYTHON
from shareout.ranges import Range, without
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header
from shareout.record.sources import find_sources
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE, FAILED, SKIPPED
from shareout.titles import named_columns
from shareout.units import counted

MOST_COUNTED = 100_000
"""Jobs that are compared for a mere word about them: in less than a second."""
TIED = frozenset(("rng", "info"))
"""What a Python job may be given that is another thing in another list."""


@contextmanager
def adoption(words: Sequence[str] | None, common: Common, entry: Entry | None, plan: Plan) -> Iterator[Adopt | None]:
    """What `--adopt` says: all below `--runs`, or these directories and archives, unpacked for its time."""
    if words is None:
        yield None
        return
    places = [word for word in words if word != ANY_CODE]
    with find_sources(places, tell) if places else nullcontext() as found:
        yield adopt_from(found.folders if found else folders_below(common.runs), words, entry, plan)


def adopt_from(folders: Sequence[RunFolder], words: Sequence[str], entry: Entry | None, plan: Plan) -> Adopt:
    """From these directories. Refused where what a job does depends on its place in the list."""
    if plan.kind == PYTHON and (entry is None or entry.job is None):
        raise UsageError(
            "--adopt asks of a Python program's results whether its code has changed",
            way_out="Call that program itself, with the same words.",
        )
    tied, extra = _asked_by(entry, plan)
    # Refused as a whole, and not job by job: a result that came of another seed cannot be told from a right one by
    # anybody later.
    if tied:
        raise UsageError(
            f"--adopt takes over what depends on a job's row alone, and the job takes {' and '.join(tied)}",
            way_out="That is another one in every list: its jobs must run.",
        )
    return Adopt(folders, ANY_CODE in words, extra)


@contextmanager
def adopted_for_merge(
    words: Sequence[str], folders: Sequence[RunFolder], common: Common, entry: Entry | None
) -> Iterator[list[RunFolder]]:
    """Those of these directories that are of the list at hand, and one that holds, while this lasts, what runs of other
    lists have done of its other jobs."""
    from shareout.run.request import RunRequest, header_of

    plan, settings = inputs_for(common, entry, folders)
    own = [one for one in folders if newest_header(one).work == plan.work.hex()]
    asked = adopt_from([one for one in folders if one not in own], words, entry, plan)
    with TemporaryDirectory(prefix="shareout-adopted-") as place:
        columns = named_columns(common.configs, settings)
        request = RunRequest(plan, settings, machine=ALL, runs=Path(place), columns=columns)
        share, folder = plan.share(ALL), RunFolder.of(request.runs, plan.origin, ALL)
        folder.path.mkdir(parents=True)
        for found in adoptable(asked, plan, settings, lambda: _unsettled(plan, own), tell):
            found.write(folder, header_of(request, share))
        yield [*own, folder] if folder.journals() else own


def _unsettled(plan: Plan, folders: Sequence[RunFolder]) -> array[int]:
    """What none of these runs of the plan has tried."""
    settled: list[Range] = []
    tried: list[int] = []
    for folder in folders:
        header = newest_header(folder)
        if header.origin == plan.origin_hex:
            tally = tally_of(folder, header, plan.ids_of(header.origin))
            settled += tally.stretches(DONE, FAILED, SKIPPED)
            tried += tally.tries
    return places_of(plan, without(plan.share(ALL).ranges, settled), tried)


def tell_adoptable(common: Common, entry: Entry | None, plan: Plan, settings: Settings) -> None:
    """Only a word: whoever changed a list may have meant all of it to run. Counted where that takes no time."""
    own = plan.origin[:8].hex()
    folders = [one for one in folders_below(common.runs) if one.path.parent.name != own]
    if plan.total > MOST_JOBS or not folders or any(common.runs.glob(f"{own}/*/journal.*")):
        return
    if plan.total > MOST_COUNTED or sum(one.size() for one in folders) > MOST_COUNTED << 9:
        if any(folder.kept_list.is_dir() for folder in folders):
            tell("there are runs of other lists here; --adopt takes over what they have done of these jobs")
    elif count := _count(plan, settings, entry, folders):
        tell(f"an earlier list has {count:,} of these {counted(plan.jobs, 'job')} done: --adopt takes them over")


def _count(plan: Plan, settings: Settings, entry: Entry | None, folders: Sequence[RunFolder]) -> int:
    def everywhere() -> array[int]:
        return places_of(plan, [(0, plan.jobs)], ())

    try:
        found = adoptable(adopt_from(folders, (), entry, plan), plan, settings, everywhere, lambda sentence: None)
        return sum(len(one.done.lines) for one in found)
    # Who asks only offers something: what cannot be read is refused by whoever is told to read it.
    except (OSError, ValueError, ShareoutError):
        return 0


def _asked_by(entry: Entry | None, plan: Plan) -> tuple[list[str], frozenset[str]]:
    """What of a Python job's arguments is another one in another list, and which fields it is not given."""
    if entry is None or entry.job is None:
        return [], frozenset()
    from shareout.run.python.binding import Binding

    binding = Binding(entry.job, plan.pool)
    return sorted(binding.given & TIED), binding.extra
