"""Panels of curves as plain SVG that reads well on light and on dark pages; nothing but our own few marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

from shareout.show.report.svg import Scale, element, label, picture, round_ticks, told_number

WIDTH, HEIGHT = 330.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 30.0, 40.0
STYLE = """
.c0{--c:#3a6fc4}.c1{--c:#d98a2b}.c2{--c:#35966b}.c3{--c:#8b949c}.c4{--c:#b0529a}.c5{--c:#6a5acd}
.c6{--c:#a3443a}
text{font:11px system-ui,sans-serif;fill:#5d6873}.title{font-size:13px;font-weight:600;fill:#1c2126}
.end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#e2e4e3}.back{fill:#fff}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}.band{fill:var(--c);opacity:.16}.dot{fill:var(--c)}
@media (prefers-color-scheme:dark){.c0{--c:#6f9ff0}.c1{--c:#eaa857}.c2{--c:#62c096}
.c3{--c:#7f8a93}.c4{--c:#d985c5}.c5{--c:#a99cf5}.c6{--c:#e2877c}
text{fill:#9aa5ae}.title{fill:#e6e8e9}.grid{stroke:#30363b}.back{fill:#14171a}}
"""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line, and the band between two others around it."""

    name: str
    points: Sequence[Point]
    low: Sequence[Point] = ()
    high: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing; its x axis is a logarithm."""

    title: str
    x_title: str
    curves: Sequence[Curve]
    y_is_log: bool = True
    y_least: float = 0.0
    told_y: Callable[[float], str] = told_number
    y_ticks: Sequence[float] = field(default_factory=tuple)


def figure(title: str, panels: Sequence[Panel], columns: int) -> str:
    """All panels, row by row, and one legend: a name has the same colour in each."""
    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves))
    shade = {name: f"c{number % 6}" for number, name in enumerate(names)}
    rows = -(-len(panels) // columns)
    width, height = WIDTH * columns, HEIGHT * rows + 34
    parts = [element("style", STYLE), element("rect", width=width, height=height, class_="back")]
    place = 14.0
    for name in names:
        parts.append(element("line", x1=place, x2=place + 20, y1=16.0, y2=16.0, class_=f"line {shade[name]}"))
        parts.append(label(place + 26, 20, name))
        place += 46 + 6.2 * len(name)
    for number, panel in enumerate(panels):
        inner = "".join(_panel(panel, shade))
        at = f"translate({number % columns * WIDTH:g} {34 + number // columns * HEIGHT:g})"
        parts.append(element("g", inner, transform=at))
    return picture(width, height, title, parts, xmlns="http://www.w3.org/2000/svg") + "\n"


def _panel(panel: Panel, shade: dict[str, str]) -> list[str]:
    points = [point for curve in panel.curves for point in (*curve.points, *curve.low, *curve.high)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x = Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT, is_log=True)
    ticks = list(panel.y_ticks) or _ticks(ys, panel)
    y = Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP, is_log=panel.y_is_log)
    parts = [label(LEFT, 18, panel.title, class_="title")]
    for tick in ticks:
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y.at(tick), y2=y.at(tick), class_="grid"))
        parts.append(label(LEFT - 6, y.at(tick) + 4, panel.told_y(tick), class_="end"))
    below = HEIGHT - BOTTOM + 16
    parts += [label(x.at(tick), below, _told_x(tick), class_="middle") for tick in sorted(set(xs))]
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, panel.x_title, class_="middle"))
    for curve in panel.curves:
        parts += _curve(curve, x, y, shade[curve.name])
    return parts


def _curve(curve: Curve, x: Scale, y: Scale, colour: str) -> list[str]:
    parts = []
    if curve.low:
        outline = [*curve.low, *reversed(curve.high)]
        parts.append(element("path", d=_path(outline, x, y) + "Z", class_=f"band {colour}"))
    parts.append(element("path", d=_path(curve.points, x, y), class_=f"line {colour}"))
    parts += [element("circle", cx=x.at(a), cy=y.at(b), r=2.5, class_=f"dot {colour}") for a, b in curve.points]
    return parts


def _path(points: Sequence[Point], x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{x.at(a):.1f} {min(max(y.at(b), TOP - 4), HEIGHT):.1f}" for a, b in points)


def _ticks(ys: Sequence[float], panel: Panel) -> list[float]:
    if not panel.y_is_log:
        ticks = round_ticks(max(ys) - panel.y_least)
        return [panel.y_least + tick for tick in ticks]
    return [10.0**power for power in range(floor(log10(min(ys))), ceil(log10(max(ys))) + 1)]


def _told_x(value: float) -> str:
    power = round(log10(value))
    if value >= 1000 and value == 10.0**power:
        return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))
    return told_number(value)
