"""Inputs → Plan, for every command that needs one: settings, pool and machines loaded and refused together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from shareout.cli.options import Common, machines_file
from shareout.config import Settings, apply, load_settings
from shareout.entry import Entry, kind_of
from shareout.errors import InputError, InputErrors, Place, PlanMismatch, ShareoutError, raise_all
from shareout.machines import load_machines
from shareout.plan import fingerprint
from shareout.plan.plan import Plan, make_plan
from shareout.plan.rest import with_rest
from shareout.pool import COSTS, Pool, open_pool
from shareout.pool.choose import pool_path
from shareout.pool.places.shelf import Shelf
from shareout.pool.runmaker import RunmakerPool
from shareout.pool.text import TextPool
from shareout.show.beside import say
from shareout.show.progress import Progress
from shareout.titles import named_columns
from shareout.units import told_filesize

T = TypeVar("T")
LARGE = 16 << 20
"""Bytes that are read and hashed in a fifth of a second, on a slow host."""


def plan_of(
    common: Common,
    entry: Entry | None,
    *,
    pool_file: Path | None = None,
    flags: Mapping[str, str] | None = None,
    local_barriers: bool = False,
    kind: str | None = None,
) -> tuple[Plan, Settings]:
    """The plan of a configs folder; mistakes of several files are told together. `kind`: what the jobs are, for who
    looks at runs of a Python program without having it."""
    kind = kind or kind_of(entry)
    machines = machines_file(common)
    # All files are read before any is refused: to find the second mistake only when the first is mended would be a
    # round over all machines for each.
    mistakes: list[InputError] = []
    settings = _collect(lambda: apply(load_settings(common.configs), flags or {}), mistakes)
    _collect(lambda: load_machines(machines), mistakes)
    # With settings that are refused the pool is looked at by the defaults: its own mistakes are told as well.
    # By a folder that is not there: the defaults of the table, and no second list of them.
    known = settings or load_settings(common.configs / "none")
    with Progress() as progress:
        if (large := _large_file(common, known, entry, pool_file)) is not None:
            progress.begin(large)
        pool = _collect(lambda: pool_of(common, known, entry, pool_file), mistakes)
        if settings is not None:
            _collect(lambda: named_columns(common.configs, known), mistakes)
        raise_all(mistakes)
        assert settings is not None
        assert pool is not None
        made = make_plan(pool, machines, settings, kind=kind, local_barriers=local_barriers, watch=progress.watch)
    return made, settings


def _large_file(common: Common, settings: Settings, entry: Entry | None, pool_file: Path | None) -> str | None:
    """What is to be read, where that takes longer than a person waits for a sign of life."""
    if entry is not None and pool_file is None and (entry.pool is not None or entry.groups):
        return None
    try:
        path = pool_path(common.configs, settings, pool_file)
        size = path.stat().st_size
    except (OSError, ShareoutError):
        return None
    return f"reading and hashing {path} ({told_filesize(size >> 20 << 20)})" if size >= LARGE else None


def pool_of(common: Common, settings: Settings, entry: Entry | None, pool_file: Path | None) -> Pool:
    """The pool that a call means: a named file, what the entry generates, or the configs' own; of inputs that a
    rebalance wrote, what is left of it."""
    return with_rest(_whole_pool(common, settings, entry, pool_file), common.configs)


def tell_oddities(plan: Plan) -> None:
    """No mistakes, for a program may well write no jobs; but who did not mean it must see it."""
    pool = getattr(plan.pool, "whole", plan.pool)
    if isinstance(pool, RunmakerPool):
        for sentence in pool.oddities():
            say(f"shareout: {sentence}")
    if not plan.jobs:
        where = "what is left" if plan.ancestors else "the pool"
        say(f"shareout: {where} is empty, there is nothing to run: {plan.pool.inputs[-1].path}")
    if isinstance(pool, TextPool) and plan.kind == "command" and (row := pool.unfilled()) is not None:
        say(
            f"shareout: line {row.line} has {{}}, which nothing fills: there is no template. The command gets it as it "
            "stands; --template 'myprog {}' makes lines its arguments"
        )


def check_fits(entry: Entry | None, pool: Pool) -> None:
    """Whether a Python job can be called with the pool's rows, or a row makes a command line."""
    if entry is not None and entry.job is not None:
        from shareout.run.python.binding import Binding

        Binding(entry.job, pool).check()
    elif not getattr(pool, "has_commands", True):
        raise InputError(
            "its rows are no command lines: they have several fields, and no template says how these make a command",
            where=Place(str(pool.inputs[0].path)),
            way_out="Add --template 'myprog {name}', or [commands] template to runner.config; "
            "rows for a Python function are run by its own program.",
        )


def _whole_pool(common: Common, settings: Settings, entry: Entry | None, pool_file: Path | None) -> Pool:
    if entry is not None and pool_file is None and (entry.pool is not None or entry.groups):
        from shareout.pool.given import open_given, open_groups

        folder = common.runs / "pools"
        pool = open_given(entry.pool, folder, settings) if entry.pool is not None else open_groups(entry.groups, folder)
        # Where a person would write it: nobody looks for a file beside one that is named by its content.
        pool.costs_file = common.configs / COSTS
        return pool
    return open_pool(common.configs, settings, named=pool_file, shelf=Shelf(common.runs / "pools"))


def _collect(load: Callable[[], T], mistakes: list[InputError]) -> T | None:
    try:
        return load()
    except InputErrors as error:
        mistakes.extend(error.mistakes)
    except InputError as error:
        mistakes.append(error)
    return None


def check_expected(plan: Plan, expected: str | None) -> None:
    """`--expect`: refuse any other plan."""
    if expected and not fingerprint.matches(expected, plan.digest):
        raise PlanMismatch(
            f"this is the plan {plan.fingerprint} ({plan.short_hex}), not the expected {expected}",
            way_out="`plan --card` there and `plan --compare CARD` here say which input differs.",
        )
