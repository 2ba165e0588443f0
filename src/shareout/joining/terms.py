"""What a plan is to a ledger: in what its hosts must agree, and the lanes and barriers that they begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shareout.ledger.calls import Root, stream_roots
from shareout.names import ANYBODY
from shareout.plan.plan import Plan
from shareout.pool import STREAM
from shareout.stores.charter import Charter, told_groups


def charter_of(plan: Plan, dead_s: float, groups: Sequence[str] = ()) -> Charter:
    """What all hosts of the ledger must agree in."""
    names = tuple(machine.name for machine in plan.machines)
    return Charter(plan.origin_hex, plan.hex, told_groups(groups), names, dead_s=dead_s, slack_s=0.0)


def roots_of(plan: Plan) -> Sequence[Root]:
    """Each machine's share of each phase; of a stream nothing yet."""
    if plan.pool.kind == STREAM:
        return stream_roots(plan.jobs)
    return [
        Root(f"{place}.{phase}", machine.name if machine.name != ANYBODY else "", phase, start, stop)
        for place, machine in enumerate(plan.machines)
        for phase, (start, stop) in enumerate(plan.share(machine.name).ranges)
    ]


def checks_of(plan: Plan) -> frozenset[int]:
    """Phases that begin behind a barrier with CHECK."""
    return frozenset(number for number, phase in enumerate(plan.pool.phases) if phase.check)


def nonce_of(start: str) -> Callable[[str, int], str]:
    """Names of entries: of this start, and of the place that it is meant for."""
    from blake3 import blake3

    return lambda lane, k: blake3(f"{start} {lane} {k}".encode()).digest(8).hex()
