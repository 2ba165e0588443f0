"""`plans`: what lies in the folder of runs, a line a plan; `--remove WORDS` takes away what nobody needs any more."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from shareout.cli.inputs.run_folders import tell
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import UsageError, cannot_write, nearest
from shareout.plan import fingerprint
from shareout.record.lock import Lock, refuse_owned
from shareout.record.sources import REMOVED
from shareout.show.beside import say
from shareout.show.fold import columns_of
from shareout.show.tables import table
from shareout.status.plans import PlanFolder, look_at, machines_of, plan_folders, refuse_beating
from shareout.units import counted, told_filesize

MOST_NAMES = 3
COLUMNS = 80


def configure(parser: argparse.ArgumentParser) -> None:
    """Where, and what is to go."""
    parser.epilog = "examples:\n  plans\n  plans --remove lusab-babad-gutih-tugad"
    parser.add_argument("sources", nargs="*", metavar="DIR", help="folders of runs (default: --runs)")
    parser.add_argument(
        "--remove", nargs="+", action="extend", default=[], metavar="WORDS", help="remove these, with all they hold"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; 130 when the user says no. One that is live, or may be on another host, is refused before any is removed."""
    common = Common.of(arguments)
    paths = [path for folder in _folders(arguments.sources, common) for path in plan_folders(folder)]
    chosen = [_named(word, paths) for word in arguments.remove] if arguments.remove else paths
    found = [look_at(path, tell) for path in dict.fromkeys(chosen)]
    for one in found:
        if one.trouble:
            tell(f"{one.path.name}: {one.trouble}")
    if arguments.remove:
        return _remove(found, arguments.yes, common)
    found.sort(key=lambda one: -one.changed)
    _print(found, common, "plans")
    return 0


def _folders(sources: Sequence[str], common: Common) -> list[Path]:
    folders = [Path(one) for one in sources] or [common.runs]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"there is no folder {folder}" + ("" if sources else ": nothing has run here yet"),
                way_out="Name a folder of runs, as `plans home/runs`.",
            )
    return folders


def _named(word: str, paths: Sequence[Path]) -> Path:
    known = {fingerprint.words(bytes.fromhex(path.name)): path for path in paths}
    # A whole digest, as `--json` prints it, names the folder by its first sixteen digits.
    typed = word[:16] if len(word) == 64 else word
    for name, path in known.items():
        if fingerprint.matches(typed, bytes.fromhex(path.name)):
            # By where it is: of two copies only one was meant.
            if sum(one.name == path.name for one in paths) > 1:
                raise UsageError(f"{name} lies in several of these folders", way_out="Name one of the folders alone.")
            return path
    raise UsageError(
        f"no plan here is {word}{nearest(word, known)}", way_out="`plans` lists them; say the words, or 16 hex digits."
    )


def _remove(found: Sequence[PlanFolder], is_sure: bool, common: Common) -> int:
    for one in found:
        for folder in machines_of(one.path):
            refuse_owned(folder)
        refuse_beating(one.path)
    if not is_sure and not _confirmed(found):
        say("nothing was removed")
        return 130
    for one in found:
        _take_away(one.path)
    if common.json or not common.quiet:
        _print(found, common, "removed")
    return 0


def _confirmed(found: Sequence[PlanFolder]) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "there is no terminal to confirm on, and what is removed is gone", way_out="Add --yes to remove it."
        )
    from shareout.show.prompts import ask_same

    columns = columns_of(sys.stdout) or COLUMNS
    print(_table(found, columns))
    done = counted(sum(one.done for one in found), "done job")
    return ask_same(f"Remove {counted(len(found), 'plan')} with {done}, for good?", columns, default=False)


def _take_away(path: Path) -> None:
    """All of it, or what is left of it is nobody's run any more."""
    gone = path.with_name(f"{REMOVED}{path.name}-{os.getpid()}")
    with ExitStack() as locks:
        for folder in machines_of(path):
            # Held until it is away: a run that is started meanwhile is refused, and never records into what goes.
            locks.callback(Lock(folder).release)
        try:
            # First by a name that no command looks into: killed in the middle, a plan would look as if jobs were
            # missing.
            path.rename(gone)
        except OSError as error:
            raise cannot_write(path, error, way_out="Nothing of it was removed.") from error
    for left in path.parent.glob(f"{REMOVED}*"):
        try:
            shutil.rmtree(left)
        except OSError as error:
            raise cannot_write(
                error.filename or left, error, way_out=f"It is no plan any more; remove {left} by hand."
            ) from error


def _print(found: Sequence[PlanFolder], common: Common, key: str) -> None:
    if common.json:
        print(json.dumps({key: [_facts(one) for one in found]}))
    elif found:
        print(_table(found, columns_of(sys.stdout)) if key == "plans" else _removed(found))
    else:
        print("no plan has run here")


def _removed(found: Sequence[PlanFolder]) -> str:
    return "\n".join(f"removed {one.path}  {one.fingerprint}  {_size(one.bytes)}" for one in found)


def _facts(one: PlanFolder) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "path": str(one.path),
        "jobs": one.jobs,
        "done": one.done,
        "failed": one.failed,
        "machines": list(one.machines),
        "live": list(one.live),
        "changed": one.changed,
        "bytes": one.bytes,
    }


def _table(found: Sequence[PlanFolder], columns: int | None) -> str:
    head = ["plan", "jobs", "done", "failed", "machines", "last change", "size", "folder"]
    rows = [
        [
            one.fingerprint,
            "?" if one.jobs is None else f"{one.jobs:,}",
            f"{one.done:,}",
            f"{one.failed:,}",
            _machines(one),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(one.changed)),
            _size(one.bytes),
            str(one.path),
        ]
        for one in found
    ]
    return table(head, rows, right={1, 2, 3, 6}, columns=columns)


def _size(count: int) -> str:
    return f"{count} B" if count < 1 << 10 else told_filesize(count >> 10 << 10)


def _machines(one: PlanFolder) -> str:
    live = f", {len(one.live)} running" if one.live else ""
    if len(one.machines) > MOST_NAMES:
        return f"{len(one.machines)}{live}"
    return ", ".join(f"{name} (running)" if name in one.live else name for name in one.machines) or "none"
