"""Files to start from, for jobs that a person has: made as texts, refused before one is written."""

from __future__ import annotations

import ast
import json
import keyword
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from shareout.config import load_settings
from shareout.entry import Entry
from shareout.errors import InputError, Place, UsageError, cannot_read
from shareout.linux import host_name
from shareout.names import why_no_name
from shareout.pool import Pool, open_pool
from shareout.rewrite import with_setting
from shareout.run.host.cores import granted_cores
from shareout.settings_table import starting_text

LOOKED_AT = 1000
"""Rows, for what kind of value a column has."""
MAKEFILE = """# make exe: one file for machines without Python; every command of shareout is in it.
ENTRY ?= {entry}
PYTHON ?= $(firstword $(wildcard .venv/bin/python venv/bin/python) python3)

exe:
\t$(PYTHON) -m shareout freeze $(ENTRY)

.PHONY: exe
"""
STUB = '''"""{what}"""

from shareout import run


def job({parameters}):
    # Here goes the work. What is returned becomes a row of the merged table.
    return {result}


if __name__ == "__main__":
    run(job)
'''
SAMPLES = {
    "int": ("1", "2", "3"), "float": ("0.5", "1.5", "2.5"), "bool": ("true", "false", "true"),
    "str": ("one", "two", "three"),
}  # fmt: skip


def machines_text(hosts: str | None) -> str:
    """`a:8,b:4` as a machines.json; without it this host, with the cores that it grants."""
    pairs = [_host(one) for one in hosts.split(",")] if hosts else [(_own_name(), granted_cores())]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--hosts names {name} twice", way_out="Its cores stand behind its name once.")
    lines = ",\n".join(f"  {json.dumps(name, ensure_ascii=False)}: [1.0, {cores}]" for name, cores in pairs)
    return f"{{\n{lines}\n}}\n"


def _host(text: str) -> tuple[str, int]:
    name, colon, cores = text.strip().rpartition(":")
    if not colon or not name or not re.fullmatch(r"[1-9][0-9]{0,5}", cores):
        raise UsageError(f'--hosts: "{text.strip()}" is not NAME:CORES', way_out="Write --hosts alice:8,bob:4.")
    why = why_no_name(name) or ("has a slash" if "/" in name else "") or ("is a word of ours" if name == "all" else "")
    if why:
        raise UsageError(f'--hosts: "{name}" cannot name a machine: it {why}')
    return name, int(cores)


def _own_name() -> str:
    short = host_name().partition(".")[0]
    return "here" if not short or why_no_name(short) or short in ("all", "auto") else short


def of_commands(list_file: Path, configs: Path) -> dict[Path, bytes | Path]:
    """The list, as the pool of the configs."""
    if list_file.suffix in (".csv", ".jsonl", ".json", ".py"):
        raise UsageError(
            f"--commands takes a list of command lines, and {list_file} is {list_file.suffix[1:]}",
            way_out="--csv FILE takes rows, --python FILE.py a function.",
        )
    _opened(list_file)
    return {configs / "jobs.txt": list_file}


def of_rows(rows: Path, configs: Path, script: Path | None) -> dict[Path, bytes | Path]:
    """Rows for the function of a script, which is written where it is not there; without one for a command of which
    the template names each column."""
    if not re.search(r"\.csv(\.gz|\.zst|\.xz|\.bz2)?$", rows.name):
        raise UsageError(
            f"--csv takes a .csv file, found {rows}", way_out="Name it so; its first row names the columns."
        )
    pool = _opened(rows)
    kinds = _kinds(pool)
    made: dict[Path, bytes | Path] = {configs / f"jobs{rows.name[rows.name.index('.csv') :]}": rows}
    if script is None:
        # By its number where a name has what no placeholder may have.
        places = [name if re.fullmatch(r"\w+", name) else str(number) for number, name in enumerate(kinds, 1)]
        template = "echo " + " ".join(f"{{{place}}}" for place in places)
        text = with_setting(starting_text(), "commands", "template", template)
        return {**made, configs / "runner.config": text.encode()}
    if script.exists():
        _call_of_run(_parsed(script), script)
    # One that is there stays, and is said to.
    made[script] = _stub(f"A job a row of {configs / 'jobs.csv'}: its columns are the parameters.", kinds).encode()
    return made


def of_python(script: Path, configs: Path) -> dict[Path, bytes | Path]:
    """A script that is there gets rows for the parameters of its function; one that is not is written with them."""
    if script.suffix != ".py":
        raise UsageError(f"--python takes a script, found {script}", way_out="Name it as main.py.")
    if not script.exists():
        from shareout.cli.starting.examples import files_of

        example = files_of("csv")
        return {script: example["main.py"].encode(), configs / "jobs.csv": example["configs/jobs.csv"].encode()}
    rows = _rows_for(script)
    kept: dict[Path, bytes | Path] = {script: b""}
    return kept if rows is None else {**kept, configs / "jobs.csv": rows.encode()}


def of_entry(entry: Entry) -> str | None:
    """Rows for the function of a program that runs; None when it takes none."""
    from inspect import signature

    assert entry.job is not None
    found = signature(entry.job).parameters.values()
    known = {one.name: str(getattr(one.annotation, "__name__", one.annotation)) for one in found
             if one.kind is one.POSITIONAL_OR_KEYWORD}  # fmt: skip
    return _sample(known)


def makefile(script: Path) -> bytes:
    """`make exe`, for who has installed shareout and has no checkout of it."""
    return MAKEFILE.format(entry=script).encode()


def _opened(file: Path) -> Pool:
    if not file.exists():
        raise UsageError(f"there is no file {file}")
    pool = open_pool(Path("none"), load_settings(Path("none")), named=file)
    if not len(pool):
        raise InputError("it has no jobs", where=Place(str(file)), way_out="Put a line a job into it.")
    return pool


def _kinds(pool: Pool) -> dict[str, str]:
    """What each column of a CSV file is for a function: the narrowest of int, float, bool and str that takes it."""
    rows = [pool.arguments(job) for job in islice(range(len(pool)), LOOKED_AT)]
    names = list(rows[0]) if isinstance(rows[0], dict) else []
    return {name: _kind([str(row[name]) for row in rows if isinstance(row, dict)]) for name in names}


def _kind(values: Sequence[str]) -> str:
    if all(re.fullmatch(r"\s*[+-]?[0-9]+\s*", one) for one in values):
        return "int"
    if _all_taken(float, values):
        return "float"
    return "bool" if {one.strip().lower() for one in values} <= {"true", "false"} else "str"


def _all_taken(convert: Callable[[str], object], values: Iterable[str]) -> bool:
    try:
        for one in values:
            convert(one)
    except ValueError:
        return False
    return True


def _stub(what: str, kinds: Mapping[str, str]) -> str:
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in kinds):
        parameters = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        result = "{" + ", ".join(f'"{name}": {name}' for name in kinds) + "}"
    else:
        # What no parameter can be called comes by its name all the same.
        parameters, result = "**row: str", "row"
    return STUB.format(what=what, parameters=parameters, result=result)


def _rows_for(script: Path) -> str | None:
    """A few rows for the function that the script gives to `run`; None where it needs none, or gives a pool itself."""
    tree = _parsed(script)
    call = _call_of_run(tree, script)
    job = call.args[0] if call.args else None
    if {"pool", "commands", "groups"} & {one.arg for one in call.keywords} or not isinstance(job, ast.Name):
        return None
    function = _defined(tree, job.id)
    return _sample({one.arg: _annotated(one) for one in function.args.args}) if function is not None else None


def _call_of_run(tree: ast.Module, script: Path) -> ast.Call:
    """What makes a program of it; refused, with what to add, where there is none."""
    calls = (one for one in ast.walk(tree) if isinstance(one, ast.Call) and _is_run(one.func))
    if found := next(calls, None):
        return found
    # The function that stands last is most often the one that the others are for.
    names = [one.name for one in tree.body if isinstance(one, ast.FunctionDef)]
    raise InputError(
        "never calls shareout.run: it would be no program",
        where=Place(str(script)),
        way_out="End it with these lines:\n    from shareout import run\n    if __name__ == '__main__':\n"
        f"        run({names[-1] if names else 'job'})",
    )


def _defined(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    found = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == name)
    return next(found, None)


def _parsed(script: Path) -> ast.Module:
    try:
        return ast.parse(script.read_bytes(), str(script))
    except OSError as error:
        raise cannot_read(script, error) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise InputError(f"is no Python: {getattr(error, 'msg', error)}", where=Place(str(script), line)) from None


def _annotated(parameter: ast.arg) -> str:
    return "" if parameter.annotation is None else ast.unparse(parameter.annotation)


def _is_run(func: ast.expr) -> bool:
    return getattr(func, "id", getattr(func, "attr", "")) in ("run", "run_commands")


def _sample(kinds: Mapping[str, str]) -> str | None:
    if not kinds:
        return None
    columns = [SAMPLES[next((kind for kind in SAMPLES if kind in said), "str")] for said in kinds.values()]
    return "\n".join([",".join(kinds), *(",".join(row) for row in zip(*columns, strict=True))]) + "\n"
