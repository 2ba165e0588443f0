"""Drawings whose axis is the time since the first start: throughput, and what each slot did.

However many jobs there were, a drawing has at most some ten thousand marks: attempts are drawn one by one while they
are few, else as shades of how busy a stretch of time was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shareout.fields import dataclass
from shareout.report.facts import MachineRow, Report
from shareout.report.spans import Spans
from shareout.show.report.cells import Cell, Ranked, count, part, seconds
from shareout.show.report.paper import Drawing, Paper, box, colours, levels, time_axis
from shareout.show.report.svg import Scale, clean, element, label, picture, round_ticks, told_number, told_seconds

TOP = 8.0
SHADES = 5
MOST_BINS = 240
MOST_MACHINES = 400
MOST_MARKS = 25_000
"""Of a timeline, on each of the two papers."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the timeline: what one slot did, or all slots of a machine together (`slot` is None)."""

    row: MachineRow
    slot: int | None
    top: float
    height: float
    is_first: bool
    """Of its machine's: only this one has the name beside it."""

    @property
    def busy_s(self) -> float:
        """How long there was a job in it."""
        busy = self.row.deeds.spans.busy.items()
        return sum(seconds for (slot, _), seconds in busy if self.slot is None or slot == self.slot)


def throughput(report: Report) -> Drawing:
    """Jobs a second, the machines upon one another."""
    spans = {row.deeds.machine: row.deeds.spans for row in report.machines if row.deeds.spans.ended}
    return ended_over_time(spans, colours(report.machines))


def ended_over_time(spans: Mapping[str, Spans], shade: Mapping[str, str]) -> Drawing:
    """The same of whatever has ended, by machine; all spans have bins of one width."""
    low, high, width = _reach(list(spans.values()))
    joined = _joined(high - low + 1, sum(sum(one.ended.values()) for one in spans.values()))
    bins, step = (high - low) // joined + 1, width * joined
    layers: dict[str, list[float]] = {}
    for machine, one in spans.items():
        layer = layers.setdefault(shade[machine], [0.0] * bins)
        for at, ended in one.ended.items():
            layer[(at - low) // joined] += ended / step
    ordered = dict(sorted(layers.items()))
    tops = [sum(column) for column in zip(*ordered.values(), strict=True)]
    title = "Jobs settled a second, over time"

    def on(paper: Paper) -> str:
        ticks = round_ticks(max(tops))
        x, y = Scale(0, bins, paper.left, paper.right), Scale(0, ticks[-1], 240, 14)
        span = bins * step
        parts = [levels(ticks, y, paper), time_axis(span, Scale(0, span, paper.left, paper.right), y.start, paper)]
        below = [0.0] * bins
        for colour, layer in ordered.items():
            above = [under + more for under, more in zip(below, layer, strict=True)]
            parts.append(element("path", d=_steps(below, above, x, y), class_=f"fill {colour}"))
            below = above
        return picture(paper.width, 268, title, parts)

    told = [
        [seconds(at * step), seconds((at + 1) * step), Ranked(f"{told_number(top)}/s", top)]
        for at, top in enumerate(tops)
    ]
    return Drawing(title, on, ["from", "to", "jobs settled"], told, left=0)


def timeline(report: Report) -> Drawing:
    """What the slots did: attempts one by one when they are few, else how busy each stretch was."""
    lanes = _lanes(report)
    began = report.began or 0.0
    span = max((report.ended or 0.0) - began, 1e-3)
    end = lanes[-1].top + lanes[-1].height
    bottom = end + TOP
    shade = colours(report.machines)
    low, high, width = _reach([row.deeds.spans for row in report.machines if row.deeds.slots])
    # Wider where there are many lanes: four hundred of 240 bins would be 96,000 marks.
    joined = max(1, -(-(high - low + 1) * len(lanes) // MOST_MARKS), -(-(high - low + 1) // MOST_BINS))
    title = "What each slot did, over time"

    def on(paper: Paper) -> str:
        x = Scale(began, began + span, paper.left, paper.right)
        parts = [time_axis(span, Scale(0, span, paper.left, paper.right), bottom, paper)]
        for lane in lanes:
            machine = lane.row.deeds.machine
            if lane.is_first:
                parts.append(label(paper.left - 8, lane.top + lane.height - 3, paper.named(machine), class_="end"))
            if report.has_bars:
                parts.append(_bars(lane, x, shade[machine]))
            else:
                parts.append(_shaded(lane, (low, width, joined), x=x, colour=shade[machine]))
        return picture(paper.width, bottom + 26, title, parts)

    told = [_told(lane, span) for lane in lanes]
    return Drawing(title, on, ["machine", "slot", "busy", "of the time"], told, is_down=True, drawn=(TOP, end))


def _told(lane: Lane, span: float) -> list[Cell]:
    slots = len(lane.row.deeds.slots) if lane.slot is None else 1
    slot: Cell = f"all {slots}" if lane.slot is None else count(lane.slot)
    busy = lane.busy_s
    return [clean(lane.row.deeds.machine), slot, seconds(busy), part(min(1.0, busy / span / slots))]


def _lanes(report: Report) -> list[Lane]:
    """Those of a machine stand together, the machines in the order of the table."""
    rows = [row for row in report.machines if row.deeds.slots][:MOST_MACHINES]
    drawn = [(row, slot) for row in rows for slot in (sorted(row.deeds.slots) if report.has_slots else (None,))]
    height = _lane_height(len(drawn), has_slots=report.has_slots)
    return [
        Lane(row, slot, TOP + number * height, height, is_first=not number or drawn[number - 1][0] is not row)
        for number, (row, slot) in enumerate(drawn)
    ]


def _lane_height(lanes: int, *, has_slots: bool) -> float:
    """Of machines each must have room for its name, of slots only the first of each machine."""
    if lanes <= 16:
        return 15.0
    if not has_slots:
        return 13.0
    return 10.0 if lanes <= 40 else 7.0


def _reach(spans: Sequence[Spans]) -> tuple[int, int, float]:
    return min(one.low for one in spans), max(one.high for one in spans), spans[0].width


def _joined(bins: int, jobs: int) -> int:
    """How many bins make one step: few enough to see, and with some jobs in each."""
    joined = -(-bins // MOST_BINS)
    while bins // joined > 24 and jobs / (bins // joined) < 8:
        joined += 1
    return joined


def _steps(below: Sequence[float], above: Sequence[float], x: Scale, y: Scale) -> str:
    """The outline of a layer: along its upper edge, and back along the lower one."""
    there = [f"H{x.at(number + 1):.1f}V{y.at(value):.1f}" for number, value in enumerate([*above[1:], above[-1]])]
    back = [f"H{x.at(number):.1f}V{y.at(below[max(0, number - 1)]):.1f}" for number in range(len(below), -1, -1)]
    return f"M{x.at(0):.1f} {y.at(above[0]):.1f}" + "".join([*there, *back]) + "Z"


def _bars(lane: Lane, x: Scale, colour: str) -> str:
    """A box an attempt."""
    parts = []
    for slot, start, end, job, is_fine in lane.row.deeds.bars or ():
        if lane.slot is None or slot == lane.slot:
            told = f"job {job}{'' if is_fine else ', not well'}: {told_seconds(end - start)}"
            width = max(0.8, x.at(end) - x.at(start) - 0.4)
            kind = f"fill {colour if is_fine else 'bad'}"
            parts.append(box(x.at(start), lane.top, width, height=lane.height - 2, kind=kind, told=told))
    return "".join(parts)


def _shaded(lane: Lane, bins: tuple[int, float, int], x: Scale, colour: str) -> str:
    """One path a shade: marks are as many as there are shades, however many attempts a bin holds."""
    low, width, joined = bins
    row, slot, top, height = lane.row, lane.slot, lane.top, lane.height - 2
    step = width * joined
    busy: dict[int, float] = {}
    for (of, at), held in row.deeds.spans.busy.items():
        if slot is None or of == slot:
            number = (at - low) // joined
            busy[number] = busy.get(number, 0.0) + held
    slots = len(row.deeds.slots) if slot is None else 1
    paths: dict[int, list[str]] = {}
    for number, held in sorted(busy.items()):
        start = low * width + number * step
        left, right = x.at(max(start, x.low)), x.at(min(start + step, x.high))
        covered = max(min(start + step, x.high) - max(start, x.low), 1e-9)
        shade = max(1, min(SHADES, round(held / covered / slots * SHADES)))
        if right > left:
            wide = right - left
            paths.setdefault(shade, []).append(f"M{left:.1f} {top:g}h{wide:.1f}v{height:g}h-{wide:.1f}z")
    return "".join(element("path", d="".join(d), class_=f"fill {colour} s{shade}") for shade, d in paths.items())
