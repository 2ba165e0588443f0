"""What drawings are drawn on, and how they stand in the page: wide and narrow, with what they show as a table below.

Text in a drawing shrinks with it, so there are two of each: on a telephone, or enlarged twice, the narrow one is
seen. The table is the drawing's real form: who cannot see the drawing reads it, and the page's script reads out
from it what is under the pointer or the arrow keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from shareout.fields import dataclass
from shareout.report.facts import MachineRow
from shareout.show.report.cells import Cell, table
from shareout.show.report.svg import Scale, clean, element, label, round_ticks, time_ticks, told_number, told_seconds

COLOURS = 7
ROUND_S = (
    1e-6, 1e-5, 1e-4, 1e-3, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0,
    120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 18000.0, 36000.0, 86400.0, 172800.0, 604800.0,
)  # fmt: skip
TICK_ROOM = 55.0


@dataclass(frozen=True, slots=True)
class Paper:
    """How wide a drawing is, and where in it the drawn part lies."""

    kind: str
    width: float
    left: float
    right: float
    ticks: int
    letters: int
    """Of a name beside it."""

    def named(self, name: str) -> str:
        """As much of a name as there is room for."""
        return name if len(name) <= self.letters else name[: self.letters - 1] + "…"


WIDE = Paper("broad", 960.0, 96.0, 936.0, ticks=8, letters=13)
NARROW = Paper("slim", 360.0, 72.0, 338.0, ticks=4, letters=9)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Something drawn, and the same as a table whose rows lie along it, equally far apart."""

    title: str
    on: Callable[[Paper], str]
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left: int = 1
    """So many columns are names."""
    is_down: bool = False
    """Its rows lie below each other, not beside."""
    drawn: tuple[float, float] | None = None
    """From where to where they lie, if they are down."""


def figure(drawing: Drawing) -> str:
    """As it stands in the page."""
    drawn = ""
    for paper in (WIDE, NARROW):
        low, high = drawing.drawn or (paper.left, paper.right)
        drawn += element("div", drawing.on(paper), class_=paper.kind, data_low=low, data_high=high)
    told = clean(f"{drawing.title}. Arrow keys go through it.")
    rows = table(drawing.head, drawing.rows, drawing.left)
    return (
        f'<figure tabindex="0" role="group" aria-label="{told}" data-along="{"y" if drawing.is_down else "x"}">{drawn}'
        f'<p class="at soft" aria-live="polite">\u00a0</p>'
        f"<details><summary>as a table</summary>{rows}</details></figure>"
    )


def colours(rows: Sequence[MachineRow]) -> dict[str, str]:
    """A colour each for the machines that did most; the others share one."""
    return shades({row.deeds.machine: row.deeds.finished for row in rows})


def shades(done: Mapping[str, int]) -> dict[str, str]:
    """The same, by how much each has done."""
    ranked = sorted(done, key=lambda name: -done[name])
    return {name: f"c{number if number < COLOURS else 'x'}" for number, name in enumerate(ranked)}


def box(x: float, y: float, width: float, height: float, kind: str, told: str) -> str:
    """Something that tells what it is when it is pointed at."""
    inner = element("title", clean(told))
    return element("rect", inner, x=x, y=y, width=max(width, 0.0), height=height, class_=kind)


def levels(ticks: Sequence[float], y: Scale, paper: Paper) -> str:
    """Lines from left to right, and what they stand for."""
    left, right = paper.left, paper.right
    lines = [element("line", x1=left, x2=right, y1=y.at(tick), y2=y.at(tick), class_="grid") for tick in ticks]
    told = [label(left - 8, y.at(tick) + 4, told_number(tick), class_="end") for tick in ticks]
    return "".join([*lines, *told])


def time_axis(span: float, x: Scale, y: float, paper: Paper) -> str:
    """Lines from top to bottom, and the time since the beginning that they stand for."""
    parts = []
    for tick in time_ticks(span, paper.ticks):
        parts.append(element("line", x1=x.at(tick), x2=x.at(tick), y1=8.0, y2=y + 4, class_="grid"))
        parts.append(label(x.at(tick), y + 18, told_seconds(tick) if tick else "0", class_="middle"))
    return "".join(parts)


def duration_ticks(x: Scale) -> list[float]:
    """Round durations along an axis, not too close to each other; of a narrow range, in equal steps, at least two."""
    shown = _apart((one for one in ROUND_S if x.low <= one <= x.high), x)
    if len(shown) >= 3:
        return shown
    steps = round_ticks(x.high - x.low, 4)
    step = steps[1]
    first = int(x.low / step) + 1
    finer = _apart((number * step for number in range(first, int(x.high / step) + 1)), x)
    return finer if len(finer) > len(shown) else shown


def _apart(values: Iterable[float], x: Scale) -> list[float]:
    shown: list[float] = []
    for one in values:
        if not shown or x.at(one) - x.at(shown[-1]) > TICK_ROOM:
            shown.append(one)
    return shown
