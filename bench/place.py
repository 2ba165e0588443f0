"""Where the measured work lies: inputs as a user writes them, our program, and how much of everything."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from measure import Call

PYTHON = sys.executable
SHAREOUT = str(Path(PYTHON).with_name("shareout"))
RUN = ("run", "--machine", "a", "--yes", "--quiet")
NOOP = "from shareout import run\ndef job(n): return n\nif __name__ == '__main__': run(job)\n"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of everything. Peers that are slow get fewer, and so do we beside them."""

    commands: int = 20_000
    some_commands: int = 4_000
    few_commands: int = 1_000
    disbatch_commands: int = 20
    calls: int = 1_000_000
    some_calls: int = 50_000
    row_calls: int = 400_000
    few_calls: int = 2_000
    long_calls: int = 20
    long_commands: int = 480
    lines: int = 10_000_000
    records: int = 10_000_000
    log_lines: int = 1_000_000
    growth: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    growth_of_commands: tuple[int, ...] = (1_000, 10_000, 100_000)
    rounds: int = 3
    many_rounds: int = 15


QUICK = Sizes(
    commands=300, some_commands=100, few_commands=20, disbatch_commands=4, calls=20_000, some_calls=1_000,
    row_calls=4_000, few_calls=20, long_calls=4, long_commands=40, lines=100_000, records=100_000, log_lines=10_000,
    growth=(100, 1_000, 10_000), growth_of_commands=(100, 300), rounds=2, many_rounds=2,
)  # fmt: skip


@dataclass(slots=True)
class Place:
    """A folder for all of it, and what was made there for more than one row."""

    folder: Path
    sizes: Sizes
    _made: dict[str, Path] = field(default_factory=dict)

    def inputs(self, name: str, pool: Mapping[str, str], machines: Mapping[str, object] | None = None) -> Path:
        """A folder with `configs` in it; `pool` is the name of its file and its text."""
        here = self.folder / name
        (here / "configs").mkdir(parents=True)
        for file, text in {**pool, "machines.json": json.dumps(machines or {"a": [1, 2]})}.items():
            (here / "configs" / file).write_text(text)
        return here

    def commands(self, text: str, count: int) -> Path:
        """Inputs of so many command lines; made once."""
        name = f"{re.sub('[^a-z0-9]+', '-', text).strip('-')}-{count}"
        return self.made(name, lambda: self.inputs(name, {"jobs.txt": command_lines(text, count)}))

    def calls(self, count: int, job: str = NOOP, name: str = "noop") -> Path:
        """Inputs of so many calls of a Python function, and `main.py`; made once."""

        def make() -> Path:
            here = self.inputs(f"{name}-{count}", {"jobs.grid.json": json.dumps({"n": {"stop": count}})})
            (here / "main.py").write_text(job)
            return here

        return self.made(f"{name}-{count}", make)

    def script(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def made(self, name: str, make: Callable[[], Path]) -> Path:
        """By `make`, once."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def told_count(number: int) -> str:
    """10,000,000 is "10 million"."""
    return f"{number // 1_000_000} million" if number % 1_000_000 == 0 and number else f"{number:,}"


def command_lines(text: str, count: int) -> str:
    return "".join(f"{text} {number}\n" for number in range(count))


def run_commands(here: Path) -> Call:
    """All of a task file, from nothing."""
    return Call([SHAREOUT, *RUN], without_runs(here), here)


def run_calls(here: Path) -> Call:
    """All calls of `main.py`, from nothing."""
    return Call([PYTHON, here / "main.py", *RUN], without_runs(here), here)


def resume_calls(here: Path) -> Call:
    """The same call again: everything is done already."""
    return Call([PYTHON, here / "main.py", *RUN], cwd=here)


def without_runs(here: Path) -> Callable[[], object]:
    return lambda: shutil.rmtree(here / "runs", ignore_errors=True)


def journal_of(here: Path, machine: str = "a") -> Path:
    return next(here.glob(f"runs/*/{machine}/journal.*.jsonl"))
