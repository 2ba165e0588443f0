"""`init`: a starting set of inputs, commented, for jobs of one's own or as an example. Overwrites nothing, and says
what it wrote and what it left. Asks on a terminal what no flag says."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.options import program_name
from shareout.entry import Entry
from shareout.errors import UsageError, cannot_write
from shareout.settings_table import starting_text

if TYPE_CHECKING:
    from shareout.cli.starting.asked import Wanted

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
EXAMPLES = ("percolation", "commands", "csv")


def configure(parser: argparse.ArgumentParser) -> None:
    """Where to, and for which jobs; of the flags of all commands it has only what it can use."""
    name = parser.prog
    parser.epilog = (
        f"examples:\n  {name} --commands list.txt --hosts alice:8,bob:4\n  {name} --csv rows.csv --python main.py\n"
        f"  {name} --example percolation"
    )
    add = parser.add_argument
    add("--commands", metavar="FILE", help="the jobs are the lines of this file")
    add("--csv", metavar="FILE", help="the jobs are its rows: for a command, or a function")
    add("--python", metavar="FILE.py", help="the jobs are calls of its function; with a Makefile")
    add("--hosts", metavar="A:8,B:4", help="the machines, with their cores (default: this host)")
    add("--example", metavar="NAME", choices=EXAMPLES, help="percolation, commands or csv: a program that runs")
    add("-y", "--yes", action="store_true", help="ask nothing; without other flags: commented files")
    add("--configs", metavar="DIR", default="configs", help="where to (default: ./configs)")
    add("--json", action="store_true", help="one JSON document on standard output")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0, also when all was there already: what is the user's own is kept and said to be. 130 when the user leaves."""
    wanted = _wanted(arguments, entry)
    if wanted is None:
        print("nothing was written", file=sys.stderr)
        return 130
    configs = Path(arguments.configs)
    files = _plain(configs, entry) if wanted.is_plain else _files(wanted, configs, entry)
    is_new = {}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new[path] = _write(path, content)
    except OSError as error:
        raise cannot_write(
            error.filename or configs, error, way_out="Name another folder with --configs DIR."
        ) from error
    _tell(is_new, "" if wanted.is_plain else _next(wanted, configs), as_json=arguments.json)
    return 0


def _tell(is_new: Mapping[Path, bool], then: str, *, as_json: bool) -> None:
    if as_json:
        wrote, kept = ([str(path) for path, new in is_new.items() if new is asked] for asked in (True, False))
        print(json.dumps({"wrote": wrote, "kept": kept}))
        return
    for path, new in is_new.items():
        print(f"wrote  {path}" if new else f"kept   {path}: it is there already")
    if then:
        print(f"next   {then}")


def _wanted(arguments: argparse.Namespace, entry: Entry | None) -> Wanted | None:
    from shareout.cli.starting.asked import Wanted, ask

    said = Wanted(arguments.commands, arguments.python, arguments.csv, arguments.hosts, arguments.example)
    pools = [f"--{name}" for name in ("commands", "csv", "python", "example") if getattr(said, name)]
    if len(pools) > 1 and pools != ["--csv", "--python"]:
        raise UsageError(f"{' and '.join(pools)} say what the jobs are", way_out="Say one of them.")
    if entry is not None and pools:
        raise UsageError(f"{pools[0]}: the jobs of this program are its own", way_out="Leave it out.")
    is_asked = sys.stdin.isatty() and sys.stdout.isatty() and not (arguments.yes or arguments.json)
    return ask(entry is not None) if said.is_plain and is_asked else said


def _plain(configs: Path, entry: Entry | None) -> dict[Path, bytes | Path]:
    files = {"runner.config": starting_text(), "machines.json": MACHINES}
    if not _has_pool(configs, entry):
        files.update(_own_pool(entry))
    return {configs / name: text.encode() for name, text in files.items()}


def _files(wanted: Wanted, configs: Path, entry: Entry | None) -> dict[Path, bytes | Path]:
    from shareout.cli.starting import files as make

    made: dict[Path, bytes | Path] = {
        configs / "runner.config": starting_text().encode(),
        configs / "machines.json": make.machines_text(wanted.hosts).encode(),
    }
    script = Path(wanted.python) if wanted.python else None
    if wanted.commands:
        made |= make.of_commands(Path(wanted.commands), configs)
    elif wanted.csv:
        made |= make.of_rows(Path(wanted.csv), configs, script)
    elif script:
        made |= make.of_python(script, configs)
    elif wanted.example:
        from shareout.cli.starting.examples import files_of

        texts = files_of(wanted.example)
        made |= {_placed(path, configs): text.encode() for path, text in texts.items()}
        script = Path("main.py") if "main.py" in texts else None
    elif not _has_pool(configs, entry):
        made |= {configs / name: text.encode() for name, text in _own_pool(entry).items()}
    if script:
        made[script.parent / "Makefile"] = make.makefile(Path(script.name))
    _refuse_second_pool(made, configs)
    return made


def _placed(path: str, configs: Path) -> Path:
    return configs / path.removeprefix("configs/") if path.startswith("configs/") else Path(path)


def _own_pool(entry: Entry | None) -> dict[str, str]:
    if entry is None or entry.job is None:
        return {"jobs.txt": JOBS}
    from shareout.cli.starting.files import of_entry

    rows = of_entry(entry)
    return {} if rows is None else {"jobs.csv": rows}


def _refuse_second_pool(made: Mapping[Path, bytes | Path], configs: Path) -> None:
    """It would be refused by every other command."""
    pools = {path for path in made if path.name.startswith("jobs.")}
    others = [path for path in (*configs.glob("jobs.*"), configs / "runs.txt") if path.exists() and path not in pools]
    if pools and others:
        raise UsageError(
            f"{configs} has a pool already: {others[0].name}",
            way_out="Move it away, or write elsewhere with --configs DIR.",
        )


def _next(wanted: Wanted, configs: Path) -> str:
    """What to type now."""
    script = wanted.python or ("main.py" if wanted.example in ("percolation", "csv") else None)
    name = f"python {script}" if script else program_name()
    more = "" if configs == Path("configs") else f" --configs {configs}"
    return f"{name} plan{more}, then {name} run{more}"


def _has_pool(folder: Path, entry: Entry | None) -> bool:
    """Whether jobs come from somewhere already: a second pool beside the first would be refused by every command."""
    if entry is not None and (entry.pool is not None or entry.groups):
        return True
    return any(folder.glob("jobs.*")) or (folder / "runs.txt").exists()


def _write(path: Path, content: bytes | Path) -> bool:
    """False when it is there already."""
    try:
        # By the open itself: between a look and a write another program may have made it.
        with path.open("xb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
            else:
                file.write(content)
    except FileExistsError:
        return False
    return True
