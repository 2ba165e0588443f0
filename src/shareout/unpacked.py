"""A one-file program's two processes and its unpacked folder: die together, leave nothing in /tmp.

The program that a user sees unpacks itself into a folder `_MEI…` and starts Python as its child. After a
`kill -9` of either, the folder stays; the next start removes what was left by our own user's dead programs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path

# PyInstaller names it by the process that made it, in hexadecimal: so it can be told whether that one still lives.
FOLDER = re.compile(r"_MEI([0-9a-f]{8})\w+")


def is_unpacked() -> bool:
    """Whether this is a one-file program (not a folder, not a source checkout)."""
    here = getattr(sys, "_MEIPASS", "")
    return bool(here) and FOLDER.fullmatch(Path(here).name) is not None


def settle() -> None:
    """Call once at the start of a command that may take long."""
    if not is_unpacked():
        return
    from shareout.linux import die_with_parent

    here = Path(sys._MEIPASS)  # type: ignore[attr-defined]
    die_with_parent(signal.SIGKILL, _program_pid(here))
    remove_leftovers(here.parent, keep=here)


def remove_leftovers(folder: Path, keep: Path) -> None:
    """Remove our own user's unpacked folders whose program is gone."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        path = folder / name
        if path != keep and FOLDER.fullmatch(name) and _is_left(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_left(path: Path) -> bool:
    try:
        # In /tmp anybody may make a folder of such a name, or a link that leads elsewhere.
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            return False
        # Signal 0 only asks. A number that was given to another process keeps a folder too long, and never removes
        # one that is used.
        os.kill(_program_pid(path), 0)
    except ProcessLookupError:
        return not _is_used(path)
    except OSError:
        return False
    return False


def _is_used(path: Path) -> bool:
    """Python may outlive its bootloader for a moment, with the folder's libraries still mapped."""
    for process in Path("/proc").glob("[0-9]*/maps"):
        try:
            if f"{path}/" in process.read_text("utf-8", "replace"):
                return True
        except OSError:
            continue
    return False


def _program_pid(path: Path) -> int:
    match = FOLDER.fullmatch(path.name)
    assert match is not None
    return int(match[1], 16)
