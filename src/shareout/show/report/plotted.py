"""A result over an input as a drawing: medians as a line, quartiles as a band, few points as dots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor, log10

from shareout.report.plots import MOST_WORDS, OTHERS, Bin, Binned, Formula, Kind, Points, around, binned
from shareout.show.report.cells import Cell, Ranked
from shareout.show.report.paper import COLOURS, WIDE, Drawing, Paper
from shareout.show.report.style import STYLE
from shareout.show.report.svg import (
    Scale,
    clean,
    date_ticks,
    element,
    label,
    number_ticks,
    picture,
    told_exactly,
    told_when,
)

MOST_DOTS = 1500
TOP, FLOOR = 14.0, 290.0
WIDEST_BOX = 40.0
TICK_LETTERS = 7.0
"""As wide as a letter is, in pixels."""
ABOVE, ENTRY = 22.0, 106.0
"""Room for the names of groups in a picture of its own: how high, and how wide for each."""
SHAPES = (
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "M-3-3h6v6h-6z", "M0-4L4 3H-4z", "M0-5L4 0L0 5L-4 0z", "M0 4L4-3H-4z",
    "M-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z", "M-4-3l1-1l3 3l3-3l1 1l-3 3l3 3l-1 1l-3-3l-3 3l-1-1l3-3z", "M-4-1h8v2h-8z",
)  # fmt: skip
"""Of medians, a group each: for who cannot tell its colour, and where there is none."""
COLOURED = {*(f"c{number}" for number in range(COLOURS)), "cx"}
LIGHT = dict(re.findall(r"--(\w+):(#\w+)", STYLE.partition("@media")[0]))


def plot(points: Points, formula: Formula, made: Binned) -> Drawing:
    """On the page, and as a table."""
    colour = _colours(made)

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
    colour = _colours(made)
    named = [f"<span>{_sample(made, name, colour[name])}{clean(name)}</span>" for name in made.groups]
    return f'<div class="legend">{"".join(named)}</div>'


def _colours(made: Binned) -> dict[str, str]:
    return {name: "cx" if name == OTHERS else f"c{at % COLOURS}" for at, name in enumerate(made.groups)}


def _sample(made: Binned, name: str, colour: str) -> str:
    mark = _mark(made, name, 7.0, 7.0, colour)
    return element("svg", mark, class_="sample", viewBox="0 0 14 14", aria_hidden="true")


def _mark(made: Binned, name: str, x: float, y: float, colour: str) -> str:
    shape = SHAPES[list(made.groups).index(name) % len(SHAPES)]
    return element("path", d=shape, transform=f"translate({x:.1f} {y:.1f})", class_=f"fill {colour}")


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
        above = " above 0, as a logarithm needs," if formula.log else ""
        along = ("number", "date", f"text of the first {MOST_WORDS}")[points.kind]
        said.append(
            f"{points.left_out:,} are left out: they have no number{above} as {formula.y}, or no {along} as "
            f"{formula.x}."
        )
    return " ".join(said)


def alone(points: Points, formula: Formula) -> str:
    """As a file of its own."""
    made = binned(points, formula)
    colour = _colours(made)
    named = [
        _mark(made, name, WIDE.left + ENTRY * at, 12.0, colour[name])
        + label(WIDE.left + ENTRY * at + 10, 16.0, WIDE.named(name))
        for at, name in enumerate(made.groups if formula.by else ())
    ]
    above = ABOVE if named else 0.0
    drawn = element("g", "".join(_parts(points, formula, made, colour, WIDE)), transform=f"translate(0 {above:g})")
    high = FLOOR + 44 + above
    ground = element("rect", width=WIDE.width, height=high, fill=LIGHT["card"])
    told = {"font_family": "sans-serif", "font_size": "11.5", "fill": LIGHT["soft"]}
    inner = element("g", "".join([ground, *named, drawn]), **told)
    drawn = picture(WIDE.width, high, str(formula), [inner], xmlns="http://www.w3.org/2000/svg")
    # Programs for papers and slides know few of the words of a browser's style sheets, and none of its variables.
    return re.sub(r'class="([^"]*)"', lambda found: _plainly(found[1].split()), drawn) + "\n"


def _plainly(names: Sequence[str]) -> str:
    """What a class of the page means, said by each element itself; on white paper."""
    colour = next((LIGHT[name] for name in names if name in COLOURED), "none")
    means = {
        "fill": f'fill="{colour}"', "line": f'fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"',
        "s1": 'opacity=".22"', "s2": 'opacity=".4"', "grid": f'stroke="{LIGHT["line"]}"',
        "end": 'text-anchor="end"', "middle": 'text-anchor="middle"',
    }  # fmt: skip
    return " ".join(means[name] for name in names if name in means)


def _parts(points: Points, formula: Formula, made: Binned, colour: dict[str, str], paper: Paper) -> list[str]:
    x = Scale(made.edges[0], made.edges[-1], paper.left, paper.right, is_log="x" in formula.log)
    y = _scale_y(points, made, is_log="y" in formula.log)
    parts = [_left(y, paper), _bottom(x, points, paper)]
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
        parts.append(_mark(made, name, at, y.at(one.median), colour))
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
        low, high = around(low, is_log=is_log)
    return Scale(low, high, FLOOR, TOP + 6, is_log=is_log)


def _left(y: Scale, paper: Paper) -> str:
    parts = []
    for tick, text in _ticks(y, 5):
        at = y.at(tick)
        parts.append(element("line", x1=paper.left, x2=paper.right, y1=at, y2=at, class_="grid"))
        parts.append(label(paper.left - 8, at + 4, text, class_="end"))
    return "".join(parts)


def _bottom(x: Scale, points: Points, paper: Paper) -> str:
    wide = paper.right - paper.left
    if points.kind is Kind.TEXT:
        room = max(1, floor(wide / len(points.words) / TICK_LETTERS) - 1)
        short = [text if len(text) <= room else text[: max(1, room - 1)] + "…" for text in points.words]
        ticks = [(float(number), text) for number, text in enumerate(short)]
    else:
        # Fewer where they are so long that they would run into each other.
        for most in range(paper.ticks, 1, -1):
            ticks = date_ticks(x.low, x.high, most) if points.kind is Kind.DATE else _ticks(x, most)
            longest = max((len(text) for _, text in ticks), default=0)
            if len(ticks) * (longest + 2) * TICK_LETTERS <= wide:
                break
    return "".join(label(x.at(tick), FLOOR + 18, text, class_="middle") for tick, text in ticks)


def _ticks(scale: Scale, most: int) -> list[tuple[float, str]]:
    """Round values within."""
    if scale.is_log:
        low, high = ceil(log10(scale.low) - 1e-9), floor(log10(scale.high) + 1e-9)
        if high > low:
            powers = range(low, high + 1, ceil((high - low + 1) / most))
            return [(10.0**power, told_exactly(10.0**power)) for power in powers]
    return number_ticks(scale.low, scale.high, most)


def _row(points: Points, made: Binned, number: int) -> list[Cell]:
    edges, found = made.edges, [bins[number] for bins in made.groups.values()]
    told_x = told_when if points.kind is Kind.DATE else told_exactly
    where: list[Cell] = [Ranked(told_x(edge), edge) for edge in edges[number : number + 2]]
    if points.words:
        where = [clean(points.words[number])]
    told = [Ranked(f"{told_exactly(one.median)} (of {one.count:,})", one.median) if one else "–" for one in found]
    return [*where, *told]
