"""Performances from runs: who takes twice as long for a job has half of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from shareout.errors import ShareoutError, UsageError
from shareout.machines import Machine
from shareout.plan.ids import ids_as_told
from shareout.plan.plan import Plan
from shareout.record.reader import newest_header
from shareout.record.sources import find_sources
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.saved import tally_of

LEAST = 5
"""Of fewer jobs the mean says nothing."""
DIGITS = 3


def measured_perfs(sources: Sequence[str], plan: Plan, said: Callable[[str], None]) -> dict[str, str]:
    """Machine → performance, for those that have run enough of these jobs. Positions are shuffled, so what one machine
    ran is as hard as what any other did. Together the measured ones keep the weight that they had beside the others."""
    measured = {}
    durations = _durations(sources, plan)
    for machine in plan.machines:
        its = durations.get(machine.name)
        if its is None or its.count < LEAST or not its.mean:
            count = its.count if its else 0
            said(f"{machine.name} keeps its performance: {count} of these jobs were measured on it")
        else:
            measured[machine.name] = its.mean
    if len(measured) < 2:
        raise UsageError(
            "these runs measure fewer than two machines, and there is nothing to compare",
            way_out="Name the runs of several machines, of these very jobs.",
        )
    chosen = [machine for machine in plan.machines if machine.name in measured]
    return _scaled(chosen, measured)


def _scaled(machines: Sequence[Machine], means: dict[str, float]) -> dict[str, str]:
    speeds = {machine.name: 1 / Fraction(means[machine.name]) for machine in machines}
    before = sum((machine.weight for machine in machines), Fraction(0))
    scale = before / sum((speeds[machine.name] * machine.cores for machine in machines), Fraction(0))
    return {name: _written(float(speed * scale)) for name, speed in speeds.items()}


def _written(perf: float) -> str:
    """Three digits, and never as 1e-05: nobody knows more, and a person reads it."""
    return f"{Decimal(f'{perf:.{DIGITS}g}'):f}"


def _durations(sources: Sequence[str], plan: Plan) -> dict[str, Durations]:
    found: dict[str, Durations] = {}
    with find_sources(sources, lambda _: None) as here:
        for folder in here.folders:
            try:
                header = newest_header(folder)
            except ShareoutError:
                continue
            if header.work == plan.work.hex():
                tally = tally_of(folder, header, ids_as_told(header))
                mine = found.setdefault(header.machine, Durations())
                mine.count += tally.durations.count
                mine.total += tally.durations.total
    return found
