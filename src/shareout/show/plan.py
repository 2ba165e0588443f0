"""A plan in lines for people: the inputs, the digest that all machines must share, and who runs what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from shareout.machines import Machine
from shareout.plan import fingerprint
from shareout.plan.plan import Plan, Share
from shareout.plan.shares.forecast import Forecast
from shareout.show.fold import folded
from shareout.show.pace import told_seconds
from shareout.show.tables import table
from shareout.units import counted

HEX = 16
WHOLE = 72
"""Columns of the line with the digest."""
SHOWN_IDLE = 8
SHOWN_RANGES = 4


def plan_text(plan: Plan, shares: Sequence[Share], columns: int | None, forecast: Forecast | None = None) -> str:
    """All of it, for a terminal of so many columns; None: for what is none, where nothing is folded or cut."""
    lines = [
        _inputs_table(plan, columns),
        "",
        *_digest_lines(plan, columns),
        "",
        _shares_table(plan, shares, columns, forecast),
        "",
        _jobs_line(plan),
        *_expected_lines(forecast),
        *_audit_lines(shares),
        *_idle_lines(shares, costs=forecast is not None),
    ]
    return folded("\n".join(lines), columns)


def number(value: Fraction) -> int | float:
    """For eyes and JSON only: nothing is decided by it."""
    return int(value) if value.denominator == 1 else float(value)


def _inputs_table(plan: Plan, columns: int | None) -> str:
    """On a terminal that is too narrow for a whole hash, what a person compares of it."""
    head = ["input", "file", "bytes", "BLAKE3"]
    inputs = [[one.role, one.path or "-", f"{one.size:,}", one.blake3.hex()] for one in plan.inputs]
    if columns is not None and columns < max(map(len, table(head, inputs).split("\n"))):
        inputs = [[*cells, f"{blake3[:HEX]}…"] for *cells, blake3 in inputs]
    return table(head, inputs, right={2}, columns=columns)


def _digest_lines(plan: Plan, columns: int | None) -> list[str]:
    halves = f"{plan.hex[:32]}\n        {plan.hex[32:]}"
    return [
        f"digest  {plan.hex if columns is None or columns >= WHOLE else halves}",
        f"        {plan.fingerprint}  ·  {plan.short_hex}",
        *([f"since   {fingerprint.words(plan.origin)}  ·  {fingerprint.short_hex(plan.origin)}"] if plan.since else []),
    ]


def _shares_table(plan: Plan, shares: Sequence[Share], columns: int | None, forecast: Forecast | None) -> str:
    head = ["machine", "weight", "cores", "share", "jobs", "positions"]
    total = sum((one.weight for one in plan.machines), Fraction(0))
    by_name = {one.name: one for one in plan.machines}
    rows = [_share_row(share, by_name, total) for share in shares]
    if forecast is None:
        return table(head, rows, right={1, 2, 3, 4}, columns=columns)
    told = {one.machine: told_expected(one.finish, forecast) for one in forecast.machines}
    rows = [[*row[:-1], told.get(row[0], "-"), row[-1]] for row in rows]
    return table([*head[:-1], "expected", head[-1]], rows, right={1, 2, 3, 4, 5}, columns=columns)


def told_expected(finish: float, forecast: Forecast) -> str:
    """A time; where costs are in no known unit, how it stands to that of even shares."""
    if forecast.is_seconds:
        return told_seconds(finish)
    return f"{100 * finish / forecast.even:.1f}%" if forecast.even else "-"


def _expected_lines(forecast: Forecast | None) -> list[str]:
    if forecast is None:
        return []
    last = forecast.last
    unit = f"evenly {told_seconds(forecast.even)}" if forecast.is_seconds else "100% is an even share of all costs"
    bound = f": job {last.job} alone takes as long" if last.is_bound else ""
    return [f"expected: {last.machine} is last, after {told_expected(last.finish, forecast)} ({unit}){bound}"]


def _share_row(share: Share, by_name: Mapping[str, Machine], total: Fraction) -> list[str]:
    """`all`, which is no machine, has neither weight nor cores, and everything."""
    machine = by_name.get(share.machine)
    weight, cores = (number(machine.weight), machine.cores) if machine else ("-", "-")
    percent = f"{float(100 * machine.weight / total):.2f}%" if machine and total else "100%"
    return [share.machine, str(weight), str(cores), percent, f"{len(share):,}", _ranges(share)]


def _ranges(share: Share) -> str:
    shown = [f"{start}…{stop - 1}" for start, stop in share.ranges if start < stop]
    return " ".join(shown[:SHOWN_RANGES]) + (" …" if len(shown) > SHOWN_RANGES else "") or "-"


def _jobs_line(plan: Plan) -> str:
    phases = f" in {len(plan.pool.phases)} phases" if len(plan.pool.phases) > 1 else ""
    return f"{counted(plan.jobs, 'job')}{phases}; compare the digest on every machine before you start"


def _audit_lines(shares: Sequence[Share]) -> list[str]:
    audited = sum(stop - start for share in shares for start, stop in share.audit)
    return [f"audit: {audited:,} jobs are run by a second machine too, to compare results"] if audited else []


def _idle_lines(shares: Sequence[Share], *, costs: bool) -> list[str]:
    idle = [share.machine for share in shares if not len(share)]
    if not idle:
        return []
    shown = ", ".join(idle[:SHOWN_IDLE]) + (" …" if len(idle) > SHOWN_IDLE else "")
    pronoun = "it" if len(idle) == 1 else "them"
    if costs:
        return [f"no job for {shown}: single jobs cost more than what {pronoun} would get"]
    return [f"no job for {shown}: there are fewer jobs than it takes to give {pronoun} one"]
