"""What jobs take that were never run, by fields of their rows: a cost is a product of a factor for each field's value.

Factors are fitted to logarithms by going round the fields until nothing changes (backfitting); a value that few jobs
have is drawn towards 1. What the model is worth is told by jobs that it was not fitted to (five times a fifth).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import exp, log, sqrt

from shareout.fields import dataclass

FEWEST = 20
"""Measured jobs; of fewer nothing can be learned."""
ROUNDS = 20
PARTS = 5
MOST_VALUES = 30
"""A number that has more of them is not taken value by value, but by its size."""
DRAWN = 1.0
"""As many jobs stand for a factor of 1 beside those that have a value."""
WORTH = 0.98
"""Where errors are not smaller than this part of those without the model, it explains nothing."""

Row = Sequence[str]
"""What a job's fields say, one for each column."""


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted product."""

    usual: float
    """Logarithm of what a job takes that nothing is known of."""
    factors: Sequence[Mapping[str, float]]
    """For each column, a value's logarithm; a value that is not there has 0."""
    classes: Sequence[Classes]

    def cost(self, row: Row) -> float:
        """Expected."""
        return exp(self.log(row))

    def log(self, row: Row) -> float:
        """Its logarithm."""
        told = zip(self.factors, self.classes, row, strict=True)
        return self.usual + sum(factors.get(classes.of(value), 0.0) for factors, classes, value in told)


@dataclass(frozen=True, slots=True)
class Worth:
    """How far off single jobs are that a model was not fitted to, as a factor up or down: one standard deviation."""

    error: float
    without: float
    """If every job is taken to cost the same."""

    @property
    def explains(self) -> bool:
        """Anything at all."""
        return log(self.error) < WORTH * log(self.without)


@dataclass(frozen=True, slots=True)
class Classes:
    """The values of a column that are taken for the same."""

    by_size: bool

    @classmethod
    def among(cls, values: Sequence[str]) -> Classes:
        """Numbers of many sizes are taken by half octaves."""
        distinct = set(values)
        return cls(len(distinct) > MOST_VALUES and all(_number(value) is not None for value in distinct))

    def of(self, value: str) -> str:
        """Which class a value is in."""
        number = _number(value) if self.by_size else None
        if number is None:
            return value
        return f"{'-' if number < 0 else ''}{round(2 * math.log2(abs(number)))}" if number else "0"


def fit(rows: Sequence[Row], costs: Sequence[float]) -> Model:
    """`costs`: above 0, of as many jobs as there are rows."""
    logs = [log(cost) for cost in costs]
    classes = [Classes.among(values) for values in zip(*rows, strict=True)]
    columns = [[kind.of(row[at]) for row in rows] for at, kind in enumerate(classes)]
    usual = sum(logs) / len(logs)
    factors: list[dict[str, float]] = [{} for _ in columns]
    left = [value - usual for value in logs]
    # Column by column, and not all as one system of equations: columns of thousands of values would make a matrix of
    # thousands by thousands, and its solver a library in every executable.
    for _ in range(ROUNDS if len(columns) > 1 else 1):
        for at, column in enumerate(columns):
            known = factors[at]
            left = [rest + known.get(value, 0.0) for rest, value in zip(left, column, strict=True)]
            known = factors[at] = _drawn_means(column, left)
            left = [rest - known[value] for rest, value in zip(left, column, strict=True)]
    # The mean of what is fitted to logarithms lies below that of the costs: sums of costs are what is shared out.
    mean = sum(map(exp, left)) / len(left)
    return Model(usual + log(mean), factors, classes)


def worth(rows: Sequence[Row], costs: Sequence[float]) -> Worth:
    """Cross-validated: each part is told by a model of the others. Rows are in an order that is chance."""
    off = without = 0.0
    for part in range(PARTS):
        known = [at for at in range(len(rows)) if at % PARTS != part]
        model = fit([rows[at] for at in known], [costs[at] for at in known])
        # Judged in logarithms, about the middle: what `fit` adds for the mean is no error of a single job.
        shift = sum(log(costs[at]) - model.log(rows[at]) for at in known) / len(known)
        middle = sum(log(costs[at]) for at in known) / len(known)
        for at in range(part, len(rows), PARTS):
            off += (log(costs[at]) - model.log(rows[at]) - shift) ** 2
            without += (log(costs[at]) - middle) ** 2
    return Worth(exp(sqrt(off / len(rows))), exp(sqrt(without / len(rows))))


def _drawn_means(column: Sequence[str], left: Sequence[float]) -> dict[str, float]:
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for value, rest in zip(column, left, strict=True):
        sums[value] = sums.get(value, 0.0) + rest
        counts[value] = counts.get(value, 0) + 1
    # Towards 1 and not left out: a value that one job has, which happened to be slow, would else speak for all that
    # have it and never ran.
    return {value: total / (counts[value] + DRAWN) for value, total in sums.items()}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
