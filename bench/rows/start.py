"""Starting: from sources, and as one file."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Aspect, Call, Row, once
from place import PYTHON, SHAREOUT, Place, run_commands

MEGABYTE = 1e6


def of_sources(place: Place) -> Iterator[Row]:
    small = place.inputs("small", {"jobs.txt": "echo 1\n"})
    bare, rounds = Call([PYTHON, "-c", "pass"]), place.sizes.many_rounds
    yield Row("shareout --version", "python -c pass", Call([SHAREOUT, "--version"]), bare, rounds=rounds)
    yield Row("shareout plan, one job", "python -c pass", Call([SHAREOUT, "plan"], cwd=small), bare, rounds=rounds)
    yield Row("shareout run, one job", "python -c pass", run_commands(small), bare, rounds=rounds)


def of_executable(place: Place) -> Iterator[Row]:
    empty = place.folder / "empty"
    empty.mkdir()
    (empty / "empty.py").write_text("pass\n")
    built = place.folder / "built"
    once(Call([PYTHON, "-m", "shareout", "freeze", "-o", built]))
    once(Call([PYTHON, "-m", "PyInstaller", "--onefile", "--log-level", "ERROR", "empty.py"], cwd=empty))
    size = (built / "shareout").stat().st_size
    yield Row(
        "one-file executable, --version",
        "PyInstaller's default, an empty program",
        Call([built / "shareout", "--version"]),
        Call([empty / "dist" / "empty"]),
        2.5,
        place.sizes.many_rounds,
        [Aspect("one-file executable, size", "MB", lambda run: size / MEGABYTE, 20)],
    )
