"""A report as data: the keys of `report --json`, documented in docs/formats.md."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.machines import Machine
from shareout.record.tallies.durations import Durations
from shareout.report.balance import Balance
from shareout.report.facts import MachineRow, Report
from shareout.report.reading import Failure

PERCENTS = (10, 50, 90, 99)


def report_facts(report: Report, machines: Sequence[Machine]) -> dict[str, object]:
    """Plain values only."""
    counts = report.counts
    return {
        "digest": report.root,
        "fingerprint": report.fingerprint,
        "kind": report.kind,
        "plans": list(report.plans),
        "jobs": counts.total,
        "done": counts.done,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "missing": counts.missing,
        "began": report.began,
        "ended": report.ended,
        "durations": _durations(report.durations()),
        "groups": {name: {"attempts": one.count, **_durations(one)} for name, one in sorted(report.groups.items())},
        "machines": [_machine(row) for row in report.machines],
        "throughput": _throughput(report),
        "longest": [
            {
                "job": one.job,
                "machine": one.machine,
                "slot": one.slot,
                "attempt": one.attempt,
                "start": one.start,
                "seconds": one.seconds,
            }
            for one in report.longest
        ],
        "kinds": [{"kind": kind, "attempts": count} for kind, count in report.kinds],
        "failures": [_failure(one, report) for one in report.failures],
        "damaged": len(report.damage),
        "balance": _balance(report.balance, machines),
    }


def _durations(durations: Durations) -> dict[str, float]:
    told = {f"p{percent}": durations.percentile(percent) for percent in PERCENTS}
    return {"mean": durations.mean, **told}


def _machine(row: MachineRow) -> dict[str, object]:
    deeds = row.deeds
    return {
        "name": deeds.machine,
        "hosts": list(deeds.hosts),
        "versions": list(deeds.versions),
        "codes": list(deeds.codes),
        "slots": len(deeds.slots),
        "share": row.share,
        "done": row.done,
        "failed": row.failed,
        "attempts": deeds.attempts,
        "began": deeds.began,
        "ended": deeds.ended,
        "active_s": deeds.active_s,
        "busy_s": deeds.busy_s,
        "idle": row.idle,
        "durations": _durations(deeds.durations),
    }


def _throughput(report: Report) -> dict[str, object]:
    """Jobs settled in bins of equal width."""
    reached = [row.deeds.spans for row in report.machines if row.deeds.spans.high >= row.deeds.spans.low]
    if not reached:
        return {"from": None, "width_s": None, "machines": {}}
    # All bins are equally wide by now: the report has seen to that.
    low, high = min(spans.low for spans in reached), max(spans.high for spans in reached)
    counts = {
        row.deeds.machine: [row.deeds.spans.ended.get(at, 0) for at in range(low, high + 1)] for row in report.machines
    }
    return {"from": low * reached[0].width, "width_s": reached[0].width, "machines": counts}


def _failure(one: Failure, report: Report) -> dict[str, object]:
    attempt = one.attempt
    return {
        "job": attempt.job,
        "machine": one.machine,
        "attempt": attempt.attempt,
        "cause": attempt.cause.value,
        "exit": attempt.exit,
        "error": attempt.error,
        "end": attempt.end,
        "lines": report.lines.get((one.machine, attempt.job), []),
    }


def _balance(balance: Balance | None, machines: Sequence[Machine]) -> dict[str, object] | None:
    if balance is None:
        return None
    return {
        "planned_s": balance.planned_s,
        "balanced_s": balance.balanced_s,
        "machines_json": balance.block(machines),
        "unmeasured": list(balance.unmeasured),
        "brief": list(balance.brief),
        "machines": [
            {
                "name": pace.machine,
                "rate": pace.rate,
                "uncertainty": pace.uncertainty,
                "needs_s": pace.needs_s,
                "perf": pace.perf,
                "perf_now": pace.perf_now,
                "cores": pace.cores,
            }
            for pace in balance.paces
        ],
    }
