"""Where a plan's costs come from, and the costs themselves: costs.csv beside the pool, or a field of its rows.

The file is what counts where it is there: it holds what was measured, while a field was guessed before.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shareout.costs.amount import NOTHING, read_cost, read_costs
from shareout.costs.file import MOST_MISTAKES, read_costs_file, says_seconds
from shareout.costs.middle import middle
from shareout.errors import InputError, Place, nearest, raise_all
from shareout.fields import dataclass
from shareout.pool import Pool

USUAL = "cost"
"""The field that is looked for where none is named."""
OFF = "none"
READING = "reading costs"
MOST_JOBS = 200_000_000
"""A look at each takes minutes then, and gigabytes."""

Watch = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much: before the work that may be long, and now and then in it."""


def unwatched(what: str, part: int, whole: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of all jobs of a pool."""

    values: array[int]
    """By id, in billionths; what is not known is the median of what is."""
    known: int
    """Of how many jobs it is known."""

    @property
    def are_even(self) -> bool:
        """Whether all jobs cost the same: then it is as if nothing were known."""
        return not self.values or min(self.values) == max(self.values)


@dataclass(frozen=True, slots=True)
class CostSource:
    """One of the two."""

    pool: Pool
    path: Path
    """The file, or that of the pool."""
    field: str = ""
    """Of the rows; empty where costs stand in the file."""

    @property
    def is_file(self) -> bool:
        """Whether it is an input of its own."""
        return not self.field

    @property
    def is_seconds(self) -> bool:
        """Whether costs are seconds on a core of performance 1, as they are where `shareout costs` wrote them."""
        return self.is_file and says_seconds(self.path)

    def read(self, jobs: int, watch: Watch = unwatched) -> Costs | None:
        """`jobs`: of the whole pool. None where no job's cost is given. All mistakes are told together."""
        if jobs > MOST_JOBS:
            raise InputError(
                f"{jobs:,} jobs have a cost each, and costs need a look at every job: {MOST_JOBS:,} are the most",
                where=Place(str(self.path)),
                way_out=f"Say `cost = {OFF}` in [run]: jobs are then shared out by their number.",
            )
        if self.is_file:
            values = read_costs_file(self.path, jobs, lambda rows: watch(READING, rows, jobs))
        else:
            values = self._of_rows(jobs, watch)
        watch(READING, jobs, jobs)
        unknown = values.count(NOTHING)
        if unknown == jobs:
            return None
        if unknown:
            # The median and not the mean: one job of a day among a hundred of a minute would else make every unknown
            # one a quarter of an hour.
            usual = middle(values)
            for at in _places_of(values, NOTHING):
                values[at] = usual
        return Costs(values, jobs - unknown)

    def _of_rows(self, jobs: int, watch: Watch) -> array[int]:
        values = array("q")
        mistakes: list[InputError] = []
        for block in self.pool.field(self.field) or ():
            # `str` of a float is the shortest decimal that gives the same number again, as the specification says of
            # grids: so no host's rounding is in a cost.
            texts = ["" if one is None else one if type(one) is str else str(one) for one in block]
            values.extend(read_costs(texts) or self._one_by_one(texts, len(values), mistakes))
            if len(mistakes) >= MOST_MISTAKES:
                break
            watch(READING, len(values), jobs)
        raise_all(mistakes)
        return values

    def _one_by_one(self, texts: Sequence[str], first: int, mistakes: list[InputError]) -> list[int]:
        found = []
        for job, text in enumerate(texts, first):
            found.append(NOTHING)
            try:
                found[-1] = read_cost(text)
            except ValueError as error:
                if len(mistakes) < MOST_MISTAKES:
                    mistakes.append(self._mistake(str(error), job))
        return found

    def _mistake(self, what: str, job: int) -> InputError:
        whole: Any = getattr(self.pool, "whole", self.pool)
        way_out = (
            f'The field "{self.field}" says how long a job takes: a number, 0 or more, or nothing. Where it means '
            f"something else, say `cost = {OFF}` in [run], or name another field there."
        )
        return InputError(what, where=Place(str(self.path), whole.line_of(job)), way_out=way_out)


def source_of(pool: Pool, name: str, file: Path) -> CostSource | None:
    """`name`: what `[run] cost` says; `file`: where costs would stand. None where nothing says how long jobs take, or
    it is not to count."""
    if name == OFF:
        return None
    # Both may be there: the field cannot be taken out of the rows when they are measured, for another pool would be
    # other work.
    if file.is_file():
        return CostSource(pool, file)
    path = pool.inputs[0].path
    if pool.field(name) is not None:
        return CostSource(pool, path, name)
    if name != USUAL:
        names: Sequence[str] = getattr(getattr(pool, "whole", pool), "names", None) or ()
        raise InputError(
            f'[run] cost names "{name}", and no row has a field of that name{nearest(name, names)}',
            where=Place(str(path)),
            way_out=f"Its fields are {', '.join(names)}."
            if names
            else "Costs of lines stand in costs.csv beside them.",
        )
    return None


def _places_of(values: array[int], wanted: int) -> list[int]:
    return [at for at, value in enumerate(values) if value == wanted]
