"""The run of which it is all about: thirty jobs, two at a time, of which three fail at their first try."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from blake3 import blake3

from shareout.config import apply, load_settings
from shareout.machines import Machine
from shareout.plan.digest import HashedInput
from shareout.plan.plan import Plan
from shareout.pool import Phase
from simulated.plans import Case, SeedPool
from simulated.programs import Script

JOBS = 30
FAIL_FIRST = (3, 11, 19)


class RealPool(SeedPool):
    """Commands that are there on Linux."""

    def command(self, job: int) -> str:
        return f"echo {job}; sleep 0.09; " + ("[ $SHAREOUT_ATTEMPT -gt 1 ]" if job in FAIL_FIRST else "true")


def crash_case() -> Case:
    flags = {"run.nice": "0", "run.slots": "2", "limits.retries": "1"}
    settings = apply(load_settings(Path("/nowhere")), flags)
    pool = RealPool(JOBS, [Phase(0, JOBS, check=False)], [], frozenset())
    inputs = [HashedInput("pool", "", JOBS, blake3(b"crash").digest())]
    plan = Plan(pool, [Machine("m0", Fraction(1), 2)], inputs, settings.run.audit, settings.run.order)
    scripts = [Script(0.002, fails=int(job in FAIL_FIRST), prints=20) for job in range(JOBS)]
    return Case(0, plan, settings, scripts, starts=0)
