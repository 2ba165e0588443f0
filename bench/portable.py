"""What `[run] numerics = portable` costs here: the same calls of numpy with all pins, and with each alone.

bench/portable.py

Whole processes in turn, native first each time, so that a machine whose speed drifts harms no side; the median of
their ratios. On a CPU with AVX-512 native is faster than where these numbers were taken, and portable is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

from shareout.numerics.machine import numerics_of_this_machine
from shareout.numerics.pins import NAMES, pins

ROUNDS = 5
CALLS = """
import json, math, time
import numpy
dice = numpy.random.default_rng(1)
table, row, floats = dice.random((600, 600)), dice.random(1 << 19), dice.random(20_000).tolist()
def least(call):
    took = []
    for _ in range(7):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)
calls = {
    "matmul": lambda: table @ table, "dot": lambda: numpy.dot(row, row), "sum": row.sum,
    "exp": lambda: numpy.exp(row), "tanh": lambda: numpy.tanh(row), "sort": lambda: numpy.sort(row),
    "math.exp": lambda: [math.exp(one) for one in floats],
}
print(json.dumps({name: least(call) for name, call in calls.items()}))
"""


def main() -> int:
    """Prints a row for all pins, and one for each that numpy heeds."""
    users = {name: value for name, value in os.environ.items() if name not in NAMES}
    users |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ours = pins({})
    heeded = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GLIBC_TUNABLES")
    sets = {"portable": ours, **{name: {name: ours[name]} for name in heeded if name in ours}}
    if "OPENBLAS_CORETYPE" in ours and "GLIBC_TUNABLES" in ours:
        sets["portable, OPENBLAS_CORETYPE=Haswell"] = {**ours, "OPENBLAS_CORETYPE": "Haswell"}
    print(numerics_of_this_machine(users, is_portable=False).sentence())
    ratios: dict[str, list[dict[str, float]]] = {name: [] for name in sets}
    for _ in range(ROUNDS):
        for name, pinned in sets.items():
            native = _timed(users)
            ratios[name].append({call: took / native[call] for call, took in _timed({**users, **pinned}).items()})
    for name, found in ratios.items():
        middle = {call: median(one[call] for one in found) for call in found[0]}
        print(f"{name:<40}", "  ".join(f"{call} {ratio:.2f}×" for call, ratio in middle.items()))
    return 0


def _timed(environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", CALLS], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
