"""Python jobs from every kind of pool: against the same jobs from a grid, against Pool, and how long a plan takes."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

from measure import Aspect, Call, Row, Run, once, peak_memory
from place import PYTHON, Place, command_lines, journal_of, run_calls, run_commands, told_count, without_runs
from rows.calls import POOL
from rows.commands import SHORT
from shareout.record.journal import parse
from shareout.record.outcome import Attempt

JOB = """
from shareout import run
def job(n: int, text="", **more): return n
if __name__ == "__main__": run(job{pool})
"""
FIRST_JOB = """
import sys
from pathlib import Path
from shareout.cli.options import Common
from shareout.cli.planning import plan_of
from shareout.entry import Entry
entry = Entry(job=print, pool=((n,) for n in range(int(sys.argv[1])))) if sys.argv[1:] else None
plan, _ = plan_of(Common(Path("configs"), Path("runs"), False, False), entry)
plan.prepare()
plan.pool.keep()
print(plan.pool.arguments(plan.job_at(plan.share("a").ranges[0][0])))
"""
TAIL = 1 << 16
"""Bytes, of which each line is a record."""
TEMPLATE = f"[commands]\ntemplate = {SHORT} {{1}}\n"
Line = Callable[[int], str]
GRID = "grid"
KINDS: dict[str, tuple[str, str, Line, float]] = {
    "CSV": ("jobs.csv", "n\n", lambda n: f"{n}\n", 5.6),
    "quoted CSV": ("jobs.csv", "n,text\n", lambda n: f'{n},"a ""b"",\nc"\n', 4),
    "JSON arrays": ("jobs.jsonl", "", lambda n: f"[{n}]\n", 5.6),
    "JSON objects": ("jobs.jsonl", "", lambda n: f'{{"n":{n}}}\n', 5.6),
    "lines": ("jobs.txt", "", lambda n: f"{n}\n", 5.6),
    "CSV, compressed": ("jobs.csv.gz", "n\n", lambda n: f"{n}\n", 5.6),
    "code": ("", "", str, 5.6),
}
"""Name → the pool's file, its beginning, its line for a number, and how many times as fast as Pool is promised."""


def against_a_grid(place: Place) -> Iterator[Row]:
    """Start taken off: what is compared is the time from the first job's start to the last one's end. The grid's run is
    the one right before."""
    count = place.sizes.row_calls
    grid = inputs(place, count, GRID)
    for kind in KINDS:
        here, before = inputs(place, count, kind), run_calls(grid)
        call = run_calls(here)

        def prepare(call: Call = call, before: Call = before) -> None:
            once(before)
            call.prepare()

        def times(run: Run, here: Path = here) -> float:
            return span(here) / span(grid)

        def start(run: Run, here: Path = here) -> float:
            return run.wall_s - span(here)

        told = f"{told_count(count)} no-op jobs from {kind}"
        aspects = [
            Aspect(f"{told}, in times of those from a grid", "fold", times, 1.5),
            Aspect(f"{told}: start and end", "s", start, None),
            peak_memory(told),
        ]
        ours = Call(call.words, prepare, call.cwd)
        yield Row("", "", ours, None, aspects=aspects, rounds=place.sizes.rounds)


def against_pool(place: Place) -> Iterator[Row]:
    """With the start."""
    count = place.sizes.row_calls // 2
    theirs = Call([PYTHON, place.script(f"pool-{count}.py", POOL.format(count=count, chunk=1))])
    for kind, (_, _, _, promised) in KINDS.items():
        ours = run_calls(inputs(place, count, kind))
        what = f"{told_count(count)} no-op Python jobs from {kind}"
        yield Row(what, "multiprocessing.Pool, chunksize=1", ours, theirs, promised, place.sizes.rounds)


def from_a_template(place: Place) -> Iterator[Row]:
    """The same commands, written out in one pool and made by a template in the other, start included."""
    count = place.sizes.some_commands
    written = place.commands(SHORT, count)
    here = place.inputs(f"template-{count}", {"jobs.txt": command_lines("", count), "runner.config": TEMPLATE})
    what = f"{told_count(count)} short commands from lines and a template"
    yield Row(what, "ours, each written out", run_commands(here), run_commands(written), 0.67, place.sizes.rounds)


def plans(place: Place) -> Iterator[Row]:
    """To the first job's arguments, with all that is made for the workers to find theirs; and the same once it is kept
    from an earlier start."""
    count = place.sizes.lines
    for kind, (name, _, _, _) in KINDS.items():
        here = inputs(place, count, kind)
        words: list[str | Path] = [PYTHON, place.script("first-row.py", FIRST_JOB)]
        words += [] if name else [str(count)]
        # Of a pool from code the file that we make of it.
        path = here / "configs" / name if name else here / "runs" / "pools" / "*.jsonl"
        peer = "zcat, and wc -l" if name.endswith(".gz") else "wc -l"
        lines = f"{quote(str(path.parent))}/{path.name}"
        theirs = Call(["sh", "-c", f"zcat {lines} | wc -l" if name.endswith(".gz") else f"wc -l {lines}"])
        what = f"plan {told_count(count)} rows: {kind}"
        ours = Call(words, without_runs(here), here)
        yield Row(what, peer, ours, theirs, None, 1, [peak_memory(what, 100)])
        again = f"{what}, again"
        yield Row(again, peer, Call(words, cwd=here), theirs, None, 1, [peak_memory(again, 100)])
        without_runs(here)()


def inputs(place: Place, count: int, kind: str) -> Path:
    """Of so many no-op jobs; made once."""

    def make() -> Path:
        if kind == GRID:
            here = place.inputs(f"grid-{count}", {"jobs.grid.json": json.dumps({"n": {"stop": count}})})
            (here / "main.py").write_text(JOB.format(pool=""))
            return here
        name, begin, line, _ = KINDS[kind]
        here = place.inputs(f"{kind.replace(' ', '-').replace(',', '')}-{count}", {name: ""} if name else {})
        (here / "main.py").write_text(JOB.format(pool="" if name else f", pool=((n,) for n in range({count}))"))
        if name:
            path = here / "configs" / name
            with gzip.open(path, "wt", 6) if name.endswith(".gz") else path.open("w") as file:
                file.write(begin)
                file.writelines(map(line, range(count)))
        return here

    return place.made(f"{kind}-{count}", make)


def span(here: Path) -> float:
    """From the first start to the last end that the journal tells: its lines are in the order in which jobs ended."""
    with journal_of(here).open("rb") as file:
        first = next(one for line in file if isinstance(one := parse(line.rstrip()), Attempt))
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        last = next(one for line in reversed(file.read().splitlines()) if isinstance(one := parse(line), Attempt))
    return last.end - first.start
