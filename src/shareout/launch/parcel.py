"""What goes to every host: the program, the inputs, and the files that a call names; each with its hash."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shareout.entry import Entry, own_program
from shareout.errors import UsageError, cannot_read
from shareout.launch import scripts
from shareout.launch.launcher import Answer, Launcher, Talk
from shareout.launch.scripts import PROGRAM, Item
from shareout.plan.plan import Plan

INPUTS = ("machines.json", "runner.config", "header.csv", "costs.csv", "rest.json")
"""Of a folder that is more than a folder of inputs."""
BLOCK = 1 << 20
OURS = ("runs", "home", "launch", PROGRAM)
"""Names at the far end that are taken."""


def program(named: Path | None, entry: Entry | None, *, is_far: bool) -> Path | str:
    """The executable to copy; or, where all hosts are folders of this one, the text of a script that starts us."""
    if named is not None:
        return runnable(named)
    if getattr(sys, "frozen", False):
        return Path(sys.executable)
    if is_far:
        raise UsageError(
            "this program was installed by pip, and other hosts need one file that has all inside",
            way_out="Make one with `shareout freeze` (`make exe`), and name it: --exe build/shareout.",
        )
    return f'#!/bin/sh\nexec {shlex.join(own_program(entry))} "$@"\n'


def runnable(named: Path) -> Path:
    """The executable of --exe."""
    if not named.is_file() or not os.access(named, os.X_OK):
        raise UsageError(f"--exe {named} is no file that can be run", way_out="`shareout freeze` makes one.")
    return named


def items(executable: Path | str, plan: Plan, configs: Path, files: Sequence[Path], drafts: Path) -> list[Item]:
    """All of them, the program first. What is not below the current folder is refused: there would be no place for it
    at the far end that jobs know."""
    if isinstance(executable, str):
        drafts.mkdir(parents=True, exist_ok=True)
        script = drafts / PROGRAM
        script.write_text(executable)
        executable = script
    found = {PROGRAM: _item(PROGRAM, executable, mode=0o755)}
    for path in _unique([*_inputs(plan, configs), *(one for named in files for one in _below(named))]):
        place = free_place(path)
        found[place] = _item(place, path)
    return list(found.values())


def place_of(folder: Path) -> str:
    """Where a folder of this one is at the far end."""
    return _place(folder)


def free_place(path: Path) -> str:
    """Where something of the user's is at the far end. Names of ours are refused."""
    place = _place(path)
    if (first := place.split("/")[0]) in OURS:
        raise UsageError(f"{path} cannot be there: {first} is a name of ours at the far end")
    return place


def sent(launcher: Launcher, folder: str, item: Item, offset: int) -> Answer:
    """A file goes there from this byte on, where its part has so many; what the far side says of it."""
    with open(item.source, "rb") as file:
        file.seek(offset if offset <= item.size else 0)
        with Talk(launcher, scripts.copy(folder, item, file.tell())) as talk:
            while (block := file.read(BLOCK)) and talk.send(block):
                pass
            return talk.hear()


def _inputs(plan: Plan, configs: Path) -> Iterator[Path]:
    if _place(configs) == ".":
        yield from (configs / name for name in INPUTS if (configs / name).is_file())
    else:
        yield from _below(configs)
    for one in plan.inputs:
        # A list that a script gives is made anew by the script, wherever that runs.
        if one.path and not _place(Path(one.path)).startswith("runs/"):
            yield Path(one.path)


def _below(named: Path) -> Iterator[Path]:
    if not named.exists():
        raise UsageError(f"there is no {named} to copy", way_out="--files names files and folders of this folder.")
    if named.is_file():
        yield named
        return
    for here, folders, names in os.walk(named):
        folders.sort()
        yield from (Path(here, name) for name in sorted(names) if stat.S_ISREG(os.stat(Path(here, name)).st_mode))


def _unique(paths: Iterable[Path]) -> list[Path]:
    return list({_place(path): path for path in paths}.values())


def _place(path: Path) -> str:
    # By its name and not by where links lead: a job asks for it by that name.
    place = os.path.relpath(path)
    if place == ".." or place.startswith("../"):
        raise UsageError(
            f"{path} is not below this folder, and jobs elsewhere would not find it",
            way_out="Go to the folder that has all that jobs need, or bring the file here.",
        )
    return place


def _item(place: str, source: Path, mode: int | None = None) -> Item:
    whole = hashlib.sha256()
    try:
        with source.open("rb") as file:
            size = 0
            while block := file.read(BLOCK):
                whole.update(block)
                size += len(block)
        found = stat.S_IMODE(source.stat().st_mode) & 0o755 | 0o600
    except OSError as error:
        raise cannot_read(source, error) from error
    return Item(place, str(source), size, whole.hexdigest(), found if mode is None else mode)
