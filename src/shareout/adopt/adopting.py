"""Done jobs of earlier lists, as records of the jobs of a plan that have the same texts: nothing is run."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from shareout.adopt.lists import earlier_lists
from shareout.adopt.matching import NOBODY
from shareout.adopt.records import DoneJobs, done_jobs
from shareout.code_hash import code_hash
from shareout.config import Settings
from shareout.fields import dataclass, replace
from shareout.plan.plan import Plan
from shareout.plan.shares.said import PYTHON
from shareout.ranges import Range
from shareout.record.folder import RunFolder
from shareout.record.journal import ADOPTED, Header
from shareout.record.writer import JournalWriter, session_now

LOT = 1000


Wrote = Callable[[list[int], bytes], None]
"""Told the positions of some records, and their lines."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """From where to take what is done."""

    folders: Sequence[RunFolder]
    """Those of the plan itself are passed over."""
    any_code: bool = False
    """Also what a Python job returned by other code."""
    extra: frozenset[str] = frozenset()
    """Fields that a Python job is not given: they may have changed."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What one run directory has of the jobs that are asked for."""

    done: DoneJobs
    ids: array[int]
    """Of all jobs of that list, in the plan."""
    places: array[int]

    def write(self, folder: RunFolder, header: Header, wrote: Wrote = lambda positions, lines: None) -> JournalWriter:
        """A record of each, in a journal of their own, which is whole when this comes back; `wrote` is told of some at
        a time."""
        start = session_now("start", f"{ADOPTED}{self.done.whence}")
        writer = JournalWriter(folder, replace(header, start=start))
        try:
            jobs, ids = iter(self.done.lines), self.ids
            while lot := list(islice(jobs, LOT)):
                new = [ids[job] for job in lot]
                positions = [self.places[job] for job in new]
                lines = b"".join(self.done.adopted(lot, new, positions))
                writer.append(lines)
                wrote(positions, lines)
            writer.end(start.reason)
            writer.sync()
            return writer
        finally:
            writer.close()


def adoptable(
    asked: Adopt, plan: Plan, settings: Settings, places: Callable[[], array[int]], said: Callable[[str], None]
) -> Iterator[Adopted]:
    """A directory after the other, each with what those before it did not have. `places`: by id the position of each
    job that is asked for, else NOBODY; only called where there is something to compare."""
    found = earlier_lists(asked.folders, plan, settings)
    for sentence in found.unknown:
        said(f"cannot be adopted from: {sentence}")
    wanted = places() if found.lists else array("q")
    # Of a command the text is all that is known: which programs it calls, and in which version, nobody has recorded.
    code = None if plan.kind != PYTHON or asked.any_code else code_hash()
    for one in found.lists:
        matched = one.match(plan, asked.extra)
        # Arrays, of eight bytes a job: a list may have ten million.
        ids = array("q", [NOBODY if new == NOBODY or wanted[new] == NOBODY else new for new in matched])
        for folder in one.folders:
            done = done_jobs(folder, ids, code)
            for sentence in done.said:
                said(sentence)
            if done.lines:
                yield Adopted(done, ids, wanted)
            # Behind the yield, and not before: until it comes back, what it was given is written by these very arrays.
            for job in done.lines:
                wanted[ids[job]] = NOBODY
                ids[job] = NOBODY


def places_of(plan: Plan, ranges: Iterable[Range], tried: Iterable[int]) -> array[int]:
    """By id the position of each job in these ranges, else NOBODY: also of those that have a history here, as what
    `requeue` took back."""
    places = array("q", [NOBODY]) * plan.total
    for start, stop in ranges:
        for position, job in enumerate(plan.jobs_between(start, stop), start):
            places[job] = position
    for position in tried:
        places[plan.job_at(position)] = NOBODY
    return places
