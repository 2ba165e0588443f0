"""`report --plot`: what each job returned, beside what it was given, by the names that people have for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.merge.gather import Journal
from shareout.merge.partition import Meta
from shareout.merge.proof.choose_record import value_of
from shareout.merge.results import Merge
from shareout.plan.plan import Plan
from shareout.report.plots import Formula, Lookup, Points, points_of
from shareout.titles import named_columns

_NUMBER = re.compile("[1-9][0-9]{0,8}")
OWN = ("job", "seconds", "machine", "group")


@dataclass(frozen=True, slots=True)
class Plotted:
    """A formula, and what was found of it."""

    formula: Formula
    points: Points


def plotted(
    formulas: Sequence[Formula], journals: Sequence[Journal], plan: Plan | None, common: Common, entry: Entry | None
) -> list[Plotted]:
    """Of the jobs that are done, each once."""
    columns = named_columns(common.configs, load_settings(common.configs)) if common.configs.is_dir() else ()
    made: list[Plotted] = []
    with Merge(journals, None, meta=True) as merge:
        merge.gather()
        done = merge.summarize().done
        for formula in formulas:
            names = _Names(merge, plan, columns, entry)
            points = points_of(formula, names.jobs(), done, merge.total)
            names.check(formula, points)
            made.append(Plotted(formula, points))
    return made


class _Names:
    """One job after the other, each asked by name: its result's before its inputs', and ours last."""

    def __init__(self, merge: Merge, plan: Plan | None, columns: Sequence[str], entry: Entry | None) -> None:
        self._merge = merge
        self._plan = plan
        self._starts = merge.starts()
        self._columns = columns
        self._keys: dict[str, None] = {}
        """Of all results that were dicts."""
        self._parameters = list(inspect.signature(entry.job).parameters) if entry and entry.job else []
        self._job, self._value = 0, None
        self._meta: Meta = (0, b"")
        self._inputs: dict[str, object] | None = None

    def jobs(self) -> Iterator[tuple[int, Lookup]]:
        """What is told is asked before the next job comes."""
        for block in self._merge.blocks():
            for row, meta in zip(block.rows, block.metas, strict=True):
                assert meta is not None, "they were asked for"
                self._job, self._value, self._meta = int(row.partition(b"\t")[0]), value_of(row), meta
                self._inputs = None
                if isinstance(self._value, dict):
                    self._keys.update(dict.fromkeys(self._value))
                yield self._job, self._look

    def check(self, formula: Formula, points: Points) -> None:
        """UsageError where nothing would be seen, and where something is asked for that is not there."""
        if not points.done:
            raise UsageError(f"there is nothing to draw of {str(formula)!r} yet: no job is done")
        asked = [name for name in (formula.y, formula.x, formula.by) if name is not None]
        if unknown := [name for name in asked if not self._has(name)]:
            told = f"there is nothing to draw of {str(formula)!r}: nothing is called {' or '.join(unknown)}"
            raise UsageError(told, way_out=f"{self._told()}.")
        if not points.y:
            told = f"there is nothing to draw of {str(formula)!r}: of {points.done:,} jobs none has a number as "
            above = " above 0, as logarithms need" if formula.log else ""
            raise UsageError(f"{told}{formula.y} and something as {formula.x}{above}")

    def _has(self, name: str) -> bool:
        if name in self._keys or (not self._keys and self._place(name) is not None):
            return True
        return name in self._of_inputs() or name in self._ours()

    def _ours(self) -> Sequence[str]:
        return OWN if self._plan is not None and self._plan.pool.groups else OWN[:-1]

    def _told(self) -> str:
        results = list(self._keys) or list(self._columns) or ["result"]
        inputs = "inputs are not at hand"
        if self._plan is not None:
            inputs = f"inputs have {_listed(self._of_inputs())}"
        return f"Results have {_listed(results)}, {inputs}, and there are {_listed(self._ours())}"

    def _look(self, name: str) -> object:
        value: Any = self._value
        if isinstance(value, dict):
            if name in value:
                return value[name]
        elif (at := self._place(name)) is not None:
            cells = value if isinstance(value, list) else [value]
            return cells[at] if at < len(cells) else None
        if self._inputs is None:
            self._inputs = self._of_inputs()
        if name in self._inputs:
            return self._inputs[name]
        return self._own(name)

    def _place(self, name: str) -> int | None:
        if name in self._columns:
            return self._columns.index(name)
        first, _, number = name.partition("_")
        if first != "result" or not (name == "result" or _NUMBER.fullmatch(number)):
            return None
        return int(number or 1) - 1

    def _of_inputs(self) -> dict[str, object]:
        """By name, by number from 1, and by the names that the function has for them."""
        if self._plan is None:
            return {}
        values = self._plan.pool.values(self._job)
        told: dict[str, object] = {str(number): text for number, text in enumerate(values.columns, 1)}
        told.update(zip(self._parameters, values.columns, strict=False))
        return {**told, **values.named}

    def _own(self, name: str) -> object:
        journal, text = self._meta
        if name == "job":
            return self._job
        if name == "machine":
            return self._starts[journal].machine
        if name == "group":
            return self._plan.pool.group(self._job) if self._plan else None
        if name == "seconds":
            end, _, start, *_ = text.split(b" ")
            return max(0.0, float(end) - float(start))
        return None


def _listed(names: Sequence[str] | dict[str, object]) -> str:
    shown = list(names)
    return ", ".join(shown[:12]) + (" …" if len(shown) > 12 else "") if shown else "nothing"
