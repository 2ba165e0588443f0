"""A report as one page of HTML: nothing is loaded from anywhere, whatever a job printed is shown as text.

The page is well-formed XML too. Its size does not grow with the number of jobs: tables are cut, drawings have so
many marks and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shareout._version import VERSION
from shareout.fields import dataclass
from shareout.machines import Machine
from shareout.plan.digest import HashedInput
from shareout.report.facts import Report
from shareout.report.plots import Formula, Points, binned
from shareout.show.report.first import first
from shareout.show.report.lengths import durations, finishing
from shareout.show.report.over_time import MOST_MACHINES, throughput, timeline
from shareout.show.report.paper import colours, figure
from shareout.show.report.plotted import legend, plot, words
from shareout.show.report.script import SCRIPT
from shareout.show.report.style import STYLE
from shareout.show.report.svg import clean, told_number, told_seconds, told_when
from shareout.show.report.tables import balance_section, failure_section, group_table, longest_section, machine_table


@dataclass(frozen=True, slots=True)
class Extras:
    """What only the inputs tell, when they are at hand."""

    inputs: tuple[HashedInput, ...] = ()
    machines: tuple[Machine, ...] = ()
    text_of: Callable[[int], str] | None = None
    certificate: str = ""
    """Of all results, when all jobs are done."""


def page_of(report: Report, extras: Extras, plots: Sequence[tuple[Formula, Points]] = ()) -> str:
    """The whole page. `plots`: results over inputs, which come first of all drawings."""
    has_run = any(row.deeds.attempts for row in report.machines)
    parts = [_head(report), first(report), _tiles(report), _certificate(extras)]
    # A run that did nothing has a page too, and no empty pictures.
    if has_run:
        parts += [_plot(points, formula, report) for formula, points in plots]
        parts += [failure_section(report, extras.text_of), *_pictures(report, extras)]
        parts.append(longest_section(report, extras.text_of))
    else:
        parts.append(_section("Nothing has run yet", "The run directories hold no attempt at any job."))
    parts.append(_what_ran(report, extras))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>shareout {clean(report.fingerprint)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main><script>{SCRIPT}</script></body></html>\n"
    )


def _plot(points: Points, formula: Formula, report: Report) -> str:
    said = words(points, formula, is_sample=report.is_sample)
    made = binned(points, formula)
    return _section(str(formula), said, legend(formula, made), figure(plot(points, formula, made)))


def _pictures(report: Report, extras: Extras) -> list[str]:
    """The sections that draw. Where every attempt was stopped there is nothing to count and nothing to time."""
    idle = (
        "How long each machine ran, pauses between sessions left out; the paler part is the share of that time in "
        "which its slots stood idle."
    )
    tables = (machine_table(report), balance_section(report, extras.machines))
    parts = [_section("Machines", idle, figure(finishing(report)), *tables)]
    if any(row.deeds.finished for row in report.machines):
        words = "Jobs settled a second, machine upon machine."
        parts.append(_section("Throughput", words, _legend(report), figure(throughput(report))))
    parts.append(_section("Slots", _timeline_words(report), figure(timeline(report))))
    if report.durations().count:
        words = "Of every attempt that ended by itself."
        parts.append(_section("Durations", words, figure(durations(report)), group_table(report)))
    return parts


def _head(report: Report) -> str:
    if report.began is None or report.ended is None:
        when = "not begun"
    else:
        when = f"{told_when(report.began)} to {told_when(report.ended)} UTC"
    where = f'<span class="soft">{clean(report.root[:16])} · {when}</span>'
    return f"<header><h1>{clean(report.fingerprint)}</h1>{where}</header>"


def _tiles(report: Report) -> str:
    counts = report.counts
    attempts = sum(row.deeds.attempts for row in report.machines)
    tiles = [
        ("jobs", told_number(counts.total), ""),
        ("done", told_number(counts.done), "good" if counts.done == counts.total else ""),
        ("failed", told_number(counts.failed), "bad" if counts.failed else ""),
        ("missing", told_number(counts.missing), "bad" if counts.missing else ""),
    ]
    if counts.skipped:
        tiles.append(("skipped", told_number(counts.skipped), ""))
    if attempts:
        busy = sum(row.deeds.busy_s for row in report.machines)
        tiles += [
            ("attempts", told_number(attempts), ""),
            ("machines", told_number(len(report.machines)), ""),
            ("time in jobs", told_seconds(busy), ""),
        ]
    inner = "".join(f'<div class="tile {kind}"><b>{clean(text)}</b>{name}</div>' for name, text, kind in tiles)
    return f'<div class="tiles">{inner}</div>'


def _certificate(extras: Extras) -> str:
    if not extras.certificate:
        return ""
    return f'<p class="soft proof">Complete; certificate <code>{clean(extras.certificate)}</code></p>'


def _section(title: str, words: str, *parts: str) -> str:
    inner = "".join(parts)
    return f'<section><h2>{clean(title)}</h2><p class="soft">{clean(words)}</p>{inner}</section>'


def _legend(report: Report) -> str:
    shade = colours(report.machines)
    named = [
        f'<span><span class="dot {shade[row.deeds.machine]}"></span>{clean(row.deeds.machine)}</span>'
        for row in report.machines
        if shade[row.deeds.machine] != "cx"
    ]
    rest = sum(colour == "cx" for colour in shade.values())
    if rest:
        named.append(f'<span><span class="dot cx"></span>{rest} more</span>')
    return f'<div class="legend">{"".join(named)}</div>'


def _timeline_words(report: Report) -> str:
    row = "A row a slot" if report.has_slots else "A row a machine"
    what = "a box a job, red when it did not end well" if report.has_bars else "the fuller the colour, the busier"
    rest = len(report.machines) - MOST_MACHINES
    more = f" {rest} more machines are not drawn." if rest > 0 and not report.has_slots else ""
    return f"{row}, {what}; the time is from the first start.{more}"


def _what_ran(report: Report, extras: Extras) -> str:
    rows = [
        ("plan", f"{report.fingerprint} ({report.root})"),
        *(("then", digest) for digest in report.plans if digest != report.root),
        ("pool", report.pool_digest),
        ("jobs are", "commands" if report.kind == "command" else "calls of a Python function"),
        ("shareout", _distinct([version for row in report.machines for version in row.deeds.versions])),
        ("code", _distinct([code for row in report.machines for code in row.deeds.codes if code])),
        *(
            (one.role, f"{one.path or 'as set'}: {one.size:,} bytes, BLAKE3 {one.blake3.hex()}")
            for one in extras.inputs
        ),
    ]
    told = "".join(f"<tr><td>{clean(name)}</td><td><code>{clean(text)}</code></td></tr>" for name, text in rows if text)
    oddities = _oddities(report)
    words = "Who compares these with another machine's compares what was run."
    return _section("What ran", words, f'<div class="wide"><table>{told}</table></div>', oddities) + (
        f'<p class="soft" style="margin-top:14px">made by shareout {VERSION}</p>'
    )


def _oddities(report: Report) -> str:
    said = []
    if len({tuple(row.deeds.codes) for row in report.machines if row.deeds.codes}) > 1:
        said.append("The machines ran different versions of the code.")
    if report.damage:
        where = ", ".join(f"{place.path}:{place.line}" for place in report.damage[:5])
        said.append(f"Damaged places in the journals do not count: {len(report.damage)} ({where}).")
    return "".join(f'<p class="badtext">{clean(one)}</p>' for one in said)


def _distinct(words: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(words))
