"""Whether there is work of another plan below `--runs`: what compares with it is loaded only then."""

from __future__ import annotations

import os
from pathlib import Path

from shareout.plan.plan import Plan


def has_others(runs: Path, plan: Plan) -> bool:
    """Whether there may be some. Not a look at what they are."""
    own = plan.origin[:8].hex()
    try:
        return any(name != own for name in os.listdir(runs))
    except OSError:
        return False
