"""A result over an input as a drawing: medians as a line, quartiles as a band, few points as dots."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from shareout.report.plots import Bin, Binned, Formula, Points, binned
from shareout.show.report.cells import Cell, Ranked
from shareout.show.report.paper import COLOURS, WIDE, Drawing, Paper
from shareout.show.report.style import STYLE
from shareout.show.report.svg import Scale, clean, element, label, picture, round_ticks

MOST_DOTS = 1500
TOP, FLOOR = 14.0, 290.0
WIDEST_BOX = 40.0
TICK_LETTERS = 7.0
"""As wide as a letter is, in pixels."""


def plot(points: Points, formula: Formula, made: Binned) -> Drawing:
    """On the page, and as a table."""
    colour = {name: f"c{number % COLOURS}" for number, name in enumerate(made.groups)}

    def on(paper: Paper) -> str:
        return picture(paper.width, FLOOR + 44, str(formula), _parts(points, formula, made, colour, paper))

    names = list(made.groups)
    head = ["from", "to", *(f"median{f' of {name}' if name else ''}" for name in names)]
    if points.words:
        head = [formula.x, *head[2:]]
    rows = [_row(points, made, number) for number in range(len(made.edges) - 1)]
    return Drawing(str(formula), on, head, rows, left=1 if points.words else 0)


def legend(formula: Formula, made: Binned) -> str:
    """Which colour is which group."""
    if not formula.by:
        return ""
    dots = "".join(
        f'<span><span class="dot c{at % COLOURS}"></span>{clean(name)}</span>' for at, name in enumerate(made.groups)
    )
    return f'<div class="legend">{dots}</div>'


def words(points: Points, formula: Formula, *, is_sample: bool) -> str:
    """What is drawn, of how many, and how sure it is."""
    said = [f"Median of {formula.y}, and what the middle half of the jobs have."]
    if points.done < points.total:
        said.append(f"Of {points.total:,} jobs {points.done:,} are done.")
        said.append(
            "They are a random sample: the whiskers hold the median of all, nineteen times of twenty."
            if is_sample
            else "They are no random sample of all: what is still to come may look otherwise."
        )
    if points.is_part:
        said.append(f"Drawn are {len(points.y):,} of them, taken evenly.")
    if points.left_out:
        above = ", or none above 0, as a logarithm must be" if formula.log else ""
        said.append(f"{points.left_out:,} are left out: they have no number there{above}.")
    return " ".join(said)


def alone(points: Points, formula: Formula) -> str:
    """As a file of its own."""
    made = binned(points, formula)
    colour = {name: f"c{number % COLOURS}" for number, name in enumerate(made.groups)}
    parts = [element("style", STYLE), element("rect", width=WIDE.width, height=FLOOR + 44, fill="var(--card)")]
    parts += _parts(points, formula, made, colour, WIDE)
    for number, name in enumerate(made.groups if formula.by else ()):
        y = TOP + 14 + 15 * number
        parts.append(element("circle", cx=WIDE.right - 120, cy=y - 4, r=4, class_=f"fill {colour[name]}"))
        parts.append(label(WIDE.right - 110, y, WIDE.named(name)))
    return picture(WIDE.width, FLOOR + 44, str(formula), parts, xmlns="http://www.w3.org/2000/svg") + "\n"


def _parts(points: Points, formula: Formula, made: Binned, colour: dict[str, str], paper: Paper) -> list[str]:
    x = Scale(made.edges[0], made.edges[-1], paper.left, paper.right, is_log="x" in formula.log)
    y = _scale_y(points, made, is_log="y" in formula.log)
    parts = [_left(y, paper), _bottom(x, points.words, paper)]
    parts += [label(paper.left, TOP - 3, formula.y), label(paper.right, FLOOR + 38, formula.x, class_="end")]
    # In a word's room groups stand beside each other, and dots would lie between them.
    if len(points.y) <= MOST_DOTS and not (made.is_apart and len(made.groups) > 1):
        shade = {number: colour.get(name, "cx") for number, name in enumerate(points.groups)}
        dots = zip(points.x, points.y, points.of, strict=True)
        parts += [element("circle", cx=x.at(a), cy=y.at(b), r=2.0, class_=f"fill s2 {shade[of]}") for a, b, of in dots]
    for name in made.groups:
        parts += _series(made, name, x, y, colour[name])
    return parts


def _series(made: Binned, name: str, x: Scale, y: Scale, colour: str) -> list[str]:
    """Along numbers a line and its band, along words a box for each."""
    edges = made.edges
    seen = [((x.at(edges[at]) + x.at(edges[at + 1])) / 2, one) for at, one in enumerate(made.groups[name]) if one]
    if made.is_apart:
        # Groups beside each other within a word's room.
        room = (x.at(edges[1]) - x.at(edges[0])) / (len(made.groups) + 1)
        aside = room * (list(made.groups).index(name) - (len(made.groups) - 1) / 2)
        seen = [(at + aside, one) for at, one in seen]
        parts = [_box(at, one, min(room, WIDEST_BOX), y, colour) for at, one in seen]
    else:
        parts = _band(seen, y, colour) if seen else []
    for at, one in seen:
        parts.append(element("circle", cx=at, cy=y.at(one.median), r=3.0, class_=f"fill {colour}"))
        if one.sure:
            low, high = (y.at(edge) for edge in one.sure)
            parts.append(element("path", d=f"M{at:.1f} {low:.1f}V{high:.1f}", class_=f"line {colour}"))
    return parts


def _box(at: float, one: Bin, wide: float, y: Scale, colour: str) -> str:
    high, low = y.at(one.high), y.at(one.low)
    return element("rect", x=at - wide / 2, y=high, width=wide, height=max(1.0, low - high), class_=f"fill s1 {colour}")


def _band(seen: Sequence[tuple[float, Bin]], y: Scale, colour: str) -> list[str]:
    there = [f"{at:.1f} {y.at(one.high):.1f}" for at, one in seen]
    back = [f"{at:.1f} {y.at(one.low):.1f}" for at, one in reversed(seen)]
    line = [f"{at:.1f} {y.at(one.median):.1f}" for at, one in seen]
    return [
        element("path", d=f"M{'L'.join([*there, *back])}Z", class_=f"fill s1 {colour}"),
        element("path", d=f"M{'L'.join(line)}", class_=f"line {colour}"),
    ]


def _scale_y(points: Points, made: Binned, *, is_log: bool) -> Scale:
    """Over all dots where they are drawn, else over what bands and whiskers reach."""
    if len(points.y) <= MOST_DOTS:
        values: list[float] = list(points.y)
    else:
        every = [one for bins in made.groups.values() for one in bins if one]
        values = [value for one in every for value in (one.low, one.high, *(one.sure or ()))]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low == high:
        low, high = (low / 2, high * 2) if is_log else (low - 0.5, high + 0.5)
    return Scale(low, high, FLOOR, TOP + 6, is_log=is_log)


def _left(y: Scale, paper: Paper) -> str:
    parts = []
    for tick in _ticks(y, 5):
        at = y.at(tick)
        parts.append(element("line", x1=paper.left, x2=paper.right, y1=at, y2=at, class_="grid"))
        parts.append(label(paper.left - 8, at + 4, _told(tick), class_="end"))
    return "".join(parts)


def _bottom(x: Scale, texts: Sequence[str], paper: Paper) -> str:
    ticks: list[tuple[float, str]]
    if not texts:
        ticks = [(tick, _told(tick)) for tick in _ticks(x, paper.ticks)]
    else:
        room = max(1, floor((paper.right - paper.left) / len(texts) / TICK_LETTERS) - 1)
        short = [text if len(text) <= room else text[: max(1, room - 1)] + "…" for text in texts]
        ticks = [(float(number), text) for number, text in enumerate(short)]
    return "".join(label(x.at(tick), FLOOR + 18, text, class_="middle") for tick, text in ticks)


def _ticks(scale: Scale, most: int) -> list[float]:
    """Round values within."""
    if scale.is_log:
        low, high = ceil(log10(scale.low) - 1e-9), floor(log10(scale.high) + 1e-9)
        if high > low:
            return [10.0**power for power in range(low, high + 1, ceil((high - low + 1) / most))]
    step = round_ticks(scale.high - scale.low, most)[1]
    begin, end = ceil(scale.low / step - 1e-9), floor(scale.high / step + 1e-9)
    return [number * step for number in range(begin, end + 1)]


def _told(value: float) -> str:
    return f"{value:.4g}"


def _row(points: Points, made: Binned, number: int) -> list[Cell]:
    edges, found = made.edges, [bins[number] for bins in made.groups.values()]
    where: list[Cell] = (
        [clean(points.words[number])]
        if points.words
        else [Ranked(_told(edges[number]), edges[number]), Ranked(_told(edges[number + 1]), edges[number + 1])]
    )
    told = [Ranked(f"{_told(one.median)} (of {one.count:,})", one.median) if one else "–" for one in found]
    return [*where, *told]
