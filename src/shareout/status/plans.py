"""The folders of plans below a folder of runs, each as a whole: how far it is, who worked in it, how large it is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shareout.errors import RunDirectoryInUse, ShareoutError
from shareout.fields import dataclass
from shareout.ledger.beat import MACHINES
from shareout.plan.fingerprint import words
from shareout.record.folder import RunFolder
from shareout.record.lock import is_locked, owner_elsewhere
from shareout.record.reader import is_torn_header
from shareout.status.beat import Pulse, has_fresh_beat, is_shipped
from shareout.status.total import look, open_followers

NAME = re.compile(r"[0-9a-f]{16}")
MARK = "ledger.json"
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class PlanFolder:
    """What the machines of one plan have left in one folder of runs."""

    path: Path
    jobs: int | None
    """None where nothing tells it: no journal has a whole header."""
    done: int
    failed: int
    machines: tuple[str, ...]
    live: tuple[str, ...]
    """Those in whose directories a process works, or may on another host."""
    changed: float
    """When something was last recorded, in seconds since 1970."""
    bytes: int
    trouble: str = ""
    """Why it cannot be told how far it is."""

    @property
    def fingerprint(self) -> str:
        """The words of the plan."""
        return words(bytes.fromhex(self.path.name))


def plan_folders(runs: Path) -> list[Path]:
    """Those of that folder, by their names; the folder itself when it is one."""
    if NAME.fullmatch(runs.resolve().name):
        return [runs.resolve()]
    return sorted(path for path in runs.iterdir() if NAME.fullmatch(path.name) and path.is_dir())


def machines_of(path: Path) -> list[RunFolder]:
    """The run directories in the folder of a plan, with what a start had made before it recorded anything. Of a folder
    that hosts share, those that they have shipped into its ledgers."""
    below = [one for one in sorted(path.iterdir()) if one.is_dir()]
    shipped = [machine for ledger in ledgers_of(path) for machine in sorted(ledger.glob(f"{MACHINES}/*"))]
    return [RunFolder(one) for one in [*below, *shipped] if not is_ledger(one)]


def ledgers_of(path: Path) -> list[Path]:
    """Those of the plan whose folder this is."""
    return [one for one in sorted(path.iterdir()) if is_ledger(one)]


def is_ledger(path: Path) -> bool:
    """Whether hosts share a plan there, or some groups of it."""
    return os.path.lexists(path / MARK)


def is_live(folder: RunFolder) -> bool:
    """Whether a process works there, or may on another host."""
    return is_locked(folder) or owner_elsewhere(folder) is not None or has_fresh_beat(folder)


def refuse_beating(path: Path) -> None:
    """Where hosts share the plan of this folder and one of them lives. Who has not said that it goes is watched for a
    while: its clock is not ours."""
    silent = {folder: Pulse(folder) for folder in machines_of(path) if is_shipped(folder)}
    while silent:
        if living := next((folder for folder, pulse in silent.items() if pulse.has_moved()), None):
            raise RunDirectoryInUse(
                f"{living.path} is of a host that works: its beat in the ledger moves",
                way_out="Stop it there, or `drain` it: nothing that hosts share is removed under their hands.",
            )
        silent = {folder: pulse for folder, pulse in silent.items() if pulse.is_unsure()}
        time.sleep(LOOK_S if silent else 0)


def look_at(path: Path, said: Callable[[str], None]) -> PlanFolder:
    """As it stands now. What is damaged is a folder too, and can be removed: it is told, and not refused."""
    folders = machines_of(path)
    begun = [one for one in folders if one.journals() and not all(map(is_torn_header, one.journals()))]
    jobs, done, failed, trouble = None, 0, 0, ""
    try:
        if begun:
            jobs, done, failed = _counts(begun, said)
    except ShareoutError as error:
        trouble = error.lines()[0]
    return PlanFolder(
        path,
        jobs,
        done=done,
        failed=failed,
        machines=tuple(dict.fromkeys(map(_name_of, folders))),
        live=tuple(dict.fromkeys(_name_of(one) for one in folders if is_live(one))),
        changed=max((one.worked_on() for one in begun), default=path.stat().st_mtime),
        bytes=sum(size for _, size in _files(path)),
        trouble=trouble,
    )


def _name_of(folder: RunFolder) -> str:
    """Of the machine whose it is."""
    name = folder.path.name
    if not is_shipped(folder):
        return name
    from shareout.stores.folder.spelling import meant

    return meant(os.fsencode(name)) or name


def _counts(folders: Sequence[RunFolder], said: Callable[[str], None]) -> tuple[int, int, int]:
    counts = look(open_followers(folders, said), None).counts
    return counts.jobs, counts.done, counts.failed


def _files(path: Path) -> Iterator[tuple[str, int]]:
    """All below it; links are not followed."""
    with os.scandir(path) as entries:
        for one in entries:
            if one.is_dir(follow_symlinks=False):
                yield from _files(Path(one.path))
            else:
                yield one.path, one.stat(follow_symlinks=False).st_size
