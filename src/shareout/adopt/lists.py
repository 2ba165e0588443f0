"""Earlier lists in run directories: those of the same kind of jobs and the same [commands], whose texts are known."""

from __future__ import annotations

import re
from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shareout.adopt.kept import kept_list
from shareout.adopt.matching import match
from shareout.config import Settings
from shareout.errors import ShareoutError
from shareout.fields import dataclass
from shareout.plan.plan import Plan, work_of
from shareout.plan.shares.said import PYTHON
from shareout.pool import Pool, open_pool
from shareout.pool.csv_rows import CsvPool
from shareout.pool.rows import RowPool
from shareout.pool.text import TextPool
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header

MOST_JOBS = 10_000_000
"""Of a longer list texts are not compared: they and the records are held in memory, some 400 bytes a job."""
_NUMBERED = re.compile("SHAREOUT_(?:JOB|LINE|SEED|POOL)|DISBATCH_(?:TASKID|STREAM_INDEX|JOBID|NAMETASKS)")
"""Variables that a job is told another value of in another list: a line that names one is another job there."""


@dataclass(frozen=True, slots=True)
class EarlierList:
    """One list, and the run directories that are here of it."""

    pool: Pool
    folders: Sequence[RunFolder]

    def match(self, plan: Plan, extra: frozenset[str]) -> array[int]:
        """For each of its jobs the id in the plan, or NOBODY. `extra`: fields that a Python job is not given."""
        whole: Pool = getattr(plan.pool, "whole", plan.pool)
        if plan.kind == PYTHON and isinstance(self.pool, TextPool) and isinstance(whole, TextPool):
            # A line is the one argument: not asked for one by one, which takes three times as long.
            return match(self.pool.texts(), whole.texts())
        if plan.kind == PYTHON:
            return match(_calls(self.pool, extra), _calls(whole, extra))
        return match(_commands(self.pool), _commands(whole))


@dataclass(frozen=True, slots=True)
class Found:
    """Those that can be compared, and of the others why not."""

    lists: Sequence[EarlierList]
    unknown: Sequence[str]


def earlier_lists(folders: Iterable[RunFolder], plan: Plan, settings: Settings) -> Found:
    """In the order of the directories, so that every machine takes them in the same."""
    by_work: dict[str, list[RunFolder]] = {}
    unknown: list[str] = []
    for folder in folders:
        try:
            header = newest_header(folder)
        except (OSError, ShareoutError) as error:
            unknown.append(f"{folder.path}: {error}")
            continue
        if header.work != plan.work.hex() and header.kind == plan.kind:
            # By the work hash: a list that several machines have run is opened and compared once.
            by_work.setdefault(header.work, []).append(folder)
    if plan.total > MOST_JOBS and by_work:
        return Found((), [*unknown, f"lists of more than {MOST_JOBS:,} jobs are not compared"])
    lists = []
    for work, its in by_work.items():
        found = _pool_of(work, its, settings, plan)
        if isinstance(found, str):
            unknown.append(found)
        else:
            lists.append(EarlierList(found, its))
    return Found(lists, unknown)


def folders_below(runs: Path) -> list[RunFolder]:
    """Those of a run's own place, without a walk through what jobs have written."""
    return [RunFolder(path) for path in sorted(runs.glob("*/*")) if RunFolder(path).journals()]


def _pool_of(work: str, folders: Sequence[RunFolder], settings: Settings, plan: Plan) -> Pool | str:
    """Any of the kept copies that is what was run, under the settings of today; else why there is none."""
    why = f"{folders[0].path} has no copy of its list (it was too large, or of several files)"
    for folder in folders:
        path = kept_list(folder)
        if path is None:
            continue
        try:
            pool = open_pool(path.parent, settings, named=path)
            if work_of(pool, settings, plan.kind).hex() != work:
                why = f"{folder.path} is of other [commands], sections of your own, seed or numerics"
            elif len(pool) > MOST_JOBS:
                why = f"{path} has more than {MOST_JOBS:,} jobs"
            elif pool.for_bash != plan.pool.for_bash:
                why = f"{folder.path} is of lines for another shell"
            else:
                return pool
        except (OSError, ValueError, ShareoutError) as error:
            why = f"{path}: {error}"
    return why


def _calls(pool: Pool, extra: frozenset[str]) -> Iterator[Hashable]:
    """What a Python job is called with, whatever the order of the columns."""
    if isinstance(pool, CsvPool):
        names = sorted(set(pool.names or ()) - extra)
        # With the names: the same texts under other columns are another call.
        said = "\0".join(names)
        return ((said, *texts) for texts in pool.columns(names))
    pool.prepare()
    rows = pool.rows() if isinstance(pool, RowPool) else map(pool.arguments, range(len(pool)))
    # By their text: values may be lists, which cannot be keys, and 1, 1.0 and True would be one key.
    return (repr(sorted(_given(row, extra)) if isinstance(row, dict) else row) for row in rows)


def _given(row: dict[str, Any], extra: frozenset[str]) -> Iterator[tuple[str, Any]]:
    return (one for one in row.items() if one[0] not in extra)


def _commands(pool: Pool) -> Iterator[str | None]:
    """None for a job that is what it is by its place in the list."""
    pool.prepare()
    jobs = range(len(pool))
    texts = pool.commands() if isinstance(pool, TextPool) else map(pool.command, jobs)
    if isinstance(pool, TextPool) and pool.has_repeats:
        # Their lines are the same, and each is told its number.
        texts = (f"{text}\0{pool.row(job).repeat}" for job, text in enumerate(texts))
    return (None if "_" in text and _NUMBERED.search(text) else text for text in texts)
