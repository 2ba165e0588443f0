"""When does a random forest let a fire through? Site percolation on a square lattice.

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
