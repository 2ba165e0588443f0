"""What an entry script gave to `run`: the job, its hooks and where its rows come from, as plain data; and how the
program that holds it is called again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from shareout.fields import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """A command template, and the units that it is run over: `Group("to_avi", "ffmpeg -i {} {/.}.avi", videos)`."""

    name: str
    template: str
    units: Iterable[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """Without one the job is the built-in "run this command line"; so it is with one that has no job."""

    job: Callable[..., Any] | None = None
    pool: Iterable[Any] | None = None
    reduce: Callable[[Any, Any], Any] | None = None
    initial: Any = None
    setup: Callable[..., Any] | None = None
    teardown: Callable[..., Any] | None = None
    init_worker: Callable[..., Any] | None = None
    on_result: Callable[[Any], Any] | None = None
    on_end: Callable[[Path, Path], Any] | None = None
    """Given the run directory and the configs when a run has ended, however it did."""
    groups: tuple[Group, ...] = ()
    columns: tuple[str, ...] = ()
    """What its merged table has, where nobody says; empty: what those of all programs have."""


def runs_commands(entry: Entry | None) -> bool:
    """Whether the jobs are command lines."""
    return entry is None or entry.job is None


def kind_of(entry: Entry | None) -> str:
    """What its jobs are: `python` or `command`."""
    return "command" if runs_commands(entry) else "python"


def own_program(entry: Entry | None) -> list[str]:
    """For what is to be a process of its own: the executable, or this Python with the module or the user's script."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, *(["-m", "shareout"] if entry is None else [os.path.abspath(sys.argv[0])])]
