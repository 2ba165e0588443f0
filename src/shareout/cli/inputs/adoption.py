"""`--adopt`: which run directories of earlier lists are meant, and the word that there is something to adopt."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from shareout.adopt.adopting import Adopt, adoptable, places_of
from shareout.adopt.lists import folders_below
from shareout.cli.inputs.run_folders import tell
from shareout.cli.options import Common
from shareout.config import Settings
from shareout.entry import Entry
from shareout.errors import ShareoutError, UsageError
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.sources import find_sources
from shareout.units import counted

ANY_CODE = "any-code"
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
    tied, extra = _asked_by(entry, plan)
    if tied:
        raise UsageError(
            f"--adopt takes over what depends on a job's row alone, and the job takes {' and '.join(tied)}",
            way_out="That is another one in every list: its jobs must run.",
        )
    return Adopt(folders, ANY_CODE in words, extra)


def tell_adoptable(common: Common, entry: Entry | None, plan: Plan, settings: Settings) -> None:
    """Only a word: whoever changed a list may have meant all of it to run. Counted where that takes no time."""
    own = plan.origin[:8].hex()
    folders = [one for one in folders_below(common.runs) if one.path.parent.name != own]
    if not folders or any(common.runs.glob(f"{own}/*/journal.*")):
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
