"""Which file is the pool, and which implementation reads it: the one place that knows them all."""

from __future__ import annotations

from pathlib import Path

from shareout.config import Settings
from shareout.errors import InputError, Place, UsageError
from shareout.pool import Literal, Pool
from shareout.pool.compressed import ENDING, is_compressed, plain_name
from shareout.pool.looks import refuse_what_is_no_task_file, refuse_what_is_no_text
from shareout.pool.places.shelf import Shelf

NAMES = ("jobs.txt", "jobs.csv", "jobs.jsonl", "jobs.grid.json", "jobs.groups.json", "runs.txt")


def choose_pool(configs: Path, settings: Settings, named: Path | None, shelf: Shelf | None) -> Pool:
    """The named file, `[run] pool`, or the one jobs.* of the folder."""
    path = pool_path(configs, settings, named)
    if not path.exists():
        raise InputError("there is no such pool file", where=Place(str(path)))
    commands = settings.commands
    template = Literal(commands.template) if commands.literal else commands.template
    pool = _open(path, template, commands.colsep, shelf)
    if hasattr(pool, "reserved"):
        pool.reserved = pool.reserved | {settings.run.cost}
    return pool


def pool_path(configs: Path, settings: Settings, named: Path | None) -> Path:
    """Which file that is, whether it is there or not."""
    return named or _configured(configs, settings) or _only(configs)


def _configured(configs: Path, settings: Settings) -> Path | None:
    return configs / settings.run.pool if settings.run.pool else None


def _only(configs: Path) -> Path:
    found = [one for name in NAMES for one in (configs / name, configs / f"{name}{ENDING}") if one.exists()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise UsageError(
            f"{configs} has {len(found)} pools: {names}",
            way_out="Keep one, or name it with `pool = …` in [run] of runner.config, or on the command line.",
        )
    if not found:
        raise UsageError(
            f"{configs} has no pool: none of {', '.join(NAMES)}",
            way_out="`shareout init` writes a jobs.txt; run(job, pool=…) gives one from code, `run FILE` names one.",
        )
    return found[0]


def _open(path: Path, template: str, colsep: str, shelf: Shelf | None) -> Pool:
    refuse_what_is_no_text(path)
    name = plain_name(path)
    if is_compressed(path) and name.endswith((".json", "runs.txt")):
        raise InputError(
            "is compressed, and only lists of jobs are read so", where=Place(str(path)), way_out="Unpack it."
        )
    if name.endswith(".csv"):
        from shareout.pool.csv_rows import CsvPool

        return CsvPool(path, template, shelf)
    if name.endswith((".jsonl", ".ndjson")):
        from shareout.pool.rows import JsonlPool

        return JsonlPool(path, template, shelf=shelf)
    if name.endswith(".grid.json"):
        from shareout.pool.grid import GridPool

        return GridPool(path, template, shelf)
    if name.endswith(".groups.json"):
        from shareout.pool.groups import GroupsPool

        return GroupsPool(path, template, colsep, shelf)
    if name.endswith(".stream.json"):
        from shareout.pool.stream import open_stream

        return open_stream(path, template, colsep)
    if name == "runs.txt":
        from shareout.pool.runmaker import RunmakerPool

        return RunmakerPool(path)
    from shareout.pool.text import TextPool

    refuse_what_is_no_task_file(path, has_columns=bool(template or colsep))
    return TextPool(path, template, colsep, shelf)
