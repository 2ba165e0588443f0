"""Whole programs that `init --example NAME` writes: as texts, for an executable has no files beside it."""

from __future__ import annotations

PERCOLATION = r'''"""When does a random forest let a fire through? Site percolation on a square lattice.

Every job fills one lattice with trees at a density and burns it from the top row. The merged result is the
chance that the fire reaches the bottom, for each density: it jumps at 0.5927, the percolation threshold.
"""

from __future__ import annotations

from random import Random
from typing import Any

from shareout import run

BAR = 60


def job(density: float, lattice: int, *, rng: Random, config: Any) -> dict[str, Any]:
    side = config.getint("forest", "side")
    trees = [[rng.random() < density for _ in range(side)] for _ in range(side)]
    burning = [(0, column) for column in range(side) if trees[0][column]]
    burnt, steps, lowest = len(burning), 0, 0
    for row, column in burning:
        trees[row][column] = False
    while burning:
        steps += 1
        caught = []
        for row, column in burning:
            lowest = max(lowest, row)
            for near, beside in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if 0 <= near < side and 0 <= beside < side and trees[near][beside]:
                    trees[near][beside] = False
                    caught.append((near, beside))
        burnt += len(caught)
        burning = caught
    return {
        "density": density,
        "lattice": lattice,
        "through": int(lowest == side - 1),
        "burnt": burnt,
        "steps": steps,
    }


class Curve:
    """How often the fire came through, by density; draws itself when it is printed."""

    def __init__(self) -> None:
        self.trials: dict[float, int] = {}
        self.through: dict[float, int] = {}

    def add(self, row: dict[str, Any]) -> Curve:
        density = float(row["density"])
        self.trials[density] = self.trials.get(density, 0) + 1
        self.through[density] = self.through.get(density, 0) + int(row["through"])
        return self

    def __str__(self) -> str:
        lines = ["chance that a fire crosses the forest, by density of trees"]
        for density in sorted(self.trials):
            chance = self.through[density] / self.trials[density]
            lines.append(f"  {density:.2f} {'█' * round(BAR * chance):<{BAR}} {chance:.2f}")
        return "\n".join(lines)


def total(curve: Curve | None, row: dict[str, Any]) -> Curve:
    return (curve or Curve()).add(row)


if __name__ == "__main__":
    run(job, reduce=total)
'''
GRID = """{
  "density": {"start": 0.48, "stop": 0.72, "step": 0.01},
  "lattice": {"start": 0, "stop": 60, "step": 1}
}
"""
FOREST = """[forest]
side = 120

[display]
progress = plain
"""
PI = """# Estimates of pi: a command a line, as one would type it. Blank lines and lines that begin with # are no jobs.
"""
PI_LINE = (
    "awk 'BEGIN { srand(%d); n = %d; while (i++ < n) hits += rand()^2 + rand()^2 < 1; "
    'printf "%%.5f\\n", 4 * hits / n }\'\n'
)
WALK = '''"""Where does a drunk end who goes right with probability `right`? A job a row of configs/jobs.csv."""

from shareout import run


def job(steps: int, right: float, *, rng, progress):
    place = 0
    for step in range(steps):
        progress.report(step, base=steps)
        place += 1 if rng.random() < right else -1
    return {"steps": steps, "right": right, "place": place}


def total(so_far, row):
    return so_far + row["place"]


if __name__ == "__main__":
    run(job, reduce=total, initial=0)
'''


def files_of(example: str) -> dict[str, str]:
    """Path → text, but for the files that every start has. The Makefile is a program's."""
    if example == "percolation":
        return {"main.py": PERCOLATION, "configs/jobs.grid.json": GRID, "configs/runner.config": FOREST}
    if example == "csv":
        rows = [f"{steps},{right / 100:g}\n" for steps in (1000, 2000, 4000) for right in range(40, 61, 5)]
        return {"main.py": WALK, "configs/jobs.csv": "steps,right\n" + "".join(rows)}
    lines = [PI_LINE % (seed, points) for points in (100000, 400000) for seed in range(1, 13)]
    return {"configs/jobs.txt": PI + "".join(lines)}
