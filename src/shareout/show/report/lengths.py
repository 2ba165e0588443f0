"""Drawings of how long things took: attempts, and machines."""

from __future__ import annotations

from math import exp

from shareout.record.tallies.durations import GROWTH, SHORTEST_S, Durations
from shareout.report.facts import Report
from shareout.show.report.cells import Cell, count, part, seconds
from shareout.show.report.paper import Drawing, Paper, box, colours, duration_ticks, levels, time_axis
from shareout.show.report.svg import Scale, clean, element, label, picture, round_ticks, told_number, told_seconds

MOST_BARS = 60
PERCENTS = (50, 90, 99)
TOP, FLOOR = 42.0, 228.0
LINES = (36.0, 24.0, 12.0)
TOLD_ROOM = 90.0
"""For `90%: 1h 30m`."""
BAR = 20.0


def durations(report: Report) -> Drawing:
    """How long attempts took; the axis is a logarithm, as durations are."""
    together = report.durations()
    first, last = min(together.buckets), max(together.buckets)
    joined = -(-(last - first + 1) // MOST_BARS)
    counts = [0] * ((last - first) // joined + 1)
    for bucket, many in together.buckets.items():
        counts[(bucket - first) // joined] += many
    edges = [_edge(first + number * joined) for number in range(len(counts) + 1)]
    title = "How long attempts took"

    def on(paper: Paper) -> str:
        x = Scale(edges[0], edges[-1], paper.left, paper.right, is_log=True)
        ticks = round_ticks(max(counts))
        y = Scale(0, ticks[-1], FLOOR, TOP + 4)
        parts = [levels(ticks, y, paper)]
        for many, from_s, to_s in zip(counts, edges, edges[1:], strict=False):
            if many:
                told = f"{told_number(many)} attempts of {told_seconds(from_s)} to {told_seconds(to_s)}"
                left, top = x.at(from_s), y.at(many)
                wide = max(1.0, x.at(to_s) - left - 1)
                parts.append(box(left, top, wide, height=FLOOR - top, kind="fill c0", told=told))
        parts += [label(x.at(tick), FLOOR + 20, told_seconds(tick), class_="middle") for tick in duration_ticks(x)]
        parts += _percentiles(together, x)
        return picture(paper.width, FLOOR + 28, title, parts)

    told = [[seconds(edges[number]), seconds(edges[number + 1]), count(many)] for number, many in enumerate(counts)]
    return Drawing(title, on, ["from", "to", "attempts"], told, left=0)


def finishing(report: Report) -> Drawing:
    """How long each machine ran, how much of it its slots were busy, and when all would have been through together."""
    rows = sorted((row for row in report.machines if row.deeds.slots), key=lambda row: -row.deeds.active_s)[:MOST_BARS]
    expected = report.balance.balanced_s if report.balance else 0.0
    longest = max(*(row.deeds.active_s for row in rows), expected, 1e-3)
    shade = colours(report.machines)
    bottom = BAR * (1 + len(rows))
    title = "How long each machine ran"

    def on(paper: Paper) -> str:
        x = Scale(0, longest, paper.left, paper.right - 60)
        parts = [time_axis(longest, x, bottom, paper)]
        for number, row in enumerate(rows):
            top = 14.0 + BAR * number
            long = x.at(row.deeds.active_s) - paper.left
            colour, name, ran = shade[row.deeds.machine], row.deeds.machine, told_seconds(row.deeds.active_s)
            told = f"{name} ran for {ran}, its slots idle for {row.idle:.1%} of it"
            parts.append(label(paper.left - 8, top + 12, paper.named(name), class_="end"))
            parts.append(box(paper.left, top, long, height=14, kind=f"fill {colour} s1", told=told))
            parts.append(box(paper.left, top, long * (1 - row.idle), height=14, kind=f"fill {colour}", told=told))
            parts.append(label(paper.left + long + 6, top + 12, ran))
        if expected:
            at = x.at(expected)
            told = element("title", f"all through together after {told_seconds(expected)}")
            parts.append(element("line", told, x1=at, x2=at, y1=8.0, y2=bottom, class_="mark"))
        return picture(paper.width, bottom + 26, title, parts)

    told: list[list[Cell]] = [[clean(row.deeds.machine), seconds(row.deeds.active_s), part(row.idle)] for row in rows]
    head = ["machine", "ran for", "idle"]
    return Drawing(title, on, head, told, is_down=True, drawn=(11.0, 11.0 + BAR * len(rows)))


def _percentiles(together: Durations, x: Scale) -> list[str]:
    """Each told in the lowest of three lines where it does not run into the one before."""
    parts: list[str] = []
    taken = [0.0] * len(LINES)
    for percent in PERCENTS:
        at = min(max(x.at(together.percentile(percent)), x.start), x.stop)
        parts.append(element("line", x1=at, x2=at, y1=TOP, y2=FLOOR, class_="mark"))
        told = f"{percent}%: {told_seconds(together.percentile(percent))}"
        is_last = at > x.stop - TOLD_ROOM / 2
        left = at - (TOLD_ROOM if is_last else TOLD_ROOM / 2)
        line = next((line for line, right in enumerate(taken) if left >= right), len(LINES) - 1)
        taken[line] = left + TOLD_ROOM
        parts.append(label(at, LINES[line], told, class_="end" if is_last else "middle"))
    return parts


def _edge(bucket: int) -> float:
    return SHORTEST_S * exp(bucket * GROWTH)
