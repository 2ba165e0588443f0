"""`init`: a commented starting set of inputs. Overwrites nothing, and says what it wrote and what it left."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from shareout.entry import Entry
from shareout.errors import cannot_write
from shareout.settings_table import starting_text

MACHINES = """{
  "alice": [1.0, 8],
  "bob": {"perf": 0.8, "cores": 4}
}
"""
JOBS = """# One job a line: a command, as you would type it. Blank lines and lines that begin with # are no jobs.
echo one
echo two
echo three; sleep 1
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--configs", metavar="DIR", default="configs", help="where to (default: ./configs)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    folder = Path(arguments.configs)
    has_pool = (
        any(folder.glob("jobs.*"))
        or (folder / "runs.txt").exists()
        or (entry is not None and (entry.pool is not None or bool(entry.groups)))
    )
    files = {"runner.config": starting_text(), "machines.json": MACHINES, **({} if has_pool else {"jobs.txt": JOBS})}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wrote = {folder / name: _write(folder / name, text) for name, text in files.items()}
    except OSError as error:
        raise cannot_write(
            error.filename or folder, error, way_out="Name another folder with --configs DIR."
        ) from error
    if arguments.json:
        names = {is_new: [str(path) for path, new in wrote.items() if new is is_new] for is_new in (True, False)}
        print(json.dumps({"wrote": names[True], "kept": names[False]}))
        return 0
    for path, is_new in wrote.items():
        print(f"wrote  {path}" if is_new else f"kept   {path}: it is there already")
    return 0


def _write(path: Path, text: str) -> bool:
    """False when it is there already."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
