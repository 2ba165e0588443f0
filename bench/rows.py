"""What is measured: each row the same work, done by us and by what a user would take instead."""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import peers
from measure import Call, Row

PYTHON = sys.executable
SHAREOUT = str(Path(PYTHON).with_name("shareout"))
COMMANDS = 20_000
CALLS = 1_000_000
LINES = 10_000_000
RECORDS = 10_000_000
LOG_LINES = 1_000_000
RESULT = re.compile(rb'\{"job":(\d+),.*"result":\[(.*?)\]')


def all_rows(folder: Path) -> Iterator[Row]:
    yield from start_rows(folder)
    yield from plan_rows(folder)
    yield from command_rows(folder)
    yield from python_rows(folder)
    yield from record_rows(folder)


def inputs(folder: Path, name: str, pool_name: str, pool: str, machines: str = '{"a": [1, 2]}') -> Path:
    here = folder / name
    (here / "configs").mkdir(parents=True)
    (here / "configs" / pool_name).write_text(pool)
    (here / "configs" / "machines.json").write_text(machines)
    return here


def without_runs(here: Path) -> Callable[[], object]:
    return lambda: shutil.rmtree(here / "runs", ignore_errors=True)


def start_rows(folder: Path) -> Iterator[Row]:
    small = inputs(folder, "small", "jobs.txt", "echo 1\n")
    bare = Call([PYTHON, "-c", "pass"])
    yield Row("shareout --version", "python -c pass", Call([SHAREOUT, "--version"]), bare, None, 9)
    yield Row("shareout plan, small pool", "python -c pass", Call([SHAREOUT, "plan"], cwd=small), bare, None, 9)
    program = folder / "build"
    frozen = Call([PYTHON, "-m", "shareout", "freeze", "-o", program])
    empty = folder / "empty"
    empty.mkdir()
    (empty / "empty.py").write_text("pass\n")
    default = Call([PYTHON, "-m", "PyInstaller", "--onefile", "--log-level", "ERROR", "empty.py"], cwd=empty)
    from measure import once

    once(frozen)
    once(default)
    ours, theirs = Call([program / "shareout", "--version"]), Call([empty / "dist" / "empty"])
    yield Row("one-file executable, --version", "PyInstaller's default, empty", ours, theirs, 2.5, 9)


def plan_rows(folder: Path) -> Iterator[Row]:
    big = inputs(folder, "big", "jobs.txt", "")
    pool = big / "configs" / "jobs.txt"
    with pool.open("wb") as file:
        for block in range(0, LINES, 100_000):
            file.write(
                b"".join(b"./simulate -a 0.%06d -n %07d\n" % (n % 999983, n) for n in range(block, block + 100_000))
            )
    script = folder / "first.py"
    script.write_text(
        "from pathlib import Path\nfrom shareout.cli.options import Common\nfrom shareout.cli.planning import plan_of\n"
        "plan, _ = plan_of(Common(Path('configs'), Path('runs'), False, False), None)\n"
        "print(plan.pool.command(plan.job_at(plan.share('a').ranges[0][0])))\n"
    )
    ours, theirs = Call([PYTHON, script], cwd=big), Call(["shuf", pool])
    yield Row("plan 10 million lines, to the first job's text", "shuf", ours, theirs, 3, 5)
    ten = inputs(folder, "ten", "jobs.grid.json", '{"a": {"stop": 10}}')
    trillion = inputs(folder, "trillion", "jobs.grid.json", '{"a": {"stop": 1000000}, "b": {"stop": 1000000}}')
    plan = [SHAREOUT, "plan", "--quiet"]
    yield Row("plan a grid of 10^12", "a grid of 10", Call(plan, cwd=trillion), Call(plan, cwd=ten), 0.9, 9)


def command_rows(folder: Path) -> Iterator[Row]:
    for name, text, least in (("short commands", "/bin/true {}", 1.5), ("commands for a shell", "true; true {}", 1.0)):
        lines = "".join(text.format(number) + "\n" for number in range(COMMANDS))
        here = inputs(folder, name, "jobs.txt", lines)
        pool = here / "configs" / "jobs.txt"
        ours = Call([SHAREOUT, "run", "--machine", "a", "--yes", "--quiet"], without_runs(here), here)
        xargs = Call(["xargs", "-P2", "-d\\n", "-n1", "sh", "-c"], stdin=pool)
        yield Row(f"{COMMANDS} {name}, all recorded", "xargs -P2 sh -c", ours, xargs, least, 3)
        parallel = peers.program("parallel")
        if parallel and name == "short commands":
            call = [parallel, "-j2", "--joblog", here / "joblog", "-a", pool]
            yield Row(f"{COMMANDS} {name}, all recorded", "GNU parallel --joblog", ours, Call(call), 4, 1)
        futures = folder / "futures.py"
        futures.write_text(
            "import subprocess, sys\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "def run(line): return subprocess.run(line, shell=True, capture_output=True).returncode\n"
            "with ThreadPoolExecutor(2) as pool: list(pool.map(run, open(sys.argv[1])))\n"
        )
        yield Row(
            f"{COMMANDS} {name}, all recorded",
            "concurrent.futures + subprocess",
            ours,
            Call([PYTHON, futures, pool]),
            None,
            1,
        )


def python_rows(folder: Path) -> Iterator[Row]:
    here = inputs(folder, "calls", "jobs.grid.json", json.dumps({"n": {"stop": CALLS}}))
    script = here / "main.py"
    script.write_text("from shareout import run\ndef job(n): return n\nif __name__ == '__main__': run(job)\n")
    ours = Call([PYTHON, script, "run", "--machine", "a", "--yes", "--quiet"], without_runs(here), here)
    for name, least, text in (
        (
            "multiprocessing.Pool, chunksize 1",
            5,
            "import multiprocessing\ndef job(n): return n\nif __name__ == '__main__':\n"
            "    with multiprocessing.Pool(2) as pool:\n"
            f"        for _ in pool.imap_unordered(job, range({CALLS})): pass\n",
        ),
        (
            "ProcessPoolExecutor",
            None,
            "from concurrent.futures import ProcessPoolExecutor\ndef job(n): return n\nif __name__ == '__main__':\n"
            f"    with ProcessPoolExecutor(2) as pool:\n        for _ in pool.map(job, range({CALLS // 20})): pass\n",
        ),
        (
            "joblib.Parallel",
            1,
            "from joblib import Parallel, delayed\ndef job(n): return n\nif __name__ == '__main__':\n"
            f"    Parallel(n_jobs=2)(delayed(job)(n) for n in range({CALLS}))\n",
        ),
    ):
        peer = folder / f"peer-{name[:6]}.py"
        peer.write_text(text)
        python = peers.python() if "joblib" in name else PYTHON
        told = name + (f" (a twentieth: {CALLS // 20})" if "Executor" in name else "")
        yield Row(f"{CALLS} no-op Python jobs, all recorded", told, ours, Call([python, peer]), least, 3)
    long = inputs(folder, "long", "jobs.grid.json", '{"n": {"stop": 40}}')
    slow = long / "main.py"
    slow.write_text(
        "import time\nfrom shareout import run\ndef job(n): time.sleep(1)\nif __name__ == '__main__': run(job)\n"
    )
    sleeping = Call([PYTHON, slow, "run", "--machine", "a", "--yes", "--quiet"], without_runs(long), long)
    yield Row("40 jobs of 1 s on 2 slots", "20 s of sleep", sleeping, Call(["sleep", "20"]), 0.99, 1)


def record_rows(folder: Path) -> Iterator[Row]:
    here = inputs(folder, "records", "jobs.grid.json", json.dumps({"n": {"stop": RECORDS}}))
    script = here / "main.py"
    script.write_text("from shareout import run\ndef job(n): return n\nif __name__ == '__main__': run(job)\n")
    run = Call([PYTHON, script, "run", "--machine", "a", "--yes", "--quiet"], cwd=here)
    from measure import once

    once(run)
    journal = next(here.glob("runs/*/a/journal.jsonl"))
    note = "wc is the floor of reading; at most 20 times as long was promised"
    yield Row(
        f"resume onto {RECORDS} done jobs",
        "wc -l of the journal",
        run,
        Call(["wc", "-l", journal]),
        1 / 20,
        3,
        note,
        200_000_000,
    )
    yield merge_row(folder)
    yield from log_rows(folder)


def merge_row(folder: Path) -> Row:
    """Four journals; the peer sorts the same rows, as they stand in them."""
    from measure import once

    machines = {name: [1, 1] for name in "abcd"}
    here = inputs(folder, "merged", "jobs.grid.json", json.dumps({"n": {"stop": RECORDS}}), json.dumps(machines))
    script = here / "main.py"
    script.write_text("from shareout import run\ndef job(n): return n, n * 0.37\nif __name__ == '__main__': run(job)\n")
    rows = here / "rows.csv"
    with rows.open("wb") as file:
        for name in machines:
            once(Call([PYTHON, script, "run", "--machine", name, "--yes", "--quiet", "-j", "2"], cwd=here))
            journal = next(here.glob(f"runs/*/{name}/journal.jsonl"))
            with journal.open("rb") as lines:
                for line in lines:
                    found = RESULT.match(line)
                    if found:
                        file.write(b"%b,%b\n" % found.groups())
    merge = Call([PYTHON, script, "merge-results", "-o", here / "all.csv", "--quiet"], cwd=here)
    sort = Call(["sort", "-t,", "-k1,1n", rows])
    return Row(f"merge {RECORDS} rows of four journals to CSV", "sort -t, -k1,1n", merge, sort, 1, 5, "", 500_000_000)


def log_rows(folder: Path) -> Iterator[Row]:
    """Three machines' logs, a million lines each."""
    from shareout.record.folder import RunFolder
    from shareout.record.log import LogWriter

    source = random.Random(1)
    home = folder / "logs"
    for machine in ("alice", "bob", "carol"):
        made = RunFolder(home / machine)
        made.path.mkdir(parents=True)
        made.journal.touch()
        writer = LogWriter(made, machine, 64 << 20)
        now = 1.7e9
        for number in range(LOG_LINES):
            now += source.random() / 100
            text = b"step %d: energy %.9f residual %.9f\n" % (number, source.random(), source.random())
            writer.output(text, number // 10, 1, "INFO", now)
        writer.close()
    unpacked = " ".join(f"<(zcat {home}/{machine}/log-*)" for machine in ("alice", "bob", "carol"))
    sort = Call(["bash", "-c", f"LC_ALL=C sort -m -k1,1 {unpacked}"])
    ours = Call([SHAREOUT, "merge-logs", home])
    yield Row(f"merge-logs of {3 * LOG_LINES} lines", "zcat, and sort -m", ours, sort, 1, 5, "", 100_000_000)
