"""The drawings of a report: throughput, slots over time, durations, and when each machine was through.

However many jobs there were, a drawing has at most some thousand marks: attempts are drawn one by one while they
are few, else as shades of how busy a stretch of time was.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from shareout.fields import dataclass
from shareout.record.tallies.durations import GROWTH, SHORTEST_S, Durations
from shareout.report.facts import MachineRow, Report
from shareout.show.report.svg import (
    Scale,
    clean,
    element,
    label,
    picture,
    round_ticks,
    time_ticks,
    told_number,
    told_seconds,
)

WIDTH = 960
TOP = 8.0
GAP = 5
"""Between the slots of two machines in a timeline."""
LEFT = 96.0
RIGHT = WIDTH - 12.0
COLOURS = 7
SHADES = 5
MOST_BINS = 240
MOST_BARS = 60
MOST_MACHINES = 400
MOST_MARKS = 60_000


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the timeline: what one slot did, or all slots of a machine together (`slot` is None)."""

    row: MachineRow
    slot: int | None
    top: float
    height: float
    is_first: bool
    """Of its machine's: only this one has the name beside it."""


def colours(rows: Sequence[MachineRow]) -> dict[str, str]:
    """A colour each for the machines that did most; the others share one."""
    ranked = sorted(rows, key=lambda row: -row.deeds.finished)
    return {row.deeds.machine: f"c{number if number < COLOURS else 'x'}" for number, row in enumerate(ranked)}


def throughput(report: Report) -> str:
    """Jobs a second, the machines upon one another."""
    rows = [row for row in report.machines if row.deeds.spans.ended]
    low, high, width = _reach(rows)
    joined = _joined(high - low + 1, sum(row.deeds.finished for row in rows))
    bins = (high - low) // joined + 1
    shade = colours(report.machines)
    layers: dict[str, list[float]] = {}
    for row in rows:
        layer = layers.setdefault(shade[row.deeds.machine], [0.0] * bins)
        for at, count in row.deeds.spans.ended.items():
            layer[(at - low) // joined] += count / (width * joined)
    ordered = dict(sorted(layers.items()))
    tops = [sum(column) for column in zip(*ordered.values(), strict=True)]
    ticks = round_ticks(max(tops))
    x = Scale(0, bins, LEFT, RIGHT)
    y = Scale(0, ticks[-1], 240, 14)
    span = bins * width * joined
    parts = [_levels(ticks, y), _time_axis(span, Scale(0, span, LEFT, RIGHT), y.start)]
    below = [0.0] * bins
    for colour, layer in ordered.items():
        above = [under + more for under, more in zip(below, layer, strict=True)]
        parts.append(element("path", d=_steps(below, above, x, y), class_=f"fill {colour}"))
        below = above
    return picture(WIDTH, 268, "Jobs settled a second, over time", parts)


def timeline(report: Report) -> str:
    """What the slots did: attempts one by one when they are few, else how busy each stretch was."""
    lanes = _lanes(report)
    began = report.began or 0.0
    span = max((report.ended or 0.0) - began, 1e-3)
    x = Scale(began, began + span, LEFT, RIGHT)
    bottom = lanes[-1].top + lanes[-1].height
    if report.has_slots:
        bottom += GAP
    parts = [_time_axis(span, Scale(0, span, LEFT, RIGHT), bottom)]
    shade = colours(report.machines)
    low, high, width = _reach([row for row in report.machines if row.deeds.slots])
    # Wider where there are many lanes: four hundred of 240 bins would be 96,000 marks.
    joined = max(1, -(-(high - low + 1) * len(lanes) // MOST_MARKS), -(-(high - low + 1) // MOST_BINS))
    for lane in lanes:
        machine = lane.row.deeds.machine
        if lane.is_first:
            parts.append(label(LEFT - 8, lane.top + lane.height - 3, _short(machine), class_="end"))
        if report.has_bars:
            parts.append(_bars(lane, x, shade[machine]))
        else:
            parts.append(_shaded(lane, (low, width, joined), x=x, colour=shade[machine]))
    return picture(WIDTH, bottom + 26, "What each slot did, over time", parts)


def durations(report: Report) -> str:
    """How long attempts took; the axis is a logarithm, as durations are."""
    together = report.durations()
    first, last = min(together.buckets), max(together.buckets)
    joined = -(-(last - first + 1) // MOST_BARS)
    counts = [0] * ((last - first) // joined + 1)
    for bucket, count in together.buckets.items():
        counts[(bucket - first) // joined] += count
    x = Scale(_edge(first), _edge(first + joined * len(counts)), LEFT, RIGHT, is_log=True)
    ticks = round_ticks(max(counts))
    y = Scale(0, ticks[-1], 220, 34)
    parts = [_levels(ticks, y)]
    for number, count in enumerate(counts):
        if count:
            from_s, to_s = _edge(first + number * joined), _edge(first + (number + 1) * joined)
            told = f"{told_number(count)} attempts of {told_seconds(from_s)} to {told_seconds(to_s)}"
            left, right, top = x.at(from_s), x.at(to_s), y.at(count)
            parts.append(_box(left, top, max(1.0, right - left - 1), height=220 - top, kind="fill c0", told=told))
    parts += [label(x.at(tick), 240, told_seconds(tick), class_="middle") for tick in _decades(x)]
    parts += _percentiles(together, x)
    return picture(WIDTH, 248, "How long attempts took", parts)


def finishing(report: Report) -> str:
    """How long each machine ran, how much of it its slots were busy, and when all would have been through."""
    rows = sorted((row for row in report.machines if row.deeds.slots), key=lambda row: -row.deeds.active_s)[:MOST_BARS]
    longest = max(row.deeds.active_s for row in rows)
    x = Scale(0, max(longest, 1e-3), LEFT, RIGHT - 60)
    shade = colours(report.machines)
    bottom = 20.0 + 20 * len(rows)
    parts = [_time_axis(max(longest, 1e-3), x, bottom)]
    for number, row in enumerate(rows):
        top = 14.0 + 20 * number
        long = x.at(row.deeds.active_s) - LEFT
        colour = shade[row.deeds.machine]
        told = (
            f"{row.deeds.machine} ran for {told_seconds(row.deeds.active_s)}, its slots idle for {row.idle:.1%} of it"
        )
        parts.append(label(LEFT - 8, top + 12, _short(row.deeds.machine), class_="end"))
        parts.append(_box(LEFT, top, long, height=14, kind=f"fill {colour} s1", told=told))
        parts.append(_box(LEFT, top, long * (1 - row.idle), height=14, kind=f"fill {colour}", told=told))
        parts.append(label(LEFT + long + 6, top + 12, told_seconds(row.deeds.active_s)))
    balance = report.balance
    # With jobs missing it would say nothing, and beyond the longest it is outside of the picture.
    if balance is not None and report.counts.missing == 0 and balance.balanced_s <= longest:
        at = x.at(balance.balanced_s)
        parts.append(element("line", x1=at, x2=at, y1=8.0, y2=bottom, class_="mark"))
    return picture(WIDTH, bottom + 26, "How long each machine ran", parts)


def _lanes(report: Report) -> list[Lane]:
    """Those of a machine stand together, the machines in the order of the table."""
    rows = [row for row in report.machines if row.deeds.slots][:MOST_MACHINES]
    drawn = [(row, slot) for row in rows for slot in (sorted(row.deeds.slots) if report.has_slots else (None,))]
    height = _lane_height(len(drawn), has_slots=report.has_slots)
    lanes: list[Lane] = []
    top = TOP
    for row, slot in drawn:
        is_first = not lanes or lanes[-1].row is not row
        if is_first and lanes and report.has_slots:
            top += GAP
        lanes.append(Lane(row, slot, top, height, is_first))
        top += height
    return lanes


def _lane_height(count: int, *, has_slots: bool) -> float:
    """Of machines each must have room for its name, of slots only the first of each machine."""
    if count <= 16:
        return 15.0
    if not has_slots:
        return 13.0
    return 10.0 if count <= 40 else 7.0


def _reach(rows: Sequence[MachineRow]) -> tuple[int, int, float]:
    spans = [row.deeds.spans for row in rows]
    return min(one.low for one in spans), max(one.high for one in spans), spans[0].width


def _joined(bins: int, jobs: int) -> int:
    """How many bins make one step: few enough to see, and with some jobs in each."""
    joined = -(-bins // MOST_BINS)
    while bins // joined > 24 and jobs / (bins // joined) < 8:
        joined += 1
    return joined


def _levels(ticks: Sequence[float], y: Scale) -> str:
    lines = [element("line", x1=LEFT, x2=RIGHT, y1=y.at(tick), y2=y.at(tick), class_="grid") for tick in ticks]
    told = [label(LEFT - 8, y.at(tick) + 4, told_number(tick), class_="end") for tick in ticks]
    return "".join([*lines, *told])


def _time_axis(span: float, x: Scale, y: float) -> str:
    parts = []
    for tick in time_ticks(span):
        parts.append(element("line", x1=x.at(tick), x2=x.at(tick), y1=8.0, y2=y + 4, class_="grid"))
        parts.append(label(x.at(tick), y + 18, told_seconds(tick) if tick else "0", class_="middle"))
    return "".join(parts)


def _steps(below: Sequence[float], above: Sequence[float], x: Scale, y: Scale) -> str:
    """The outline of a layer: along its upper edge, and back along the lower one."""
    there = [f"H{x.at(number + 1):.1f}V{y.at(value):.1f}" for number, value in enumerate([*above[1:], above[-1]])]
    back = [f"H{x.at(number):.1f}V{y.at(below[max(0, number - 1)]):.1f}" for number in range(len(below), -1, -1)]
    return f"M{x.at(0):.1f} {y.at(above[0]):.1f}" + "".join([*there, *back]) + "Z"


def _box(x: float, y: float, width: float, height: float, kind: str, told: str) -> str:
    inner = element("title", clean(told))
    return element("rect", inner, x=x, y=y, width=max(width, 0.0), height=height, class_=kind)


def _bars(lane: Lane, x: Scale, colour: str) -> str:
    """A box an attempt."""
    parts = []
    for slot, start, end, job, is_fine in lane.row.deeds.bars or ():
        if lane.slot is None or slot == lane.slot:
            told = f"job {job}{'' if is_fine else ', not well'}: {told_seconds(end - start)}"
            width = max(0.8, x.at(end) - x.at(start) - 0.4)
            kind = f"fill {colour if is_fine else 'bad'}"
            parts.append(_box(x.at(start), lane.top, width, height=lane.height - 2, kind=kind, told=told))
    return "".join(parts)


def _shaded(lane: Lane, bins: tuple[int, float, int], x: Scale, colour: str) -> str:
    """One path a shade: marks are as many as there are shades, however many attempts a bin holds."""
    low, width, joined = bins
    row, slot, top, height = lane.row, lane.slot, lane.top, lane.height - 2
    step = width * joined
    busy: dict[int, float] = {}
    for (of, at), seconds in row.deeds.spans.busy.items():
        if slot is None or of == slot:
            number = (at - low) // joined
            busy[number] = busy.get(number, 0.0) + seconds
    slots = len(row.deeds.slots) if slot is None else 1
    paths: dict[int, list[str]] = {}
    for number, seconds in sorted(busy.items()):
        start = low * width + number * step
        left, right = x.at(max(start, x.low)), x.at(min(start + step, x.high))
        covered = max(min(start + step, x.high) - max(start, x.low), 1e-9)
        shade = max(1, min(SHADES, round(seconds / covered / slots * SHADES)))
        if right > left:
            wide = right - left
            paths.setdefault(shade, []).append(f"M{left:.1f} {top:g}h{wide:.1f}v{height:g}h-{wide:.1f}z")
    return "".join(element("path", d="".join(d), class_=f"fill {colour} s{shade}") for shade, d in paths.items())


def _percentiles(together: Durations, x: Scale) -> list[str]:
    parts: list[str] = []
    last = -100.0
    for percent in (50, 90, 99):
        at = min(max(x.at(together.percentile(percent)), x.start), x.stop)
        parts.append(element("line", x1=at, x2=at, y1=30.0, y2=220.0, class_="mark"))
        told = f"{percent}%: {told_seconds(together.percentile(percent))}"
        place = "end" if at > x.stop - 50 else "middle"
        parts.append(label(at, 24.0 if at - last > 80 else 11.0, told, class_=place))
        last = at
    return parts


def _decades(x: Scale) -> list[float]:
    """Round durations on the axis, not too close to each other."""
    known = [
        1e-6, 1e-5, 1e-4, 1e-3, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0,
        120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 18000.0, 36000.0, 86400.0, 172800.0, 604800.0,
    ]  # fmt: skip
    shown: list[float] = []
    for one in known:
        if x.low <= one <= x.high and (not shown or x.at(one) - x.at(shown[-1]) > 55):
            shown.append(one)
    return shown


def _edge(bucket: int) -> float:
    return SHORTEST_S * exp(bucket * GROWTH)


def _short(name: str) -> str:
    return name if len(name) <= 13 else name[:12] + "…"
