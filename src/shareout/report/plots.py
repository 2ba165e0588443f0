"""`y ~ x by group`: a result over an input, binned, with its median and how far it spreads. Pure."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from itertools import pairwise
from math import ceil, floor, inf, log10, sqrt

from shareout.errors import UsageError
from shareout.fields import dataclass, field

MOST_POINTS = 1_000_000
"""Of more a part is taken, the same every time."""
MOST_BINS = 40
MOST_GROUPS = 7
MOST_WORDS = 40
"""Different texts along an axis."""
FEWEST_FOR_A_RANGE = 6
LARGEST = 1e300
MOST_NUMBERED = (1 << 15) - 1
"""Groups that are told apart; all behind them are counted with the last."""
OTHERS = "all others"
NOTHING = "(nothing)"
"""A group of those that have none."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:?\d\d(:?\d\d(\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?")
_FORMULA = re.compile(r"\s*(.+?)\s*~\s*(.+?)\s*(?:\s+by\s+(.+?)\s*)?", re.DOTALL)

Lookup = Callable[[str], object]
"""A name → what one job has by it; KeyError when nothing here has that name."""


class Kind(IntEnum):
    """What stands along x: what most jobs have there."""

    NUMBER, DATE, TEXT = range(3)


@dataclass(frozen=True, slots=True)
class Formula:
    """What is drawn over what."""

    y: str
    x: str
    by: str | None = None
    log: frozenset[str] = frozenset()
    """`x`, `y`: which axes are logarithms."""

    def __str__(self) -> str:
        return f"{self.y} ~ {self.x}" + (f" by {self.by}" if self.by else "")


@dataclass(slots=True)
class Points:
    """What was found of it, job by job."""

    x: array[float] = field(default_factory=lambda: array("d"))
    y: array[float] = field(default_factory=lambda: array("d"))
    of: array[int] = field(default_factory=lambda: array("H"))
    """The number of each one's group."""
    groups: list[str] = field(default_factory=list)
    kind: Kind = Kind.NUMBER
    words: list[str] = field(default_factory=list)
    """Texts along x; x is then their number. Of dates it is seconds since 1970."""
    left_out: int = 0
    """Jobs whose y is no number, or whose x is not what most have there, or one text too many."""
    done: int = 0
    total: int = 0
    """Jobs that are done, and all jobs."""

    @property
    def is_part(self) -> bool:
        """Not all that is done was looked at."""
        return len(self.y) + self.left_out < self.done


@dataclass(frozen=True, slots=True)
class Bin:
    """Of one group, in one stretch of x."""

    count: int
    low: float
    median: float
    high: float
    """Quartiles."""
    sure: tuple[float, float] | None
    """Where the median of all jobs lies, nineteen times of twenty; None where all are here, or too few."""


@dataclass(frozen=True, slots=True)
class Binned:
    """All groups by the same stretches."""

    edges: Sequence[float]
    groups: Mapping[str, Sequence[Bin | None]]
    is_apart: bool = False
    """The stretches are words, with nothing between them."""


def formula_of(text: str, log: str = "") -> Formula:
    """UsageError for what is none."""
    found = _FORMULA.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is no plot", way_out="Write 'RESULT ~ INPUT', or 'RESULT ~ INPUT by GROUP'.")
    return Formula(found[1], found[2], found[3], frozenset(log))


def points_of(formula: Formula, jobs: Iterable[tuple[int, Lookup]], done: int, total: int) -> Points:
    """Each job once. UsageError for a name that nothing has."""
    made = Points(done=done, total=total)
    numbers: dict[str, int] = {}
    texts: dict[str, int] = {}
    kinds = bytearray()
    every = max(1, ceil(done / MOST_POINTS))
    for job, look in jobs:
        # By a product that scatters neighbours: every n-th id of a grid would be one column of it.
        if every > 1 and (job * 2654435761 >> 7) % every:
            continue
        y, place = _on_axis(_number(look(formula.y)), "y", formula), _place(look(formula.x), texts)
        by = _text(look(formula.by)) if formula.by else ""
        if y is None or place is None or (place[0] is Kind.NUMBER and _on_axis(place[1], "x", formula) is None):
            made.left_out += 1
            continue
        made.y.append(y)
        made.x.append(place[1])
        made.of.append(numbers.setdefault(by, min(len(numbers), MOST_NUMBERED)))
        kinds.append(place[0])
    made.groups = list(numbers)[: MOST_NUMBERED + 1]
    _settle(made, kinds, list(texts))
    if "x" in formula.log and made.kind is not Kind.NUMBER:
        told = "dates" if made.kind is Kind.DATE else "texts"
        raise UsageError(f"--log x: {formula.x} has {told}, which have no logarithm", way_out="Say --log y, or none.")
    return made


def _settle(points: Points, kinds: bytearray, texts: list[str]) -> None:
    """An axis is of one kind: a few words among numbers say that there is none, and are no places of their own."""
    points.kind = max(Kind, key=kinds.count)
    if kinds.count(points.kind) < len(kinds):
        kept = [number for number, kind in enumerate(kinds) if kind == points.kind]
        points.left_out += len(kinds) - len(kept)
        points.x, points.y = (array("d", (values[at] for at in kept)) for values in (points.x, points.y))
        points.of = array("H", (points.of[at] for at in kept))
    points.words = texts if points.kind is Kind.TEXT else []


def _place(value: object, texts: dict[str, int]) -> tuple[Kind, float] | None:
    """What it is, and where on an axis of that; None for nothing, for no finite number, and for a text too many."""
    if (number := _number(value)) is not None:
        return Kind.NUMBER, number
    if value is None or isinstance(value, (int, float)):
        return None
    text = _text(value).strip()
    if _DATE.fullmatch(text) and (moment := _moment(text)) is not None:
        return Kind.DATE, moment
    if not text or _is_number(text) or (text not in texts and len(texts) == MOST_WORDS):
        return None
    return Kind.TEXT, float(texts.setdefault(text, len(texts)))


def _moment(text: str) -> float | None:
    """By UTC, unless it says another place."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _on_axis(value: float | None, axis: str, formula: Formula) -> float | None:
    return None if value is not None and value <= 0 and axis in formula.log else value


def binned(points: Points, formula: Formula) -> Binned:
    """The largest groups each by itself, the rest together."""
    edges = _edges(points, is_log="x" in formula.log)
    sizes = [0] * len(points.groups)
    for one in points.of:
        sizes[one] += 1
    ranked = sorted(range(len(sizes)), key=lambda one: -sizes[one])
    kept = sorted(ranked[:MOST_GROUPS], key=lambda one: points.groups[one])
    named = {one: points.groups[one] for one in kept}
    held: dict[str, list[list[float]]] = {name: [[] for _ in edges[1:]] for name in named.values()}
    if len(ranked) > MOST_GROUPS:
        held.setdefault(OTHERS, [[] for _ in edges[1:]])
    place = _placer(edges, is_log="x" in formula.log)
    for x, y, one in zip(points.x, points.y, points.of, strict=True):
        held[named.get(one, OTHERS)][place(x)].append(y)
    left = 1 - points.done / points.total if points.total else 0.0
    return Binned(edges, {name: [_bin(ys, left) for ys in bins] for name, bins in held.items()}, bool(points.words))


def _bin(values: list[float], left: float) -> Bin | None:
    """`left`: which part of all jobs is not done."""
    if not values:
        return None
    values.sort()
    count = len(values)
    sure = None
    if left > 0 and count >= FEWEST_FOR_A_RANGE:
        # By ranks, whatever the values are like: half of them lie below the median, give or take what chance does. Of
        # a finite number of jobs the part that is known is not left to chance.
        off = 0.98 * sqrt(count * left)
        low, high = floor((count - 1) / 2 - off), ceil((count - 1) / 2 + off)
        sure = (values[max(0, low)], values[min(count - 1, high)])
    return Bin(count, _quantile(values, 0.25), _quantile(values, 0.5), _quantile(values, 0.75), sure)


def _quantile(values: Sequence[float], part: float) -> float:
    at = part * (len(values) - 1)
    low = floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def _edges(points: Points, *, is_log: bool) -> list[float]:
    if points.words:
        return [number - 0.5 for number in range(len(points.words) + 1)]
    low, high = min(points.x, default=inf), max(points.x, default=-inf)
    if low > high:
        return [0.0, 1.0]
    if low == high:
        return around(low, is_log=is_log)
    steps = [] if is_log else _steps(points.x)
    if steps:
        return steps
    bins = max(2, min(MOST_BINS, len(points.x) // 5))
    if is_log:
        return [10 ** (log10(low) + (log10(high) - log10(low)) * number / bins) for number in range(bins + 1)]
    return [low + (high - low) * number / bins for number in range(bins + 1)]


def around(value: float, *, is_log: bool) -> list[float]:
    """An axis for what is all the same."""
    half = max(0.5, abs(value) / 1000)
    return [value * 0.9, value * 1.1] if is_log else [value - half, value + half]


def _steps(xs: array[float]) -> list[float]:
    """Around a few values that are equally far apart, as of a grid, each in the middle; nothing where they are not."""
    values = sorted(set(xs))
    steps = [after - before for before, after in pairwise(values)]
    if len(values) > MOST_BINS or max(steps) > 1.001 * min(steps):
        return []
    half = steps[0] / 2
    return [values[0] - half, *(value + half for value in values)]


def _placer(edges: Sequence[float], *, is_log: bool) -> Callable[[float], int]:
    bins = len(edges) - 1
    low, high = (log10(edges[0]), log10(edges[-1])) if is_log else (edges[0], edges[-1])

    def place(x: float) -> int:
        at = log10(x) if is_log else x
        return min(bins - 1, max(0, int((at - low) / (high - low) * bins)))

    return place


def _number(value: object) -> float | None:
    """True and False are 1 and 0; a text that reads as a number is one; what is not finite is none."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # Of what is smaller or larger no drawing could compute its distances.
    if not abs(number) <= LARGEST:
        return None
    return number if abs(number) >= 1 / LARGEST else 0.0


def _is_number(text: str) -> bool:
    """`nan` and `inf` as well: such a text says that there is none."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else NOTHING if value is None else str(value)
