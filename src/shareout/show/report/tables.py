"""The tables of a report: machines, better weights, failures with their last lines, the longest jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from shareout.machines import Machine
from shareout.report.balance import FEWEST_JOBS, Balance
from shareout.report.facts import Report
from shareout.report.reading import Failure
from shareout.show.report.cells import Cell, Ranked, count, part, seconds, table
from shareout.show.report.paper import colours
from shareout.show.report.svg import clean, told_number, told_seconds

LONGEST_TEXT = 300
# A standard error beyond which a suggestion says little.
VAGUE = 0.1
SHOWN_MACHINES = 400
SHOWN_GROUPS = 100
SHOWN_FAILURES = 20

Texts = Callable[[int], str] | None


def machine_table(report: Report) -> str:
    """A line a machine."""
    shade = colours(report.machines)
    paces = {pace.machine: pace for pace in report.balance.paces} if report.balance else {}
    rows: list[list[Cell]] = []
    for row in report.machines[:SHOWN_MACHINES]:
        deeds, took = row.deeds, row.deeds.durations
        pace = paces.get(deeds.machine)
        rows.append(
            [
                f'<span class="dot {shade[deeds.machine]}"></span>{clean(deeds.machine)}',
                count(len(deeds.slots)),
                count(row.share),
                count(row.done),
                Ranked(f'<span class="badtext">{told_number(row.failed)}</span>', row.failed)
                if row.failed
                else count(0),
                seconds(deeds.active_s),
                part(row.idle),
                seconds(took.mean),
                seconds(took.percentile(50)),
                seconds(took.percentile(99)),
                Ranked(f"{told_number(pace.rate)}/s", pace.rate) if pace else "–",
            ]
        )
    head = ["machine", "slots", "share", "done", "failed", "ran for", "idle", "mean", "median", "99%", "rate"]
    rest = len(report.machines) - SHOWN_MACHINES
    more = f'<p class="soft">and {rest} more machines</p>' if rest > 0 else ""
    return table(head, rows) + more


def balance_section(report: Report, machines: Sequence[Machine]) -> str:
    """What would have been better, ready to paste."""
    balance = report.balance
    if balance is None:
        return (
            '<p class="soft">Nothing can be compared here: '
            f"it takes two machines that settled {FEWEST_JOBS} jobs or more each, and a random sample of all.</p>"
        )
    words = (
        f"At the measured rates the last machine needs {told_seconds(balance.planned_s)} for its share; with weights "
        f"as the rates are, all would be through after {told_seconds(balance.balanced_s)} "
        f"({balance.gain:.0%} less; the dashed line)."
    )
    if max(pace.uncertainty for pace in balance.paces) > VAGUE:
        words += " Few jobs, or jobs of very different length, make this uncertain; the ± is one standard error."
    rows: list[list[Cell]] = [
        [
            clean(pace.machine),
            Ranked(f"{pace.perf_now:.3g}", pace.perf_now) if pace.perf_now is not None else "–",
            Ranked(f"{pace.perf:.3g}", pace.perf),
            Ranked(f"± {pace.uncertainty:.1%}", pace.uncertainty),
            seconds(pace.needs_s),
        ]
        for pace in balance.paces[:SHOWN_MACHINES]
    ]
    told = table(["machine", "perf now", "perf measured", "", "needs for its share"], rows)
    return (
        f"<p>{clean(words)}</p>{told}<p>For the next run, in <code>machines.json</code>: "
        '<button type="button" data-copy="machines">copy</button></p>'
        f'<pre id="machines">{clean(_block(balance, machines))}</pre>{_unsure(balance, machines)}'
    )


def group_table(report: Report) -> str:
    """How long attempts of each group took; the longest first. Nothing where there are no groups."""
    if not report.groups:
        return ""
    ordered = sorted(report.groups.items(), key=lambda one: -one[1].mean)
    rows: list[list[Cell]] = [
        [
            clean(name),
            count(took.count),
            seconds(took.mean),
            *(seconds(took.percentile(percent)) for percent in (50, 90, 99)),
            seconds(took.longest),
        ]
        for name, took in ordered[:SHOWN_GROUPS]
    ]
    rest = len(ordered) - SHOWN_GROUPS
    more = f'<p class="soft">and {rest} more groups</p>' if rest > 0 else ""
    return table(["group", "attempts", "mean", "median", "90%", "99%", "longest"], rows) + more


def failure_section(report: Report, text_of: Texts) -> str:
    """What failed: by kind, then job by job with the last lines of its output."""
    if not report.kinds and not report.failures:
        return '<section><h2>Failures</h2><p class="soft">None: every attempt ended well.</p></section>'
    kinds = table(
        ["attempts that did not end well", "how often"], [[clean(kind), count(many)] for kind, many in report.kinds]
    )
    shown = "".join(_failure(one, report, text_of) for one in report.failures[:SHOWN_FAILURES])
    if len(report.failures) > SHOWN_FAILURES:
        others = "".join(_failure(one, report, text_of) for one in report.failures[SHOWN_FAILURES:])
        shown += f"<details><summary>{len(report.failures) - SHOWN_FAILURES} more of them</summary>{others}</details>"
    rest = report.counts.failed - len(report.failures)
    more = (
        f'<p class="soft">and {told_number(rest)} more; merge-results --failed lists them all</p>' if rest > 0 else ""
    )
    words = "One of each kind comes first." if report.failures else "All of these jobs ended well in the end."
    return f'<section><h2>Failures</h2><p class="soft">{words}</p>{kinds}{shown}{more}</section>'


def longest_section(report: Report, text_of: Texts) -> str:
    """A row an attempt; the text of its job when the inputs are at hand."""
    rows: list[list[Cell]] = [
        [
            Ranked(str(one.job), one.job),
            f"<code>{_text(one.job, text_of)}</code>" if text_of else "",
            clean(one.machine),
            count(one.slot),
            count(one.attempt),
            seconds(one.seconds),
        ]
        for one in report.longest
    ]
    told = table(["job", "", "machine", "slot", "attempt", "took"], rows, left=3)
    return f'<section><h2>Longest jobs</h2><p class="soft">The attempts that took most time.</p>{told}</section>'


def _block(balance: Balance, machines: Sequence[Machine]) -> str:
    entries = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in balance.block(machines).items()]
    return "{\n" + ",\n".join(entries) + "\n}"


def _unsure(balance: Balance, machines: Sequence[Machine]) -> str:
    said = []
    if not machines:
        said.append("The inputs are not at hand, so cores are the slots that were seen, and the best machine has 1.")
    if balance.brief:
        said.append(
            f"Measured over less than a second, and so mostly how they started: {', '.join(balance.brief[:20])}."
        )
    if balance.unmeasured:
        said.append(f"Not measured, and left as they are: {', '.join(balance.unmeasured[:20])}.")
    return "".join(f'<p class="soft">{clean(one)}</p>' for one in said)


def _failure(one: Failure, report: Report, text_of: Texts) -> str:
    attempt = one.attempt
    head = f"<b>job {attempt.job}</b> on {clean(one.machine)}, attempt {attempt.attempt}: "
    head += f'<span class="badtext">{clean((attempt.error or attempt.cause.value)[:LONGEST_TEXT])}</span>'
    inner = f"<p><code>{_text(attempt.job, text_of)}</code></p>" if text_of else ""
    lines = report.lines.get((one.machine, attempt.job), [])
    if lines:
        inner += f"<pre>{clean(chr(10).join(lines))}</pre>"
    if not inner:
        return f"<p>{head}</p>"
    # Some are open: who looks for a failure sees one at once.
    opened = ' open="open"' if one in report.failures[:3] else ""
    return f"<details{opened}><summary>{head}</summary>{inner}</details>"


def _text(job: int, text_of: Texts) -> str:
    text = text_of(job) if text_of else ""
    return clean(text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…")
