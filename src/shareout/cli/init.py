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
    """Where to; of the flags of all commands it has only what it can use."""
    parser.add_argument("--configs", metavar="DIR", default="configs", help="where to (default: ./configs)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0, also when all was there already: what is the user's own is kept and said to be."""
    folder = Path(arguments.configs)
    files = {"runner.config": starting_text(), "machines.json": MACHINES}
    if not _has_pool(folder, entry):
        files["jobs.txt"] = JOBS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_new = {folder / name: _write(folder / name, text) for name, text in files.items()}
    except OSError as error:
        raise cannot_write(
            error.filename or folder, error, way_out="Name another folder with --configs DIR."
        ) from error
    if arguments.json:
        wrote, kept = ([str(path) for path, new in is_new.items() if new is asked] for asked in (True, False))
        print(json.dumps({"wrote": wrote, "kept": kept}))
        return 0
    for path, new in is_new.items():
        print(f"wrote  {path}" if new else f"kept   {path}: it is there already")
    return 0


def _has_pool(folder: Path, entry: Entry | None) -> bool:
    """Whether jobs come from somewhere already: a second pool beside the first would be refused by every command."""
    if entry is not None and (entry.pool is not None or entry.groups):
        return True
    return any(folder.glob("jobs.*")) or (folder / "runs.txt").exists()


def _write(path: Path, text: str) -> bool:
    """False when it is there already."""
    try:
        # By the open itself: between a look and a write another program may have made it.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
