"""Many more slots than cores, for jobs that wait: what the run's own process takes for each, as on two slots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from measure import Aspect, Call, Row
from place import PYTHON, RUN, SHAREOUT, Place, without_runs

SLOTS = 64
WAITS = "sleep 0.05"
# Of very different lengths: batches cannot be long, and slots ask one by one.
UNEVEN = """
import time
from shareout import run
def job(n): time.sleep(n % 40 / 1000)
if __name__ == "__main__": run(job)
"""


def of_commands(place: Place) -> Iterator[Row]:
    count = place.sizes.commands
    here = place.inputs("waits", {"jobs.txt": f"{WAITS}\n" * count})
    yield _parent(f"parent's own CPU for a command, {SLOTS} slots", count, [SHAREOUT], here, 150)


def of_calls(place: Place) -> Iterator[Row]:
    count = place.sizes.some_calls
    here = place.calls(count, UNEVEN, "waiting")
    yield _parent(f"parent's own CPU for an uneven Python job, {SLOTS} slots", count, [PYTHON, "main.py"], here, None)


def _parent(what: str, count: int, program: list[str], here: Path, at_most: float | None) -> Row:
    took = Aspect(what, "µs", lambda run: run.own_cpu_s / count * 1e6, at_most)
    call = Call([*program, *RUN, "-j", str(SLOTS)], without_runs(here), here)
    return Row("", "", call, None, aspects=[took])
