"""Replace a file, so that a crash leaves the old or the new, never half of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def replace_file(path: Path, parts: Sequence[bytes | bytearray], *, sync: bool = True) -> None:
    """Write beside it, sync, rename, sync the folder that received it."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new name is safe only when its folder is."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
