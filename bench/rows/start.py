"""Starting: from sources, and as one file. The floor is a Python that does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Aspect, Call, Row, once
from place import PYTHON, RUN, SHAREOUT, Place, run_commands, without_runs

MEGABYTE = 1e6
BARE = Call([PYTHON, "-c", "pass"])
FLOOR = "python -c pass"
# Of one file: no start should be felt.
MOST_MS = {"--version": 50, "status": 80, "plan, one job": 90, "run, one job": 150}


def of_sources(place: Place) -> Iterator[Row]:
    small = place.inputs("small", {"jobs.txt": "echo 1\n"})
    rounds = place.sizes.many_rounds
    yield Row("shareout --version", FLOOR, Call([SHAREOUT, "--version"]), BARE, rounds=rounds)
    yield Row("shareout plan, one job", FLOOR, Call([SHAREOUT, "plan"], cwd=small), BARE, rounds=rounds)
    yield Row("shareout run, one job", FLOOR, run_commands(small), BARE, rounds=rounds)
    # What the last run has left is there.
    yield Row("shareout status, one job", FLOOR, Call([SHAREOUT, "status"], cwd=small), BARE, rounds=rounds)


def of_executable(place: Place) -> Iterator[Row]:
    empty = place.folder / "empty"
    empty.mkdir()
    (empty / "empty.py").write_text("pass\n")
    built = place.folder / "built"
    once(Call([PYTHON, "-m", "shareout", "freeze", "-o", built]))
    once(Call([PYTHON, "-m", "PyInstaller", "--onefile", "--log-level", "ERROR", "empty.py"], cwd=empty))
    program, rounds = built / "shareout", place.sizes.many_rounds
    size = program.stat().st_size
    yield Row(
        "one-file executable, --version",
        "PyInstaller's default, an empty program",
        Call([program, "--version"]),
        Call([empty / "dist" / "empty"]),
        2.5,
        rounds,
        [Aspect("one-file executable, size", "MB", lambda run: size / MEGABYTE, 20)],
    )
    small = place.inputs("small-built", {"jobs.txt": "echo 1\n"})
    calls = {
        "--version": Call([program, "--version"]),
        "plan, one job": Call([program, "plan"], cwd=small),
        "run, one job": Call([program, *RUN], without_runs(small), small),
        "status": Call([program, "status"], cwd=small),
    }
    for words, call in calls.items():
        what = f"one-file executable, {words}"
        took = Aspect(what, "ms", lambda run: run.wall_s * 1000, MOST_MS[words])
        yield Row(what, FLOOR, call, BARE, None, rounds, [took])
