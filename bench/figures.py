"""The two figures of docs/peers.md: ratios to the peers, and how time and memory grow."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from growth import ACTIONS, Point
from measure import middle
from plot import STYLE, Curve, Panel, figure
from results import Told, digits
from shareout.show.report.svg import Scale, element, label, picture

WIDTH, LINE, NAMES, TOP, VALUES = 920.0, 22.0, 460.0, 40.0, 60.0


def ratios(lines: Sequence[Told]) -> str:
    """A row a ratio: the median as a dot, least and most as a bar, the promise as a tick; right of 1 is faster."""
    shown = [line for line in lines if line.is_ratio]
    height = TOP + LINE * len(shown) + 30
    values = [value for line in shown for value in (*line.values, line.promised or 1.0)]
    low, high = (floor(log10(min(values, default=0.1))), ceil(log10(max(values, default=10.0))))
    x = Scale(10.0**low, 10.0**high, NAMES, WIDTH - VALUES, is_log=True)
    parts = [element("style", STYLE), element("rect", width=WIDTH, height=height, class_="back")]
    parts.append(label(12, 20, "How many times as fast as a peer, on the same work", class_="title"))
    for power in range(low, high + 1):
        at = x.at(10.0**power)
        parts.append(element("line", x1=at, x2=at, y1=TOP - 6, y2=height - 24, class_="grid"))
        parts.append(label(at, height - 8, f"× {10.0**power:g}", class_="middle"))
    for place, line in enumerate(shown):
        parts += _ratio(line, x, TOP + LINE * place + LINE / 2)
    return picture(WIDTH, height, "Ratios to peers", parts, xmlns="http://www.w3.org/2000/svg") + "\n"


def _ratio(line: Told, x: Scale, y: float) -> list[str]:
    value, least, most = middle(line.values)
    colour = "c2" if value >= 1 else "c1"
    bar = element("line", x1=x.at(least), x2=x.at(most), y1=y, y2=y, class_=f"line {colour}")
    parts = [label(NAMES - 12, y + 4, f"{line.what} | {line.peer}", class_="end"), bar]
    if line.promised is not None:
        at = x.at(line.promised)
        parts.append(element("line", x1=at, x2=at, y1=y - 7, y2=y + 7, class_="line c3"))
    parts.append(element("circle", cx=x.at(value), cy=y, r=4, class_=f"dot {colour}"))
    parts.append(label(WIDTH - 8, y + 4, f"× {digits(value)}", class_="end"))
    return parts


def curves(points: Sequence[Point]) -> str:
    """Two panels with a curve for each action."""
    panels = []
    for title, told in (("seconds", _seconds), ("peak memory, MB", _megabytes)):
        shown = []
        for action in ACTIONS:
            mine = sorted((one for one in points if one.action == action), key=lambda one: one.jobs)
            if mine:
                shown.append(Curve(action, [(float(one.jobs), told(one)) for one in mine]))
        panels.append(Panel(title, "jobs", shown, told_y=lambda value: f"{value:g}"))
    return figure("Time and memory by the number of jobs", panels, 2)


def _seconds(point: Point) -> float:
    return max(point.seconds, 0.001)


def _megabytes(point: Point) -> float:
    return max(point.peak_bytes / 1e6, 1.0)
