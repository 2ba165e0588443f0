"""What a person asks first: how far it is, when it ends or ended, what failed, and which machine is last."""

from __future__ import annotations

from shareout.report.facts import MachineRow, Report
from shareout.show.report.svg import clean, element, told_number, told_seconds, told_when
from shareout.status.machine import Forecast, forecast


def first(report: Report) -> str:
    """How much of all is done, in a sentence too, and a bar."""
    counts = report.counts
    said = f"{told_number(counts.done)} of {told_number(counts.total)} jobs are done"
    said += f", {told_number(counts.failed)} failed" if counts.failed else ""
    said += f", {told_number(counts.skipped)} are skipped" if counts.skipped else ""
    said += f"; of {told_number(counts.missing)} nothing here tells an end" if counts.missing else ""
    words = [said + ".", *_end(report)]
    share = f'<b class="share">{_share(counts.done, counts.total)}</b>' if counts.total else ""
    return f'<div class="head">{share}<p class="first">{clean(" ".join(words))}</p></div>{_bar(report)}'


def _end(report: Report) -> list[str]:
    ran = [row for row in report.machines if row.deeds.ended is not None]
    if not ran:
        return []
    last = max(ran, key=lambda row: row.deeds.ended or 0.0)
    at = told_when(last.deeds.ended or 0.0)
    if not report.counts.missing:
        alone = len(ran) == 1
        return [f"It ended at {at} UTC" + ("." if alone else f", on {last.deeds.machine} last.")]
    words = [f"The last word of it is of {at} UTC."]
    behind = [(left, row) for row in ran if (left := _needs(row, is_sample=report.is_sample)) is not None]
    if behind and len(report.plans) == 1:
        left, row = max(behind, key=lambda one: one[0].seconds)
        low, high = told_seconds(left.low), told_seconds(left.high)
        between = f" ({low} to {high})" if low != high else ""
        words.append(
            f"Of those that ran {row.deeds.machine} is furthest behind: at its pace it needs "
            f"{told_seconds(left.seconds)} more{between}."
        )
    return words


def _needs(row: MachineRow, *, is_sample: bool) -> Forecast | None:
    """For what it has left, as `status` tells it of one that runs; None where it has nothing left, or has settled
    nothing."""
    left, deeds = row.share - row.done - row.failed, row.deeds
    if left <= 0 or not deeds.finished or deeds.active_s <= 0:
        return None
    return forecast(left, deeds.finished / deeds.active_s, deeds.durations, row.share, is_sample)


def _bar(report: Report) -> str:
    counts = report.counts
    if not counts.total:
        return ""
    parts = ((counts.done, ""), (counts.failed, "bad"), (counts.skipped, "cx"))
    inner = "".join(
        element("span", "\u200b", class_=kind or None, style=f"width:{100 * many / counts.total:.3f}%")
        for many, kind in parts
        if many
    )
    told = f"{_share(counts.done, counts.total)} done"
    return f'<div class="progress" role="img" aria-label="{told}">{inner}</div>'


def _share(part: int, whole: int) -> str:
    """100% of all only, and 0% of none only."""
    if part in (0, whole):
        return f"{100 * part // whole}%"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f}%"
