"""Many more slots than cores, for jobs that wait: what the run's own process takes for each, and on two slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from measure import Aspect, Call, Row, Run, once
from place import PYTHON, RUN, SHAREOUT, Place, without_runs

SLOTS, FEW = 64, 2
WAITS = "sleep 0.05"
# Of very different lengths: batches cannot be long, and slots ask one by one.
UNEVEN = """
import time
from shareout import run
def job(n): time.sleep(n % 40 / 1000)
if __name__ == "__main__": run(job)
"""
Inputs = Callable[[int, str], Path]
"""Where so many of the jobs stand, in a folder of that name."""


def of_commands(place: Place) -> Iterator[Row]:
    def inputs(count: int, name: str) -> Path:
        return place.inputs(name, {"jobs.txt": f"{WAITS}\n" * count})

    yield _parent("a command that waits", place.sizes.commands, [SHAREOUT], inputs)


def of_calls(place: Place) -> Iterator[Row]:
    def inputs(count: int, name: str) -> Path:
        return place.calls(count, UNEVEN, name)

    yield _parent("an uneven Python job", place.sizes.some_calls, [PYTHON, "main.py"], inputs)


def _parent(what: str, count: int, program: Sequence[str], inputs: Inputs) -> Row:
    """A turn of the run's process looks at all slots, and with long jobs it is there for one of them: what a job costs
    must not grow with the slots."""
    here, few_jobs = inputs(count, f"{what}, many"), max(10 * FEW, count // (SLOTS // FEW))
    few, none = inputs(few_jobs, f"{what}, few"), inputs(FEW, f"{what}, hardly any")

    def call(folder: Path, slots: int) -> Call:
        return Call([*program, *RUN, "-j", str(slots)], without_runs(folder), folder)

    def on_two_slots() -> float:
        return (once(call(few, FEW)).own_cpu_s - once(call(none, FEW)).own_cpu_s) / (few_jobs - FEW)

    def times(run: Run) -> float:
        return run.own_cpu_s / count / on_two_slots()

    told = f"parent's own CPU for {what}, {SLOTS} slots"
    aspects = [
        Aspect(told, "µs", lambda run: run.own_cpu_s / count * 1e6, None),
        Aspect(f"{told}, in times of that on two", "fold", times, 1),
    ]
    return Row("", "", call(here, SLOTS), None, aspects=aspects)
