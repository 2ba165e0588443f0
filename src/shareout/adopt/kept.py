"""The list of a run, kept in its run directory: lists are edited in place, and what is done of one can be taken over
only while somebody knows what its jobs were."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from shareout.errors import cannot_record
from shareout.files import sync_folder
from shareout.pool import Pool
from shareout.record.folder import RunFolder

MOST_BYTES = 256 << 20
"""Of a larger one there is no copy."""


def keep_list(pool: Pool, folder: RunFolder) -> None:
    """A copy of the pool's one file, made once, whole or not at all. Of pools of several files there is none."""
    inputs = getattr(pool, "whole", pool).inputs
    if len(inputs) != 1 or kept_list(folder) is not None:
        return
    path = inputs[0].path
    fresh = folder.path / ".list.new"
    try:
        if path.stat().st_size > MOST_BYTES:
            return
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        # No link: lists are overwritten in place, and a link would change with them.
        shutil.copyfile(path, fresh / path.name)
        _sync(fresh / path.name)
        # A folder that is renamed when all is in it: nobody finds half a copy, and the list keeps its own name.
        fresh.rename(folder.kept_list)
        sync_folder(folder.path)
    except OSError as error:
        raise cannot_record(
            folder.kept_list, error, way_out="Make room, or name another place with --runs DIR."
        ) from error


def kept_list(folder: RunFolder) -> Path | None:
    """The copy, if there is one. Whether it is what was run, its work hash tells."""
    try:
        return next(iter(sorted(folder.kept_list.iterdir())), None)
    except OSError:
        return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
